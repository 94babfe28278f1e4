"""A site on a WebDAV server: the protocol of `providers.base`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import aiohttp

from providers.base import (
    Facts,
    Features,
    Handle,
    Listed,
    Location,
    Marker,
    ProviderError,
    Setup,
    Unlisted,
)
from sitesync_webdav.errors import Errors, Where, revoked
from sitesync_webdav.listing import Listing
from sitesync_webdav.markers import Markers
from sitesync_webdav.multistatus import Entry
from sitesync_webdav.options import WebdavOptions
from sitesync_webdav.places import Places
from sitesync_webdav.server import Server
from sitesync_webdav.staging import AT_ONCE, Staging
from sitesync_webdav.streams import WebdavReader, WebdavSink
from sitesync_webdav.tree import Tree


class WebdavProvider:
    """One site at one server."""

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, WebdavOptions):
            raise TypeError(f"site {setup.site!r} needs WebdavOptions, not {setup.options!r}")
        errors = Errors(setup.site, setup.options.url)
        self._server = Server(setup.options, errors, connections=2 * AT_ONCE)
        self._tree = Tree(self._server)
        self._places = Places(setup, setup.options.url)
        self._markers = Markers(self._server, self._places)
        self._staging = Staging(self._server, self._places, self._markers)
        self._features = Features(
            atomic_replace=False,
            resume=False,
            durable=False,
            read_back=setup.options.read_back,
            revokes_unfinished=False,
            transfers=AT_ONCE,
        )

    @property
    def features(self) -> Features:
        """What WebDAV can do; nothing that only some servers do."""
        return self._features

    async def __aenter__(self) -> Self:
        await self._server.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._server.close()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        return await self._markers.read(root)

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        return await self._markers.make(root)

    async def facts(self, where: Location) -> Facts | None:
        """Return the size of a file, or None if there is none; the time is that of its arrival."""
        entry = await self._tree.file(self._places.file(where), where)
        return None if entry is None or entry.size is None else Facts(entry.size)

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[WebdavReader]:
        """Open a published file for reading from `offset`."""
        url = self._places.file(where)
        entry = await self._tree.file(url, where)
        if entry is None:
            raise self._server.errors.missing(where)
        async with self._reading(url, where, entry, offset) as reader:
            yield reader

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[WebdavReader]:
        """Open staged bytes for reading back."""
        url = self._places.staged_bytes(handle)
        entry = await self._tree.file(url, handle)
        if entry is None:
            raise revoked(handle)
        async with self._reading(url, handle, entry, 0) as reader:
            yield reader

    async def stage(
        self,
        where: Location,
        claim: str,
        size: int,
        mtime_ns: int | None = None,  # noqa: ARG002 - WebDAV keeps no times
    ) -> Handle:
        """Make the collection that a claim's bytes go into, which nobody else has."""
        return await self._staging.make(where, claim, size)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[WebdavSink]:
        """Upload staged bytes, from their start: none can be gone on with."""
        async with self._staging.write(handle, offset) as sink:
            yield sink

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        return await self._staging.size(handle)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes whose owner is known to be dead."""
        return await self._staging.adopt(handle, claim)

    async def checksum(
        self,
        where: Location | Handle,  # noqa: ARG002 - no server computes any
        algorithm: str,  # noqa: ARG002
    ) -> str | None:
        """Return None: WebDAV has no word for checksums."""
        return None

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names."""
        return await self._staging.publish(handles)

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        await self._staging.revoke(handle)

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        url = self._places.file(where)
        if (
            await self._tree.file(url, where) is not None
        ):  # a folder would go with all that is in it
            await self._tree.remove(url, where)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        listing = Listing(self._tree, self._places, root, after, unlisted)
        async for listed in listing.files(folder):
            yield listed

    @asynccontextmanager
    async def _reading(
        self, url: str, where: Where, entry: Entry, offset: int
    ) -> AsyncGenerator[WebdavReader]:
        """Open what was just looked at; it must still be that when its bytes come."""

        async def unchanged() -> bool:
            return await self._tree.file(url, where) == entry

        facts = Facts(entry.size or 0)
        if offset >= facts.size:
            yield WebdavReader(facts, None, 0, self._server, unchanged)
            return
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with await self._server.ask("GET", url, headers) as response:
            skip = self._skipped(response, where, facts.size, offset)
            yield WebdavReader(facts, response, skip, self._server, unchanged)

    def _skipped(
        self, response: aiohttp.ClientResponse, where: Where, size: int, offset: int
    ) -> int:
        """Return how many bytes come before those that were asked for: all, where ranges are unknown."""
        if response.status == 206:
            expected = f"bytes {offset}-{size - 1}/{size}"
            if response.headers.get("Content-Range") != expected:
                raise self._server.errors.changed(where)
            return 0
        if response.status in (404, 410, 416):
            raise self._server.errors.changed(where)
        if response.status != 200:
            raise self._server.errors.refused(response, where)
        if response.content_length not in (None, size):
            raise self._server.errors.changed(where)
        return offset
