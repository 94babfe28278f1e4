"""Bytes from and to one file at a server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import aiohttp

from providers.base import CHUNK, ChangedFileError, Facts, Location
from sitesync_webdav.server import FAILURES, Server
from sitesync_webdav.uploads import Upload


class WebdavReader:
    """A file being read, to the end that it had when it was opened; `skip` bytes come first in vain."""

    def __init__(
        self,
        facts: Facts,
        response: aiohttp.ClientResponse | None,
        skip: int,
        server: Server,
        unchanged: Callable[[], Awaitable[bool]],
    ) -> None:
        self._facts = facts
        self._response = response
        self._skip = skip
        self._server = server
        self._unchanged = unchanged

    @property
    def facts(self) -> Facts:
        """Return the size as it was when the file was opened."""
        return self._facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the bytes as they come."""
        if self._response is None:
            return
        skip = self._skip
        try:
            async for chunk in self._response.content.iter_chunked(CHUNK):
                if wanted := chunk[skip:]:
                    yield wanted
                skip = max(0, skip - len(chunk))
        except FAILURES as error:
            raise self._server.errors.transport(error) from error

    async def unchanged(self) -> bool:
        """Return whether what the server tells of the file is what it told when it was opened."""
        return await self._unchanged()


class WebdavSink:
    """
    Staged bytes on their way to a server.

    They count when all of them are there: `flush` before the last byte returns at once, since
    WebDAV has no word for going on with half a file.
    """

    def __init__(self, where: Location, upload: Upload) -> None:
        self._where = where
        self._upload = upload
        self._room = upload.size

    async def write(self, chunk: bytes) -> None:
        """Pass a chunk on."""
        self._upload.refuse_if_revoked()
        if len(chunk) > self._room:
            raise self._other_size("longer")
        if chunk:
            await self._upload.send(chunk)
            self._room -= len(chunk)  # only now: a flush beside this must not finish without it

    async def flush(self) -> None:
        """Return when all of the file is at the server."""
        self._upload.refuse_if_revoked()
        if not self._room:
            await self._upload.finish()

    async def end(self) -> None:
        """Return when all of the file is at the server; there has to be all of it by now."""
        self._upload.refuse_if_revoked()
        if self._room:
            raise self._other_size("shorter")
        await self._upload.finish()

    def _other_size(self, how: str) -> ChangedFileError:
        return ChangedFileError(
            f"{self._where} became {how} while it was sent; it is sent again once it is at rest"
        )
