"""Staged bytes on a remote: uploaded beside their target, taken over, published, revoked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    FileError,
    Handle,
    Location,
    MissingFileError,
    ProviderError,
)
from providers.rclone.copying import Copy, Original, proved
from providers.rclone.errors import revoked
from providers.rclone.facts import Item
from providers.rclone.jobs import carried_out
from providers.rclone.looks import Looks
from providers.rclone.markers import Markers
from providers.rclone.places import Place
from providers.rclone.remote import Remote
from providers.rclone.streams import RcloneSink
from providers.rclone.uploads import Upload
from providers.services import CopyRefusedError
from providers.together import publish_each

# Without this rclone takes a file of the same size and time for the same file: it would keep the
# old one, remove the new one, and call that a success.
_ALWAYS = {"IgnoreTimes": True}
# Move at once onto what is there; only where that replaces it in one step.
_ONTO = {**_ALWAYS, "NoCheckDest": True}


@dataclass(slots=True, eq=False)
class _Staged:
    """A file that this process stages: what will be in it, and what was last told of it."""

    size: int
    mtime_ns: int | None
    under_way: Upload | Copy | None = None
    seen: Item | None = None


class Staging:
    """
    The staged files of one site.

    Services show a file only when all of it is there, so what is staged is known here alone until
    then. Nobody else can revoke it before: but whoever takes a claim over does so after it could
    be renewed for the last time, and what was published later was whole, and seen, by then.
    """

    def __init__(self, remote: Remote, looks: Looks, markers: Markers) -> None:
        self._remote = remote
        self._looks = looks
        self._markers = markers
        self._staged: dict[Handle, _Staged] = {}
        self._hands = anyio.CapacityLimiter(looks.traits.features.transfers)

    async def make(self, where: Location, claim: str, size: int, mtime_ns: int | None) -> Handle:
        """Take note of what will be staged under a claim, once."""
        handle = Handle(where, claim)
        await self._looks.place(where)
        await self._markers.require(where.root)
        if handle in self._staged:
            raise FileError(f"{where} is staged for this claim already")
        self._staged[handle] = _Staged(size, mtime_ns)
        return handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int) -> AsyncGenerator[RcloneSink]:
        """Upload staged bytes; afterwards nothing of it is under way."""
        place = await self._looks.place(handle)
        staged = self._staged.get(handle)
        if staged is None:
            raise revoked(handle)
        if offset:
            raise ChangedFileError(f"what is staged for {handle.where} cannot be gone on with")
        upload = staged.under_way = Upload(self._remote, handle, place)
        upload.start(staged.size, staged.mtime_ns)
        sink = RcloneSink(handle.where, upload)
        try:
            yield sink
            await sink.end()
        except BaseException:
            await upload.stop()
            raise
        finally:
            staged.under_way = None

    async def copy(
        self, original: Original, handle: Handle, facts: Facts, progress: Callable[[int], None]
    ) -> Copied:
        """Have staged bytes copied from another folder of the remote, and hold both against each other."""
        target, source = await self._looks.place(handle), await original.place()
        staged = self._staged.get(handle)
        if staged is None:
            raise revoked(handle)
        copy = staged.under_way = Copy(self._remote, handle, source, target)
        try:
            await copy.finish(facts.size, progress)
        finally:
            staged.under_way = None
        algorithm = self._looks.traits.compared or ""
        item = await self.look(handle, algorithm)
        if item is None:
            raise revoked(handle)
        self._refuse_other_time(staged, item)
        return proved(await original.checked(algorithm), item, algorithm, facts)

    def _refuse_other_time(self, staged: _Staged, item: Item) -> None:
        """Refuse a copy to which its service gave another time than it is to be published with."""
        finest, found = self._looks.traits.features.mtime_resolution_ns, self._looks.facts(item)
        if finest is None or found.mtime_ns is None or staged.mtime_ns is None:
            return
        if abs(found.mtime_ns - staged.mtime_ns) > finest:
            raise CopyRefusedError("its service gives copies another time")

    async def look(self, handle: Handle, algorithm: str | None = None) -> Item | None:
        """Return what is told of staged bytes, or None where there are none."""
        item = await self._looks.item(handle, *([algorithm] if algorithm else ()))
        if handle in self._staged:
            self._staged[handle].seen = item
        return item

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Give staged bytes to another claim."""
        new = Handle(handle.where, claim)
        self._staged.pop(handle, None)
        await self._move(handle, new)
        return new

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Give staged bytes their final names; their times they have from the upload."""
        return await publish_each(handles, self._publish, self._hands)

    async def revoke(self, handle: Handle) -> None:
        """Break an upload off, and remove staged bytes; none there is no error."""
        place = await self._looks.place(handle)
        staged = self._staged.pop(handle, None)
        if staged is not None and staged.under_way is not None:
            await staged.under_way.revoke()
        await self.remove(handle, place)

    async def remove(self, what: Location | Handle, place: Place) -> None:
        """Remove a file; none there is no error."""
        try:
            await carried_out(
                self._remote, what, "operations/deletefile", fs=place.fs, remote=place.path
            )
        except MissingFileError:
            return

    async def _publish(
        self,
        handle: Handle,
        _: int | None,  # times are given with the upload
    ) -> Facts:
        staged = self._staged.pop(handle, None)
        await self._move(handle, handle.where)
        if staged is not None and staged.seen is not None and self._looks.traits.renames:
            return self._looks.facts(staged.seen)
        found = await self._looks.item(handle.where)
        if found is None:
            raise self._remote.errors.missing(handle.where)
        return self._looks.facts(found)

    async def _move(self, handle: Handle, to: Location | Handle) -> None:
        source, target = await self._looks.place(handle), await self._looks.place(to)
        onto = self._looks.traits.features.atomic_replace
        try:
            await carried_out(
                self._remote,
                handle,
                "operations/movefile",
                srcFs=source.fs,
                srcRemote=source.path,
                dstFs=target.fs,
                dstRemote=target.path,
                _config=_ONTO if onto else _ALWAYS,
            )
        except MissingFileError:
            raise revoked(handle) from None
