"""
One file copied from disk to disk by the kernel, then hashed at both ends.

`copy_file_range` shares the blocks where the file system can (reflink) and lets a file
server copy by itself; where it cannot serve, bytes are read and written. All of it is one
blocking call for a worker thread, which looks for its cancellation between chunks.
"""

from __future__ import annotations

import errno
import os
import sys
import unicodedata
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from io import FileIO
from pathlib import Path
from threading import Event

from anyio.from_thread import check_cancelled

from providers.base import CHUNK, ChangedFileError, Copied
from providers.checksums import checksum_of
from providers.local_drive import disk
from providers.local_drive.inside import Held

COPY_CHUNK = 16 * CHUNK
_HASH_CHUNK = CHUNK // 4  # stays in the processor's cache
_CANNOT = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY}


def copy(
    source: Path,
    folder: Held,
    staged: str,
    opened: Callable[[], FileIO],
    progress: Callable[[int], None],
) -> Copied:
    """
    Make `staged` a whole, durable copy; if that fails, nothing is left of it.

    `opened` returns it new (O_EXCL), or at the end of what is kept of it. Both ends are hashed
    whole in any case: that proves what was kept, too.
    """
    with open_source(source) as reading:
        writing = opened()
        try:
            with writing:
                return _copy(source, reading, writing, progress)
        except BaseException:
            with suppress(FileNotFoundError):
                folder.remove(staged)
            raise


def open_source(source: Path) -> FileIO:
    """
    Open a file by a path without links, and refuse what lies elsewhere.

    A link that was put in a folder's place since the path was checked would lead out of the
    source's root.
    """
    file = disk.open_for_reading(source)
    place = disk.place_of(file.fileno())
    if place not in {None, str(source)} and _folded(place or "") != _folded(str(source)):
        file.close()
        raise _changed(source)
    return file


def _folded(path: str) -> str:
    """Return a path as disks and shares that do not tell case apart take it."""
    return unicodedata.normalize("NFC", path).casefold()


def chunks(file: FileIO, check: Callable[[], None] = check_cancelled) -> Iterator[memoryview]:
    """Yield all bytes of a file in pieces, each of which is good until the next."""
    file.seek(0)
    room = min(os.fstat(file.fileno()).st_size + 1, _HASH_CHUNK)
    buffer = memoryview(bytearray(room))
    size = room
    while size == room:  # less is the end: these are files, not pipes
        check()
        size = file.readinto(buffer)
        yield buffer[:size]


def _copy(
    source: Path, reading: FileIO, writing: FileIO, progress: Callable[[int], None]
) -> Copied:
    before = os.fstat(reading.fileno())
    facts = disk.facts_of(before, source)
    with _hashed(source, before) as source_checksum:
        send(reading, writing, facts.size, progress)
        with _synced(writing, facts.size):
            staged = checksum_of("xxh128", chunks(writing))
            copied = Copied(facts, source_checksum(), staged)
    if not disk.same_file(before, source.stat()):
        raise _changed(source)
    return copied


@contextmanager
def _hashed(source: Path, known: os.stat_result) -> Generator[Callable[[], str]]:
    """
    Hash a file while the caller copies it; what is given returns the checksum.

    A small file is hashed when that is asked for, sooner than a thread starts.
    """
    with open_source(source) as reading:
        if not disk.same_file(known, os.fstat(reading.fileno())):
            raise _changed(source)
        if known.st_size <= COPY_CHUNK:
            yield lambda: checksum_of("xxh128", chunks(reading))
            return
        over = Event()
        read = chunks(reading, partial(_end_if, over))
        with ThreadPoolExecutor(1) as thread:
            try:
                yield thread.submit(checksum_of, "xxh128", read).result
            finally:
                over.set()


def _end_if(over: Event) -> None:
    """Let a checksum go that nobody asks for any more."""
    if over.is_set():
        raise CancelledError


@contextmanager
def _synced(writing: FileIO, size: int) -> Generator[None]:
    """Sync a file while the caller hashes; a small one afterwards, sooner than a thread starts."""
    if size > COPY_CHUNK:
        with ThreadPoolExecutor(1) as thread:
            synced = thread.submit(disk.sync_file, writing.fileno())
            yield
            synced.result()
    else:
        yield
        disk.sync_file(writing.fileno())


def send(reading: FileIO, writing: FileIO, size: int, progress: Callable[[int], None]) -> None:
    """Copy what is behind the end of `writing`, up to a size; not yet synced."""
    step = _by_kernel if sys.platform == "linux" else _by_hand
    sent = reading.seek(writing.tell())
    while sent < size:
        check_cancelled()
        moved = step(reading, writing, min(size - sent, COPY_CHUNK))
        if moved:
            disk.start_writeback(writing.fileno(), sent, moved)
            progress(moved)
            sent += moved
        elif step is _by_hand:
            raise _changed(reading.name)
        else:
            step = _by_hand


def _by_kernel(reading: FileIO, writing: FileIO, size: int) -> int:
    """Return how many bytes the kernel has copied: none where it cannot."""
    try:
        return os.copy_file_range(reading.fileno(), writing.fileno(), size)
    except OSError as error:
        if error.errno in _CANNOT:
            return 0
        raise


def _by_hand(reading: FileIO, writing: FileIO, size: int) -> int:
    """Return how many bytes were read and written: none at the end of the file."""
    return write(writing, memoryview(reading.read(min(size, CHUNK)) or b""))


def write(writing: FileIO, content: memoryview) -> int:
    """Write all of it, and return how many bytes that were."""
    written = 0
    while written < len(content):
        written += writing.write(content[written:])
    return written


def _changed(source: object) -> ChangedFileError:
    return ChangedFileError(f"{source} changed while it was copied; it is tried again")
