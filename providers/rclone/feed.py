"""
Where rclone fetches what it uploads: a server of ours on loopback, one address for each file.

Fetched like that, rclone knows size and time before the first byte and passes each chunk on as
it comes; nothing is kept on a disk. An address is random, and good for one file and one fetch.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from email.utils import format_datetime

import anyio
from aiohttp import web

_SECOND = 1_000_000_000
_GONE = 410


class NoMoreError(Exception):
    """Rclone takes no more of a file; why is told by the call that made it fetch."""


class Offer:
    """One file, of a size and perhaps a time known before, for rclone to fetch once."""

    def __init__(self, url: str, size: int, mtime_ns: int | None) -> None:
        self.url = url
        self.fetched = False
        self._size = size
        self._mtime_ns = mtime_ns
        self._begun = anyio.Event()
        self._over = anyio.Event()
        self._is_cut = False
        self._response: web.StreamResponse | None = None
        self._transport: asyncio.Transport | None = None

    async def send(self, chunk: bytes) -> None:
        """Pass bytes on, as fast as rclone takes them; `NoMoreError` if it takes no more."""
        await self._begun.wait()
        if self._response is None or self._over.is_set():
            raise NoMoreError
        try:
            await self._response.write(chunk)
        except ConnectionError:
            raise NoMoreError from None

    def end(self) -> None:
        """Tell rclone that this was all, and whoever waits for it that it fetches no more."""
        self._over.set()
        self._begun.set()

    def cut(self) -> None:
        """Break off, so that rclone does not take what it has for all."""
        self._is_cut = True
        if self._transport is not None:
            self._transport.abort()
        self.end()

    async def serve(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer the fetch: headers at once, bytes as they are sent."""
        self.fetched = True
        if self._is_cut:
            return web.Response(status=_GONE)
        response = web.StreamResponse(headers={"Content-Length": str(self._size)})
        response.force_close()  # rclone would keep each connection, and never use one again
        if self._mtime_ns is not None:
            response.headers["Last-Modified"] = http_time(self._mtime_ns)
        self._transport = request.transport
        await response.prepare(request)
        self._response = response
        self._begun.set()
        await self._over.wait()
        return response


class Feed:
    """Serves what is offered. Opened once, used by many writers at a time."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None
        self._address = ""

    async def open(self) -> None:
        """Listen on loopback, unless it does already."""
        if self._server is None:
            self._web = web.Server(self._serve, access_log=None)
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._web, "127.0.0.1", 0)
            host, port = self._server.sockets[0].getsockname()
            self._address = f"http://{host}:{port}"

    async def close(self) -> None:
        """Stop listening; what is still fetched is cut off."""
        for offer in self._offers.values():
            offer.cut()
        if self._server is not None and self._web is not None:
            self._server.close()
            await self._web.shutdown(0)
            await self._server.wait_closed()
        self._server = self._web = None

    def offer(self, size: int, mtime_ns: int | None) -> Offer:
        """Return an offer at an address that nobody can guess."""
        path = f"/{secrets.token_urlsafe(24)}"
        self._offers[path] = offer = Offer(self._address + path, size, mtime_ns)
        return offer

    def withdraw(self, offer: Offer) -> None:
        """Have an address lead nowhere from now on."""
        self._offers.pop(offer.url.removeprefix(self._address), None)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        offer = self._offers.get(request.path)
        if offer is None or offer.fetched:
            return web.Response(status=_GONE)
        return await offer.serve(request)


def http_time(mtime_ns: int) -> str:
    """Return a time as HTTP writes it, with nanoseconds where it has them: rclone reads them."""
    seconds, rest = divmod(mtime_ns, _SECOND)
    text = format_datetime(datetime.fromtimestamp(seconds, UTC), usegmt=True)
    return text.replace(" GMT", f".{rest:09d} GMT") if rest else text
