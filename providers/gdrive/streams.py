"""
Bytes of a file in Drive: in order, from any offset on, and gone on with where a connection ends.

What is read is one content: before it goes on, it is made sure that it is still the same.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import aiohttp

from providers.base import CHUNK, ChangedFileError, Facts, Location
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry
from providers.gdrive.patience import Patience
from providers.gdrive.places import Places
from providers.gdrive.refusals import RefusedError

_PARTIAL = 206


class FileReader:
    """A file being read from an offset on, as it was when it was opened."""

    def __init__(self, places: Places, where: Location, entry: Entry, offset: int) -> None:
        self._places = places
        self._where = where
        self._entry = entry
        self._reached = offset
        self._open = AsyncExitStack()
        self._patience = Patience(places.calls.wire.pace)
        self._answer: aiohttp.ClientResponse | None = None

    @property
    def facts(self) -> Facts:
        """What was told of the file when it was opened."""
        return self._entry.facts

    async def open(self) -> None:
        """
        Have the first bytes under way: what Google refuses is known before any is read.

        Where it sends another file than the one that was told of, it is asked what is there now.
        """
        await self._have_answer()
        if self._answer is not None and self._is_another(self._answer):
            await self._open.aclose()
            self._answer, self._entry = None, await self._places.there_now(self._where)
            await self._have_answer()

    async def _have_answer(self) -> None:
        while self._answer is None and self._reached < self.facts.size:
            try:
                self._answer = await self._request()
            except RefusedError as error:
                await self._wait(error)

    def _is_another(self, answer: aiohttp.ClientResponse) -> bool:
        size = answer.content_length
        return size is not None and size != self.facts.size - self._reached

    async def close(self) -> None:
        """Let go of the connection."""
        await self._open.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the bytes in order."""
        with self._places.explained(self._where):
            while self._reached < self.facts.size:
                try:
                    await self._have_answer()
                    async for chunk in self._chunks():
                        yield chunk
                except RefusedError as error:
                    await self._wait(error)
                    await self._check()

    async def unchanged(self) -> bool:
        """Return whether the file is still what it was, at the same place."""
        found = await self._places.look(self._where)
        return found is not None and found.facts == self.facts

    async def _request(self) -> aiohttp.ClientResponse:
        wire = self._places.calls.wire
        headers = {"Range": f"bytes={self._reached}-"} if self._reached else {}
        url = self._places.calls.media_url(self._entry.id)
        answer = await self._open.enter_async_context(wire.download(url, headers))
        if self._reached and answer.status != _PARTIAL:
            await self._open.aclose()
            raise RefusedError(502, message="all was sent where a part was asked for")
        return answer

    async def _chunks(self) -> AsyncIterator[bytes]:
        """Yield what one answer brings; a connection that ends early is a `RefusedError`."""
        answer, self._answer = self._answer, None
        assert answer is not None  # noqa: S101 - it was opened
        try:
            async for chunk in _gathered(answer.content):
                self._reached += len(chunk)
                if self._reached > self.facts.size:
                    raise self._changed()
                self._patience = Patience(self._places.calls.wire.pace)
                yield chunk
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise RefusedError(0, message=str(error) or type(error).__name__) from error
        finally:
            await self._open.aclose()
        if self._reached < self.facts.size:
            raise RefusedError(0, message="the connection ended early")

    async def _wait(self, error: RefusedError) -> None:
        if error.status == 416:  # what is asked for lies beyond its end
            raise self._changed() from error
        await self._patience.again(error)

    async def _check(self) -> None:
        now = await self._places.calls.get(self._entry.id)
        if now.trashed or (now.size, now.md5) != (self._entry.size, self._entry.md5):
            raise self._changed()

    def _changed(self) -> ChangedFileError:
        return ChangedFileError(
            f"{self._where} changed in Drive while it was read; it is read again once it is at rest"
        )


async def _gathered(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """
    Hand on what comes in chunks of a size that is worth its cost to all who see them.

    Where the connection ends, what had come is handed on first: each try gains something.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece, _ in content.iter_chunks():  # as they came: `iter_any` copies them
            pieces.append(piece)
            size += len(piece)
            if size >= CHUNK:
                chunk = b"".join(pieces)
                pieces, size = [], 0  # first: what is joined is not kept twice meanwhile
                yield chunk
    except (aiohttp.ClientError, TimeoutError, OSError):
        if pieces:
            yield b"".join(pieces)
        raise
    if pieces:
        yield b"".join(pieces)


async def small_content(calls: Calls, entry: Entry, most: int) -> bytes:
    """Return the first bytes of a file, at most so many."""
    patience = Patience(calls.wire.pace)
    while entry.size:
        try:
            async with calls.wire.download(calls.media_url(entry.id), {}) as answer:
                return await answer.content.read(most)
        except RefusedError as error:
            await patience.again(error)
    return b""
