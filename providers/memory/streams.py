"""Bytes in memory, read and written as if they came from afar."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from anyio.lowlevel import checkpoint

from providers.base import CHUNK, Facts
from providers.memory.store import File


class MemoryReader:
    """A file being read; what is published meanwhile does not change its bytes."""

    def __init__(self, file: File, offset: int, unchanged: Callable[[], bool]) -> None:
        self._file = file
        self._offset = offset
        self._unchanged = unchanged

    @property
    def facts(self) -> Facts:
        """Return size and time as of opening."""
        return self._file.facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(self._offset, len(self._file.content), CHUNK):
            await checkpoint()
            yield self._file.content[start : start + CHUNK]

    async def unchanged(self) -> bool:
        """Return whether this very file is still the one at its place."""
        return self._unchanged()


class MemorySink:
    """Staged bytes being written."""

    def __init__(self, staged: bytearray) -> None:
        self._staged = staged

    async def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        await checkpoint()
        self._staged += chunk

    async def flush(self) -> None:
        """Return at once: there is no farther side."""
        await checkpoint()
