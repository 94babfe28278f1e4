"""One file on its way to a server: one PUT, which takes its bytes as they are handed in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import anyio

from providers.base import FileError, Handle, ProviderError
from sitesync_webdav.errors import revoked
from sitesync_webdav.server import Server

_DONE = (200, 201, 204)

Why = Callable[[ProviderError], Awaitable[ProviderError]]
"""Looks for what is behind an answer: servers say many things where staged bytes are gone."""


class Upload:
    """An upload under way; `finish` or `stop` it: nothing of it is left after either."""

    def __init__(self, server: Server, url: str, handle: Handle, size: int, why: Why) -> None:
        self.size = size
        self._server = server
        self._url = url
        self._handle = handle
        self._why = why
        self._is_revoked = False
        self._into, self._chunks = anyio.create_memory_object_stream[bytes](0)
        self._request = asyncio.create_task(self._put())
        self._request.add_done_callback(lambda _: self._chunks.close())  # so that `send` fails

    async def send(self, chunk: bytes) -> None:
        """Pass bytes on as fast as the server takes them; raises what became of them if it does not."""
        try:
            await self._into.send(chunk)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self.finish()
            text = f"{self._handle.where}: the server did not take all of it; it is sent again"
            raise FileError(text) from None

    async def finish(self) -> None:
        """Return when all of the file is at the server."""
        self._into.close()
        await asyncio.wait([self._request])
        self.refuse_if_revoked()
        if failure := self._request.result():
            raise failure

    async def stop(self) -> None:
        """Break off, and return when the connection is closed."""
        self._into.close()
        self._request.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([self._request])

    async def revoke(self) -> None:
        """Break off for good: whoever still writes is told that it was revoked."""
        self._is_revoked = True
        await self.stop()

    def refuse_if_revoked(self) -> None:
        """Raise `RevokedError` where it was."""
        if self._is_revoked:
            raise revoked(self._handle)

    async def _put(self) -> ProviderError | None:
        """Return what went wrong, if anything did."""
        length = {"Content-Length": str(self.size), "Content-Type": "application/octet-stream"}
        try:
            async with await self._server.ask("PUT", self._url, length, self._chunks) as response:
                if response.status in _DONE:
                    return None
            return await self._why(self._server.errors.refused(response, self._handle))
        except ProviderError as error:
            return error
