"""Files of a disk as streams, which are read and written in worker threads."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import Protocol, TypeVar

from anyio import Lock

from providers.base import CHUNK, Facts
from providers.folders import disk

_PARTS = 256  # of one call; systems take at most 1024
WRITEBACK = 16 * CHUNK
T = TypeVar("T")


class Run(Protocol):
    """Runs a blocking call in a worker thread and translates its errors."""

    def __call__(self, call: Callable[..., T], /, *args: object) -> Awaitable[T]:
        """Return what the call returns."""
        ...


class DiskReader:
    """
    A file being read. The kernel reads ahead; a chunk seldom waits for the disk.

    Made in a worker thread, where it reads the first chunk at once: of a small file that is
    all there is.
    """

    def __init__(self, run: Run, file: FileIO, path: Path) -> None:
        self._run = run
        self._file = file
        self._path = path
        self._opened = os.fstat(file.fileno())
        self._facts = disk.facts_of(self._opened, path)
        self._first = file.read(CHUNK)
        self._ends = file.tell() >= self._facts.size

    @property
    def facts(self) -> Facts:
        """Return size and time as of opening."""
        return self._facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        first, self._first = self._first, b""  # a large file is not kept company by its start
        if first:
            yield first
        del first
        while not self._ends and (chunk := await self._run(self._file.read, CHUNK)):
            yield chunk

    async def unchanged(self) -> bool:
        """Return whether the name still means the file that was opened, with the same facts."""
        return await self._run(self._is_unchanged)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _is_unchanged(self) -> bool:
        try:
            return disk.same_file(self._opened, self._path.stat())
        except FileNotFoundError:
            return False


class DiskSink:
    """
    Staged bytes being written, gathered to whole chunks first.

    One task may flush while another writes on: the lock keeps the bytes in order, and what
    could not be written stays gathered, so that no later flush passes over a gap. The disk
    begins to write early: bytes come in slowly from far sites, and would otherwise all wait
    for the sync at the end.
    """

    def __init__(self, run: Run, file: FileIO, offset: int) -> None:
        self._run = run
        self._file = file
        self._gathered: list[bytes] = []
        self._size = 0  # of what is gathered
        self._lock = Lock()
        self._written = offset
        self._started = offset

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; it is written once a whole `CHUNK` has come together."""
        self._gathered.append(chunk)
        self._size += len(chunk)
        if self._size >= CHUNK:
            await self.drain()

    async def drain(self) -> None:
        """Return when the system has all that was written so far."""
        async with self._lock:
            gathered, size = tuple(self._gathered), self._size
            await self._run(self._write, gathered, size)
            del self._gathered[: len(gathered)]
            self._size -= size

    async def flush(self) -> None:
        """Return when all that was written is on the disk."""
        await self.drain()
        await self._run(disk.sync_file, self._file.fileno())

    def _write(self, gathered: Sequence[bytes], size: int) -> None:
        self._file.seek(self._written)
        _write_all(self._file, gathered)
        self._written += size
        if self._written - self._started >= WRITEBACK:
            disk.start_writeback(self._file.fileno(), self._started, self._written - self._started)
            self._started = self._written


def _write_all(file: FileIO, chunks: Sequence[bytes]) -> None:
    """Write chunks, in one call of the system where it has one for that."""
    left = deque(memoryview(chunk) for chunk in chunks)
    while left:
        if sys.platform == "win32":
            written = file.write(left[0])
        else:
            written = os.writev(file.fileno(), list(islice(left, _PARTS)))
        while left and written >= len(left[0]):
            written -= len(left.popleft())
        if written:
            left[0] = left[0][written:]
