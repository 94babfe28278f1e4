"""An SFTP site as a provider: the protocol of `providers.base` over a pool of connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import anyio

from providers.base import (
    Copied,
    Facts,
    Features,
    Handle,
    Listed,
    Location,
    Marker,
    PermanentFileError,
    Provider,
    ProviderError,
    Setup,
    SiteError,
    Unlisted,
)
from providers.checksums import checksum_of
from providers.services import CopyRefusedError
from providers.sftp import requests
from providers.sftp.bundles import Bundles
from providers.sftp.channel import Channel
from providers.sftp.connecting import connect
from providers.sftp.copying import Copying, Original
from providers.sftp.errors import is_missing, missing, translated
from providers.sftp.folders import Folders
from providers.sftp.hashing import Hashing, hashing_by_command, hashing_by_extension
from providers.sftp.listing import Listing
from providers.sftp.markers import make_marker, read_marker
from providers.sftp.options import SftpOptions
from providers.sftp.packets import Attributes, Mode, StatusError
from providers.sftp.places import Place, Places
from providers.sftp.pool import Pool
from providers.sftp.publishing import revoked
from providers.sftp.staging import Staging
from providers.sftp.streams import FileReader, FileSink, Subject, facts_of, open_on
from providers.sftp.syncing import syncs_folders
from providers.space import Space

_SECOND = 1_000_000_000
_TRANSFERS = 16
_BEST = ("xxh128", "blake2b", "sha256", "md5")  # what its ways to hash offer
_BUNDLE = 32  # they are hashed by one call, and synced after the last is written


class SftpProvider:
    """One SFTP site. Entering it logs in once, to learn what the server can do."""

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, SftpOptions):
            raise TypeError(f"site {setup.site!r} needs SftpOptions, not {setup.options!r}")
        self._setup = setup
        self._options = setup.options
        self._pool = Pool(partial(connect, setup.site, setup.options), setup.options.connections)
        self._hashing: Hashing | None = None
        self._features = Features(mtime_resolution_ns=_SECOND, transfers=_TRANSFERS, bundle=_BUNDLE)
        self._folders = Folders(setup.site)
        self._places: Places
        self._staging: Staging
        self._bundles: Bundles
        self._copying: Copying

    @property
    def site(self) -> str:
        """The site's name."""
        return self._setup.site

    @property
    def features(self) -> Features:
        """What this server can do; final once entered."""
        return self._features

    async def __aenter__(self) -> Self:
        try:
            await self._learn()
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        async with self._pool.channel() as channel:
            return await read_marker(channel, self._setup.site, self._places.marker(root))

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        async with self._pool.channel() as channel:
            await make_marker(channel, self._setup.site, self._places.marker(root))
        made = await self.marker(root)
        if made is None:
            raise SiteError("marker", f"site {self._setup.site!r}: its marker vanished again")
        return made

    async def facts(self, where: Location) -> Facts | None:
        """Return size and time of a file, or None if there is none."""
        place = self._places.place(where)
        async with self._pool.channel() as channel:
            found = await self._find(channel, place)
        return None if found is None else facts_of(found)

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[FileReader]:
        """Open a published file for reading from `offset`."""
        place = self._places.place(where)
        async with self._pool.channel() as channel:
            if await self._find(channel, place) is None:
                raise missing(self._setup.site, where)
        async with self._reading(where, place.path, offset) as reader:
            yield reader

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[FileReader]:
        """Open staged bytes for reading back."""
        if await self.staged_size(handle) is None:
            raise revoked(handle)
        async with self._reading(handle, self._staging.path(handle), 0) as reader:
            yield reader

    async def stage(
        self,
        where: Location,
        claim: str,
        size: int,  # noqa: ARG002  # SFTP cannot set room aside
        mtime_ns: int | None = None,  # noqa: ARG002  # set when it is published
    ) -> Handle:
        """Make an empty staged file that nobody else has, folders included."""
        return await self._staging.make(where, claim)

    async def stage_bundle(self, files: Sequence[tuple[Handle, bytes]]) -> Sequence[bool]:
        """Stage small files together; False for each that needs a closer look."""
        return await self._bundles.stage(files)

    async def staged_checksums(
        self, handles: Sequence[Handle], algorithm: str
    ) -> Sequence[str | None]:
        """Return what the server tells of staged files together; None for what it cannot tell."""
        if self._hashing is None or algorithm not in self._hashing.algorithms:
            return [None] * len(handles)
        told: dict[Handle, str | None] = {}
        for root in {handle.where.root for handle in handles}:
            here = [handle for handle in handles if handle.where.root == root]
            paths = [self._staging.path(handle) for handle in here]
            marker = self._places.place(here[0].where).marker
            digests = await self._hashing.of_many(marker, paths, algorithm)
            told |= zip(here, digests, strict=True)
        return [digest and f"{algorithm}:{digest}" for digest in map(told.get, handles)]

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[FileSink]:
        """Write staged bytes from `offset` on; what lay beyond it is cut off."""
        async with self._staging.write(handle, offset) as sink:
            yield sink

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        path = self._staging.path(handle)
        async with self._pool.channel() as channel:
            found = await self._look(channel, handle, path)
        return None if found is None else facts_of(found).size

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes whose owner is known to be dead."""
        return await self._staging.adopt(handle, claim)

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """Let the server stage the first bytes of what another owner staged once more."""
        return await self._copying.copy_staged(handle, claim, size)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"` as the server computed it; None if it cannot tell."""
        if self._hashing is None or algorithm not in self._hashing.algorithms:
            return None
        place, path, size = await self._to_hash(where)
        if size == 0:
            return checksum_of(algorithm, [])  # some servers refuse to hash nothing
        try:
            digest = await self._hashing.of(place.marker, path, algorithm)
        except StatusError as error:
            raise translated(self._setup.site, where, error) from error
        return None if digest is None else f"{algorithm}:{digest}"

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names, each in one step, mtime set first."""
        return await self._staging.publish(handles)

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        await self._staging.revoke(handle)

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        place = self._places.place(where)
        async with self._pool.channel() as channel:
            if not await self._folders.there(channel, place):
                return
            try:
                await self._folders.confirm(channel, place)  # nothing brings a removed file back
                await channel.ask(requests.remove(place.path))
            except StatusError as error:
                if not is_missing(error):
                    raise translated(self._setup.site, where, error) from error

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        if folder:
            place = self._places.place(Location(root, f"{folder}/x"))
            async with self._pool.channel() as channel:
                if not await self._folders.there(channel, place):
                    return
        top = self._places.root(root)
        listing = Listing(self._setup.site, self._pool, root, top, after, unlisted)
        async for listed in listing.files(folder):
            yield listed

    async def space(self, root: str) -> Space | None:
        """Return what is free on the server's disk below a root; None where it does not tell."""
        path = self._places.root(root) or b"/"
        async with self._pool.channel() as channel:
            try:
                told = await channel.ask(requests.space(path))
            except StatusError as error:
                if is_missing(error):
                    return None  # the root has not been made yet
                raise translated(self._setup.site, Location(root, ""), error) from error
        return Space(told.free, told.total)

    @property
    def server(self) -> tuple[str, int]:
        """The server that this site is on."""
        return self._options.host, self._options.port

    def place(self, where: Location) -> Place:
        """Return where a file lies on the server."""
        return self._places.place(where)

    def copies_from(self, source: Provider) -> bool:
        """Return whether the source is on the same server, which hashes for both."""
        if not isinstance(source, SftpProvider) or source.server != self.server:
            return False
        return self._features.copies and not source.features.checksums.isdisjoint(
            self._features.checksums
        )

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Make an empty staged file that nobody else has, folders included."""
        return await self.stage(where, claim, size, mtime_ns)

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """Let the server fill staged bytes; both ends are hashed by it afterwards."""
        if not isinstance(source, SftpProvider):
            raise CopyRefusedError(f"site {self._setup.site!r} copies within its server only")
        where = handle.where
        marker = await source.marker(where.root)
        original = Original(source.site, source.place(where), marker, facts)
        await self._copying.fill(original, handle, progress)
        common = source.features.checksums & self._features.checksums
        algorithm = next(name for name in _BEST if name in common)
        there = await source.checksum(where, algorithm)
        here = await self.checksum(handle, algorithm)
        if there is None or here is None:
            raise CopyRefusedError(f"the server of {self._setup.site!r} did not hash both ends")
        return Copied(facts, there, here)

    async def _learn(self) -> None:
        async with self._pool.channel() as channel:
            home = await channel.ask(requests.real_path(b"."))
            durable = await syncs_folders(channel, home)
            extensions = channel.extensions
        self._hashing = await self._way_to_hash(home)
        self._places = Places(self._setup, home)
        self._staging = Staging(self._setup.site, self._pool, self._places, self._folders)
        self._bundles = Bundles(self._pool, self._places, self._folders)
        self._copying = Copying(self._setup.site, self._staging)
        if durable:
            self._staging.make_durable()
        self._features = Features(
            atomic_replace=requests.POSIX_RENAME in extensions,
            durable=durable,
            checksums=self._hashing.algorithms if self._hashing else frozenset(),
            read_back=self._options.checksum == "read-back",
            mtime_resolution_ns=_SECOND,
            transfers=_TRANSFERS,
            bundle=_BUNDLE,
            bundles=True,
            copies=requests.COPY_DATA in extensions and self._hashing is not None,
            copies_staged=requests.COPY_DATA in extensions,
            space=requests.STATVFS in extensions,
        )

    async def _way_to_hash(self, home: bytes) -> Hashing | None:
        choice, way = self._options.checksum, None
        if choice == "auto":
            way = await hashing_by_extension(self._pool, home)
        if way is None and choice in {"auto", "command"}:
            way = await hashing_by_command(self._pool)
        return way

    async def _close(self) -> None:
        with anyio.move_on_after(5, shield=True):
            await self._pool.close()

    async def _find(self, channel: Channel, place: Place) -> Attributes | None:
        found = await self._folders.look(channel, place)
        if found is not None and not found.is_file:
            raise PermanentFileError(
                f"{place.where} at site {self._setup.site!r} is no file; move it away"
            )
        return found

    async def _look(
        self, channel: Channel, where: Location | Handle, path: bytes
    ) -> Attributes | None:
        try:
            return await channel.ask(requests.lstat(path))
        except StatusError as error:
            if is_missing(error):
                return None
            raise translated(self._setup.site, where, error) from error

    @asynccontextmanager
    async def _reading(
        self, where: Location | Handle, path: bytes, offset: int
    ) -> AsyncGenerator[FileReader]:
        subject = Subject(self._setup.site, where, path)
        try:
            file = await open_on(self._pool, requests.open_file(path, Mode.READ))
        except StatusError as error:
            raise translated(subject.site, where, error) from error
        try:
            facts = facts_of(await file.channel.ask(requests.fstat(file.handle)))
            yield FileReader(subject, file, facts, offset)
        finally:
            file.let_go()

    async def _to_hash(self, where: Location | Handle) -> tuple[Place, bytes, int]:
        """Return path and size of what is to be hashed, which must be there."""
        if isinstance(where, Handle):
            size = await self.staged_size(where)
            if size is None:
                raise revoked(where)
            return self._places.place(where.where), self._staging.path(where), size
        facts = await self.facts(where)
        if facts is None:
            raise missing(self._setup.site, where)
        place = self._places.place(where)
        return place, place.path, facts.size
