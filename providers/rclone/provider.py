"""A site on any remote that rclone speaks to: the protocol of `providers.base` over its daemon."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Self

from providers.base import (
    Copied,
    Facts,
    Features,
    FileError,
    Handle,
    Listed,
    Location,
    Marker,
    Provider,
    ProviderError,
    Setup,
    Unlisted,
)
from providers.rclone.copying import Original
from providers.rclone.errors import Where, revoked
from providers.rclone.facts import Item, checksum_of, space_of
from providers.rclone.listing import Listing
from providers.rclone.looks import Looks
from providers.rclone.markers import Markers
from providers.rclone.options import RcloneOptions
from providers.rclone.places import Places
from providers.rclone.remote import Remote
from providers.rclone.requests import RcError
from providers.rclone.staging import Staging
from providers.rclone.streams import RcloneReader, RcloneSink
from providers.rclone.traits import TRANSFERS, traits_of
from providers.services import CopyRefusedError
from providers.space import Space


class RcloneProvider:
    """One site on a remote. Entering it joins the daemon, and asks what the remote can do."""

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, RcloneOptions):
            raise TypeError(f"site {setup.site!r} needs RcloneOptions, not {setup.options!r}")
        self._options = setup.options
        self._remote = Remote(setup.site, setup.options)
        self._places = Places(setup, setup.options.remote)
        self._features = Features(atomic_replace=False, resume=False, transfers=TRANSFERS)
        self._looks: Looks
        self._markers: Markers
        self._staging: Staging

    @property
    def features(self) -> Features:
        """What this remote can do; final once entered."""
        return self._features

    async def __aenter__(self) -> Self:
        try:
            await self._remote.open()
            await self._learn()
        except BaseException:
            await self._remote.close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._remote.close()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        return await self._markers.read(root)

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        return await self._markers.make(root)

    async def facts(self, where: Location) -> Facts | None:
        """Return size, time and id of a file, or None if there is none."""
        found = await self._looks.item(where)
        return None if found is None else self._looks.facts(found)

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[RcloneReader]:
        """Open a published file for reading from `offset`."""
        found = await self._looks.item(where)
        if found is None:
            raise self._remote.errors.missing(where)
        async with self._reading(where, found, offset) as reader:
            yield reader

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[RcloneReader]:
        """Open staged bytes for reading back."""
        found = await self._staging.look(handle)
        if found is None:
            raise revoked(handle)
        async with self._reading(handle, found, 0) as reader:
            yield reader

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Take note of what will be staged; there is something at the remote when it is written."""
        return await self._staging.make(where, claim, size, mtime_ns)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[RcloneSink]:
        """Upload staged bytes, from their start: none can be gone on with."""
        async with self._staging.write(handle, offset) as sink:
            yield sink

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        found = await self._staging.look(handle)
        return None if found is None else found.size

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes whose owner is known to be dead."""
        return await self._staging.adopt(handle, claim)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"` as the remote tells it; None if it does not."""
        if algorithm not in self._features.checksums:
            return None
        if isinstance(where, Handle):
            found = await self._staging.look(where, algorithm)
        else:
            found = await self._looks.item(where, algorithm)
        if found is None:
            raise (
                revoked(where) if isinstance(where, Handle) else self._remote.errors.missing(where)
            )
        return checksum_of(found, algorithm)

    def is_on(self, remote: Remote) -> bool:
        """Return whether its files are on a remote."""
        return self._remote.is_one_with(remote)

    @property
    def looks(self) -> Looks:
        """What rclone tells of its files; copies between sites hold it against each other."""
        return self._looks

    def copies_from(self, source: Provider) -> bool:
        """Return whether the service copies files of `source`: of the same remote."""
        return isinstance(source, RcloneProvider) and source.is_on(self._remote)

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Take note of what will be copied."""
        return await self._staging.make(where, claim, size, mtime_ns)

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """Have the service copy; both checksums are its own."""
        if not isinstance(source, RcloneProvider) or not source.is_on(self._remote):
            raise CopyRefusedError(f"{handle.where} is not on this remote")
        original = Original(source.looks, handle, facts)
        return await self._staging.copy(original, handle, facts, progress)

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
        await self._staging.remove(where, await self._looks.place(where))

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        fs = self._places.fs(root)
        if folder:
            await self._looks.place(Location(root, f"{folder}/x"))
        listing = Listing(self._remote, self._looks.traits, root, fs, after, unlisted)
        async for listed in listing.files(folder):
            yield listed

    async def space(self, root: str) -> Space | None:
        """Return the room that the service tells of; None where it does not after all."""
        where, fs = Location(root, ""), self._places.fs(root)
        try:
            return space_of(await self._remote.about(where, "operations/about", fs=fs))
        except FileError:
            return None  # the root has not been made yet, or its service does not say

    async def _learn(self) -> None:
        try:
            info = await self._remote.call("operations/fsinfo", fs=self._places.top)
        except RcError as error:
            raise self._remote.errors.of_site(error) from error
        traits = traits_of(info, self._remote.kind, self._options.checksum)
        self._features = traits.features
        self._looks = Looks(self._remote, self._places, traits)
        self._markers = Markers(self._remote, self._places, folds_case=traits.folds_case)
        self._staging = Staging(self._remote, self._looks, self._markers)

    @asynccontextmanager
    async def _reading(self, what: Where, item: Item, offset: int) -> AsyncGenerator[RcloneReader]:
        """Open what was just looked at; it must still be that when its bytes come."""

        async def unchanged() -> bool:
            return await self._looks.item(what) == item

        async def why() -> ProviderError:
            return await self._looks.why_unread(what, item)

        facts, rest = self._looks.facts(item), item.size - offset
        if rest <= 0:
            yield RcloneReader(facts, None, unchanged, why)
            return
        place = await self._looks.place(what)
        async with AsyncExitStack() as stack:
            try:
                response = await stack.enter_async_context(self._remote.get(place, offset))
            except RcError as error:
                raise await why() from error
            if response.content_length != rest:
                raise self._remote.errors.changed(what)
            yield RcloneReader(facts, response, unchanged, why)
