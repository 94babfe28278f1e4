"""
Staged bytes at a server: uploaded beside their target, taken over, published, revoked.

Each claim has a collection of its own there, `.sitesync-CLAIM.part`, and the bytes are a file in
it. Removing it takes the bytes along, and an upload that begins later finds no place to appear at
(RFC 4918, 9.7.1): that is how staged bytes are revoked, for everybody and for good. Making it fails
where it exists (9.3.1), though not at every server (rclone's says that it made it); claims are never
used twice, so it is enough that this process does not stage one twice.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial

import anyio

from providers.base import (
    ChangedFileError,
    Facts,
    FileError,
    Handle,
    Location,
    ProviderError,
    SiteError,
)
from providers.together import publish_each
from sitesync_webdav.destinations import Destinations
from sitesync_webdav.errors import revoked
from sitesync_webdav.markers import Markers
from sitesync_webdav.places import STAGED_BYTES, Places
from sitesync_webdav.server import Server
from sitesync_webdav.streams import WebdavSink
from sitesync_webdav.tree import Tree
from sitesync_webdav.uploads import Upload

AT_ONCE = 8


@dataclass(slots=True, eq=False)
class _Staged:
    """A file that this process stages, or took over: only what arrived whole is ever published."""

    size: int
    upload: Upload | None = None
    is_whole: bool = False


class Staging:
    """The staged files of one site."""

    def __init__(self, server: Server, places: Places, markers: Markers) -> None:
        self._server = server
        self._tree = Tree(server)
        self._places = places
        self._markers = markers
        self._destinations = Destinations(server)
        self._staged: dict[Handle, _Staged] = {}
        self._hands = anyio.CapacityLimiter(AT_ONCE)

    async def make(self, where: Location, claim: str, size: int) -> Handle:
        """Make the collection of a claim."""
        handle = Handle(where, claim)
        folder = self._places.staged(handle)
        await self._markers.require(where.root)
        if handle in self._staged:
            raise FileError(f"{where} is staged for this claim already")
        self._staged[handle] = _Staged(size)
        try:
            await self._make(folder, handle)
            await self._destinations.refuse_garbled(folder, handle)
        except BaseException:
            self._staged.pop(handle, None)
            raise
        return handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int) -> AsyncGenerator[WebdavSink]:
        """Upload staged bytes; afterwards nothing of it is under way."""
        url = self._places.staged_bytes(handle)
        staged = self._staged.get(handle)
        if staged is None:
            raise revoked(handle)
        if offset:
            raise ChangedFileError(f"what is staged for {handle.where} cannot be gone on with")
        staged.is_whole = False
        why = partial(self._why, self._places.staged(handle), handle)
        upload = staged.upload = Upload(self._server, url, handle, staged.size, why)
        sink = WebdavSink(handle.where, upload)
        try:
            yield sink
            await sink.end()
            staged.is_whole = True
        except BaseException:
            await upload.stop()
            raise
        finally:
            staged.upload = None

    async def size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such collection."""
        found = None
        async with aclosing(self._tree.inside(self._places.staged(handle), handle)) as inside:
            async for name, entry in inside:
                found = entry.size if name == STAGED_BYTES else found
        staged = self._staged.get(handle)
        if found is None:
            return 0 if await self._exists(handle) else None
        return found if staged is None or staged.is_whole else 0

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Give a collection to another claim."""
        new = Handle(handle.where, claim)
        source, target = self._places.staged(handle), self._places.staged(new)
        size = await self.size(handle)
        if size is None:
            raise revoked(handle)
        try:
            await self._tree.move(source, target, handle, onto=False)
        except FileError as error:
            raise await self._why(source, handle, error) from error
        self._staged[new] = self._staged.pop(handle, _Staged(size, is_whole=True))
        return new

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Give staged bytes their final names."""
        return await publish_each(handles, self._publish, self._hands)

    async def revoke(self, handle: Handle) -> None:
        """Break an upload off, and remove the collection; none there is no error."""
        folder = self._places.staged(handle)
        staged = self._staged.pop(handle, None)
        if staged is not None and staged.upload is not None:
            await staged.upload.revoke()
        await self._tree.remove(folder, handle)

    async def _publish(
        self,
        handle: Handle,
        _: int | None,  # WebDAV keeps no times
    ) -> Facts:
        staged = self._staged.get(handle)
        if staged is None or not staged.is_whole:
            raise revoked(handle)  # what may be left there of a broken upload is not the file
        target = self._places.file(handle.where)
        try:
            await self._onto(target, handle)
        except FileError as error:
            raise await self._why(self._places.staged_bytes(handle), handle, error) from error
        self._staged.pop(handle, None)
        published = await self._tree.file(target, handle.where)
        with suppress(ProviderError):  # it is published; an empty collection is in nobody's way
            await self._tree.remove(self._places.staged(handle), handle)
        if published is None or published.size is None:
            raise self._server.errors.missing(handle.where)
        return Facts(published.size)

    async def _onto(self, target: str, handle: Handle) -> None:
        """
        Move staged bytes to their final name.

        Where something stands there, a server removes it first and moves then (RFC 4918, 9.9.3),
        even if there is nothing to move, and a folder with all that is in it: so look before.
        """
        source = self._places.staged_bytes(handle)
        if await self._tree.move(source, target, handle, onto=False):
            return
        if await self._tree.file(source, handle) is None:
            raise revoked(handle)
        there = await self._tree.entry(target, handle)
        if there is not None and there.is_folder:
            raise self._server.errors.in_the_way(handle)
        await self._tree.move(source, target, handle, onto=True)

    async def _why(self, url: str, handle: Handle, error: ProviderError) -> ProviderError:
        """Return what is behind an error: servers say many things where what we staged is gone."""
        if isinstance(error, SiteError) or await self._tree.entry(url, handle) is not None:
            return error
        return revoked(handle)

    async def _make(self, folder: str, handle: Handle) -> None:
        if await self._tree.make_folder(folder, handle):
            return
        if await self._exists(handle):
            raise FileError(f"{handle.where} is staged for this claim already")
        raise self._server.errors.in_the_way(handle)

    async def _exists(self, handle: Handle) -> bool:
        return await self._tree.entry(self._places.staged(handle), handle) is not None
