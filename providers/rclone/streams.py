"""Bytes from and to one file, through rclone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp

from providers.base import CHUNK, ChangedFileError, Facts, Location, ProviderError
from providers.rclone.uploads import Upload

Unchanged = Callable[[], Awaitable[bool]]
Why = Callable[[], Awaitable[ProviderError]]


class RcloneReader:
    """A file being read, to the end that it had when it was opened."""

    def __init__(
        self,
        facts: Facts,
        response: aiohttp.ClientResponse | None,
        unchanged: Unchanged,
        why: Why,
    ) -> None:
        self._facts = facts
        self._response = response
        self._unchanged = unchanged
        self._why = why

    @property
    def facts(self) -> Facts:
        """Size and time as they were when the file was opened."""
        return self._facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the bytes as they come; a stream that breaks off says why."""
        if self._response is None:
            return
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise await self._why() from error

    async def unchanged(self) -> bool:
        """Return whether what rclone tells of the file is what it told when it was opened."""
        return await self._unchanged()


class RcloneSink:
    """
    Staged bytes on their way to a remote.

    They are there when all of them are: `flush` before the last byte returns at once, since no
    service keeps half a file that somebody could go on with.
    """

    def __init__(self, where: Location, upload: Upload) -> None:
        self._where = where
        self._upload = upload
        self._room = upload.size

    async def write(self, chunk: bytes) -> None:
        """Pass a chunk on, as fast as the remote takes it."""
        self._upload.refuse_if_revoked()
        if len(chunk) > self._room:
            raise ChangedFileError(
                f"{self._where} became longer while it was sent; it is sent again once it is at rest"
            )
        await self._upload.send(chunk)
        self._room -= len(chunk)  # only now: a flush beside this must not finish without it

    async def flush(self) -> None:
        """Return when all of the file is at the remote."""
        if not self._room:
            await self._upload.finish()

    async def end(self) -> None:
        """Return when all of the file is at the remote; there has to be all of it by now."""
        self._upload.refuse_if_revoked()
        if self._room:
            raise ChangedFileError(
                f"{self._where} became shorter while it was sent; it is sent again once it is at rest"
            )
        await self._upload.finish()
