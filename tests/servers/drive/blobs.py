"""
Contents: bytes as they come in, hashed on the way, and as they go out.

Never more than a few pieces of one are in memory, and hashing never holds up the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.drive.storage import new_id

PIECE = 1024 * 1024
_SMALL = 128 * 1024  # hashed at once: a hop into a thread costs more


@dataclass(frozen=True, slots=True)
class Content:
    """A whole content: where it lies, its size and its checksums."""

    blob: str
    size: int
    checksums: dict[str, str]


class Digests:
    """Checksums of a beginning of a content."""

    def __init__(self, algorithms: tuple[str, ...]) -> None:
        self.length = 0
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}

    def update(self, piece: bytes) -> None:
        """Go on over further bytes."""
        for each in self._hashes.values():
            each.update(piece)
        self.length += len(piece)

    def told(self) -> dict[str, str]:
        """Return the checksums so far."""
        return {name: each.hexdigest() for name, each in self._hashes.items()}


class Blobs:
    """The folder of contents. `algorithms` are the checksums that files get."""

    def __init__(self, folder: Path, algorithms: tuple[str, ...]) -> None:
        self._folder = folder
        self._algorithms = algorithms

    def new(self) -> str:
        """Return the name of a new, empty content."""
        name = new_id()
        self.path(name).touch()
        return name

    def path(self, blob: str) -> Path:
        """Return where a content lies."""
        return self._folder / blob

    def remove(self, *blobs: str | None) -> None:
        """Remove contents that nothing names any more."""
        for blob in blobs:
            if blob is not None:
                self.path(blob).unlink(missing_ok=True)

    def digests(self) -> Digests:
        """Return checksums of nothing yet."""
        return Digests(self._algorithms)

    async def digested(self, blob: str, length: int) -> Digests:
        """Return the checksums of a content's beginning, read back from the disk."""
        digests = self.digests()
        if length:
            await asyncio.to_thread(self._digest, blob, length, digests)
        return digests

    async def append(
        self, blob: str, offset: int, body: AsyncIterator[bytes], digests: Digests
    ) -> int:
        """
        Write a body into a content from `offset` on, and return how much came.

        `digests` go along. If the body breaks off, all that came is written when this raises.
        """
        came = 0
        with self.path(blob).open("r+b", buffering=0) as file:
            file.seek(offset)

            def write(pieces: list[bytes]) -> None:
                for piece in pieces:
                    file.write(piece)
                    digests.update(piece)

            writing: asyncio.Future[None] | None = None
            pieces: list[bytes] = []
            waiting = 0
            try:
                async for piece in body:
                    pieces.append(piece)
                    waiting += len(piece)
                    came += len(piece)
                    if waiting >= PIECE:
                        if writing is not None:
                            await writing
                        writing = asyncio.ensure_future(asyncio.to_thread(write, pieces))
                        pieces, waiting = [], 0
            finally:
                if writing is not None:
                    await writing
                if waiting <= _SMALL:
                    write(pieces)
                else:
                    await asyncio.to_thread(write, pieces)
        return came

    async def pieces(self, blob: str, start: int, length: int) -> AsyncGenerator[bytes]:
        """Yield a range of a content."""
        with self.path(blob).open("rb", buffering=0) as file:
            file.seek(start)
            while length > 0:
                size = min(length, PIECE)
                piece = (
                    file.read(size) if size <= _SMALL else await asyncio.to_thread(file.read, size)
                )
                if not piece:
                    return
                length -= len(piece)
                yield piece

    def _digest(self, blob: str, length: int, digests: Digests) -> None:
        with self.path(blob).open("rb") as file:
            while digests.length < length:
                piece = file.read(min(PIECE, length - digests.length))
                if not piece:
                    return
                digests.update(piece)
