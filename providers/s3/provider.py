"""An S3 site as a provider: the protocol of `providers.base` over the requests of S3."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Self

import anyio

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
    Reader,
    Setup,
    SiteError,
    Unlisted,
)
from providers.s3 import requests
from providers.s3.connecting import Bucket, Connector
from providers.s3.copying import Copying
from providers.s3.errors import revoked
from providers.s3.listing import Listing
from providers.s3.markers import make_marker, read_marker
from providers.s3.options import S3Options
from providers.s3.parts import Budget
from providers.s3.places import Places
from providers.s3.readers import BlockReader, Subject, opened
from providers.s3.sinks import PartSink
from providers.s3.staging import Staging
from providers.s3.times import facts_of

_TRANSFERS = 16
_WAITING = 48 * 1024 * 1024


class S3Provider:
    """One S3 site. Entering it looks into each of its buckets once."""

    features = Features(
        derived_handles=False,
        mtime_resolution_ns=1,
        reads_staged=False,
        cuts_staged=False,
        proves_writes=True,
        lists_sizes_only=True,
        transfers=_TRANSFERS,
        copies=True,
        parts=True,
    )

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, S3Options):
            raise TypeError(f"site {setup.site!r} needs S3Options, not {setup.options!r}")
        self._setup = setup
        self._options = setup.options
        self._connections = AsyncExitStack()
        self._budget = Budget(_WAITING)
        self._making = anyio.Lock()
        self._marked: set[str] = set()  # roots whose marker was seen
        self._places: Places
        self._buckets: dict[str, Bucket]
        self._staging: Staging

    async def __aenter__(self) -> Self:
        self._places = Places.of(self._setup, self._options)
        connector = Connector(self._setup, self._options, self._connections)
        try:
            self._buckets = await connector.buckets(self._places)
        except BaseException:
            await self._connections.aclose()
            raise
        self._staging = Staging(self._places, self._buckets)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._connections.aclose()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        found = self._places.root(root)
        marker = await read_marker(self._buckets[found.bucket], found.marker)
        if marker is not None:
            self._marked.add(root)
        return marker

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker, or return the one that is there."""
        found = self._places.root(root)
        async with self._making:  # not every server keeps two from making one
            made = await self.marker(root)
            if made is None:
                await make_marker(self._buckets[found.bucket], found.marker)
                made = await self.marker(root)
        if made is None:
            raise SiteError("marker", f"site {self._setup.site!r}: its marker vanished again")
        return made

    async def facts(self, where: Location) -> Facts | None:
        """Return size, time and version of a file, or None if there is none."""
        subject = self.subject(where)
        with subject.bucket.speaker.explained(where, "reading"):
            head = await requests.look(subject.bucket.wire, subject.key)
        return None if head is None else facts_of(head)

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[BlockReader]:
        """Open a published file for reading from `offset`."""
        reader = await opened(self.subject(where), offset, self._budget)
        try:
            yield reader
        finally:
            await reader.close()

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[Reader]:
        """Refuse: a service shows an upload once it is published."""
        if await self.staged_size(handle) is None:
            raise revoked(handle)
        raise FileError(f"{handle.where}: site {self._setup.site!r} shows only what is published")
        yield

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Begin an upload to the file's own key, visible once it is completed."""
        self._places.place(where)  # a path that may leave its root is refused first
        if where.root not in self._marked and await self.marker(where.root) is None:
            site = self._setup.site
            raise SiteError(
                "marker",
                f"root {where.root!r} of site {site!r} has no marker: `sitesync site init {site}`",
            )
        return await self._staging.make(where, claim, size, mtime_ns)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[PartSink]:
        """Write on from `offset`, where a part ends."""
        async with self._staging.write(handle, offset) as sink:
            yield sink

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes the server has, or None if there is no such upload."""
        return await self._staging.size(handle)

    async def goes_on_at(self, handle: Handle, within: int) -> int:
        """Return where writing may go on within so many bytes: the end of a staged part."""
        return await self._staging.goes_on_at(handle, within)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over an upload whose owner is known to be dead."""
        return await self._staging.adopt(handle, claim)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:  # noqa: ARG002 - of either
        """Return None: an ETag is no checksum of the bytes, where they came in parts."""
        return None

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names, each in one step."""
        return await self._staging.publish(handles)

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        await self._staging.revoke(handle)

    async def remove(self, where: Location) -> None:
        """Remove a file; in a bucket with versions its former versions stay."""
        subject = self.subject(where)
        with subject.bucket.speaker.explained(where, "writing"):
            await requests.delete(subject.bucket.wire, subject.key)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        found, prefix = self._places.below(root, folder)
        listing = Listing(self._buckets[found.bucket], root, found, after, unlisted)
        async with aclosing(listing.files(prefix)) as files:
            async for listed in files:
                yield listed

    def copies_from(self, source: Provider) -> bool:
        """Return whether one key opens both sites at one service."""
        return isinstance(source, S3Provider) and source.account == self.account

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Begin an upload that the service fills."""
        return await self.stage(where, claim, size, mtime_ns)

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """Let the service fill staged bytes with those of the same location at `source`."""
        if not isinstance(source, S3Provider):
            raise TypeError(f"{source!r} is no S3 site: `copies_from` said so")
        upload = await self._staging.find(handle)
        return await Copying(source.subject(handle.where), handle, upload).copied(facts, progress)

    @property
    def account(self) -> tuple[str | None, ...]:
        """Which service this is, and who we are there."""
        return self._options.endpoint, self._options.access_key, self._options.profile

    def subject(self, where: Location) -> Subject:
        """Return where a file lies, or refuse a path that may leave its root."""
        place = self._places.place(where)
        return Subject(where, self._buckets[place.bucket], place.key)
