"""A site's remote as rclone serves it: calls and streams, through the daemon that sites share."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import quote

import aiohttp
import anyio
from yarl import URL

from providers.base import ProviderError
from providers.rclone.daemon import Daemon, Running, join, last_words, leave
from providers.rclone.errors import Translator, Where
from providers.rclone.feed import Feed
from providers.rclone.options import RcloneOptions
from providers.rclone.places import Place
from providers.rclone.redaction import secrets_of
from providers.rclone.requests import Answer, RcError, ask, refusal

_OK = frozenset({200, 206})
_ENDING = 1.0  # a connection breaks before we are told that the process has ended


class Remote:
    """What one site asks of rclone; entered while the site is open."""

    def __init__(self, site: str, options: RcloneOptions) -> None:
        self.site = site
        self.errors = Translator(site, options)
        self.kind = ""
        self._options = options
        self._daemon: Daemon | None = None

    async def open(self) -> None:
        """Join the daemon, and learn what its configuration holds; `kind` is the remote's type."""
        self._daemon = join(self._options)
        try:
            remotes = (await self.call("config/listremotes"))["remotes"]
            dump = await self.call("config/dump")
            self.errors.know(remotes or (), secrets_of(dump))
            self.kind = dump.get(self._options.name, {}).get("type", "")
        except RcError as error:
            raise self.errors.of_site(error) from error

    async def close(self) -> None:
        """Leave the daemon; it ends with its last user."""
        daemon, self._daemon = self._daemon, None
        if daemon is not None:
            with anyio.CancelScope(shield=True):
                await leave(daemon, self._options)

    def is_one_with(self, other: Remote) -> bool:
        """Return whether both are folders of one remote of one configuration."""
        same = self._daemon is not None and self._daemon is other._daemon
        return same and self._options.name == other._options.name

    @property
    def feed(self) -> Feed:
        """Where rclone fetches what it uploads."""
        return self._joined.feed

    async def call(self, function: str, /, **parameters: object) -> Answer:
        """Call a function of rclone's; `RcError` where it answers with an error."""
        running = await self._joined.running(self.site)
        try:
            return await ask(running.session, running.address + function, parameters)
        except (aiohttp.ClientError, OSError) as error:
            raise await self._lost(running) from error

    async def about(self, where: Where, function: str, /, **parameters: object) -> Answer:
        """Call a function that concerns a file, and say of it what went wrong."""
        try:
            return await self.call(function, **parameters)
        except RcError as error:
            raise self.errors.translated(error, where) from error

    @asynccontextmanager
    async def get(self, place: Place, offset: int) -> AsyncGenerator[aiohttp.ClientResponse]:
        """Have a file's bytes from an offset on; `RcError` where rclone has none or cannot open it."""
        running = await self._joined.running(self.site)
        path = quote(f"[{place.fs}]/{place.path}", safe="/")
        url = URL(running.address + path, encoded=True)
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        try:
            response = await running.session.get(url, headers=headers)
        except (aiohttp.ClientError, OSError) as error:
            raise await self._lost(running) from error
        try:
            if response.status not in _OK:
                raise refusal(await response.read(), response.status)
            yield response
        finally:
            response.close()

    async def small(self, place: Place, most: int) -> bytes | None:
        """Return the bytes of a small file, at most so many; None where there is none."""
        try:
            async with self.get(place, 0) as response:
                try:
                    return (await response.content.read(most)) if response.content_length else b""
                except (aiohttp.ClientError, OSError) as error:
                    raise self.errors.lost("") from error
        except RcError as error:
            if error.is_missing:
                return None
            raise self.errors.of_site(error) from error

    async def _lost(self, running: Running) -> ProviderError:
        """Return what to say of an answer that did not come."""
        with anyio.move_on_after(_ENDING):
            await running.process.wait()
        return self.errors.lost("" if running.lives else last_words(running))

    @property
    def _joined(self) -> Daemon:
        if self._daemon is None:
            raise self.errors.lost("")
        return self._daemon
