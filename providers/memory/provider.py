"""
A site in memory as a provider: its protocol over a store.

What one provider keeps, every other of the same store sees; all of it ends with the process.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Self

from anyio.lowlevel import checkpoint
from pydantic import BaseModel, ConfigDict

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    Features,
    FileError,
    Handle,
    Listed,
    Location,
    Marker,
    MissingFileError,
    Provider,
    ProviderError,
    RevokedError,
    Setup,
    SiteError,
    Unlisted,
)
from providers.checksums import ALGORITHMS, checksum_of
from providers.memory.store import STORES, File, Place, Staged
from providers.memory.streams import MemoryReader, MemorySink
from providers.names import components, staged_name
from providers.services import Change, Changes

_TOLD_TOGETHER = 500
_COMPARED = "xxh128"


class MemoryOptions(BaseModel):
    """Settings of a site in memory. Sites that name one store hold the same files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str = "default"


class Memory:
    """One site whose files are in memory. Each method is one step: no task sees half of it."""

    features = Features(
        durable=False,
        checksums=frozenset(ALGORITHMS),
        mtime_resolution_ns=1,
        copies=True,
        changes=True,
        copies_staged=True,
    )

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, MemoryOptions):
            raise TypeError(f"site {setup.site!r} needs MemoryOptions, not {setup.options!r}")
        self._setup = setup
        self._store = STORES[setup.options.store]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Keep everything: the store outlives its providers."""

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        await checkpoint()
        return self._store.markers.get(self._setup.root(root))

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker, or return the one that is there."""
        await checkpoint()
        return self._store.markers.setdefault(self._setup.root(root), Marker(uuid.uuid4().hex))

    async def facts(self, where: Location) -> Facts | None:
        """Return size and time of a published file, or None."""
        await checkpoint()
        file = self._find(where)
        return file.facts if file else None

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[MemoryReader]:
        """Open a published file for reading from `offset`."""
        await checkpoint()
        file = self._file(where)
        yield MemoryReader(file, offset, lambda: self._find(where) is file)

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[MemoryReader]:
        """Open staged bytes for reading back."""
        await checkpoint()
        staged = self._bytes(handle)
        file = File(bytes(staged), time.time_ns())
        yield MemoryReader(file, 0, lambda: bytes(staged) == file.content)

    async def stage(
        self,
        where: Location,
        claim: str,
        size: int,  # noqa: ARG002 -- memory has no room to make sure of
        mtime_ns: int | None = None,  # noqa: ARG002 -- set when it is published
    ) -> Handle:
        """Make an empty staged file that nobody else has."""
        await checkpoint()
        handle = Handle(where, claim)
        key = self._key(handle)
        if key.place.folder not in self._store.markers:
            raise self._unmarked(where.root)
        if self._store.staged.setdefault(key, staged := bytearray()) is not staged:
            raise FileError(f"{where}: claim {claim} has staged it already")
        return handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        """Write staged bytes from `offset` on; what lay beyond it is cut off."""
        await checkpoint()
        staged = self._bytes(handle)
        if offset > len(staged):
            raise ChangedFileError(f"{handle.where}: only {len(staged)} bytes of it are staged")
        del staged[offset:]
        yield MemorySink(staged)

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None."""
        await checkpoint()
        staged = self._store.staged.get(self._key(handle))
        return None if staged is None else len(staged)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes; the old handle is revoked."""
        await checkpoint()
        new = Handle(handle.where, claim)
        staged = self._bytes(handle)
        self._store.staged[self._key(new)] = staged
        del self._store.staged[self._key(handle)]
        return new

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """Stage the first bytes of what another owner staged once more."""
        await checkpoint()
        new, staged = Handle(handle.where, claim), self._bytes(handle)
        if len(staged) < size:
            raise RevokedError(f"{handle.where}: fewer than {size} bytes are staged")
        self._store.staged[self._key(new)] = bytearray(staged[:size])
        return new

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"`; None for an algorithm that is not in `features`."""
        if algorithm not in ALGORITHMS:
            return None
        held = self._bytes(where) if isinstance(where, Handle) else self._file(where).content
        return checksum_of(algorithm, [held])

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names."""
        await checkpoint()
        return [self._publish(handle, mtime_ns) for handle, mtime_ns in handles]

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        await checkpoint()
        self._store.staged.pop(self._key(handle), None)

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        await checkpoint()
        self._store.remove(self._place(where))

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,  # noqa: ARG002 -- all can be listed
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in the order of their paths."""
        await checkpoint()
        top = self._setup.root(root)
        below = "/".join((*components(Location(root, folder)), "")) if folder else ""
        for place, file in sorted(self._store.published.items(), key=itemgetter(0)):
            if place.folder == top and place.path.startswith(below) and place.path > after:
                await checkpoint()
                yield Listed(Location(root, place.path), file.facts)

    def copies_from(self, source: Provider) -> bool:
        """Return whether the source is in this memory, too."""
        return isinstance(source, Memory)

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Make an empty staged file that nobody else has."""
        return await self.stage(where, claim, size, mtime_ns)

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """Fill staged bytes with those of a file at another site in memory."""
        staged = self._bytes(handle)
        async with source.read(handle.where) as reader:
            if reader.facts != facts:
                raise _changed(handle)
            async for chunk in reader:
                staged += chunk
                progress(len(chunk))
            original = await source.checksum(handle.where, _COMPARED)
            if original is None or not await reader.unchanged():
                raise _changed(handle)
        return Copied(facts, original, checksum_of(_COMPARED, [self._bytes(handle)]))

    async def changes_now(self, root: str) -> str:
        """Return the token for this moment."""
        await checkpoint()
        self._setup.root(root)
        return self._store.history.token

    async def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        """Yield what happened below a root, with what is there by now."""
        await checkpoint()
        history, top = self._store.history, self._setup.root(root)
        token = history.token
        told = history.since(since)
        for start in range(0, len(told), _TOLD_TOGETHER):
            some = told[start : start + _TOLD_TOGETHER]
            places = dict.fromkeys(place for _, place in some if place.folder == top)
            yield Changes(tuple(self._change(root, place) for place in places), some[-1][0])
        if not told:
            yield Changes((), token)

    def _place(self, where: Location) -> Place:
        return Place(self._setup.root(where.root), "/".join(components(where)))

    def _key(self, handle: Handle) -> Staged:
        return Staged(self._place(handle.where), staged_name(handle.claim))

    def _find(self, where: Location) -> File | None:
        file = self._store.published.get(place := self._place(where))
        if file is None and place.folder not in self._store.markers:
            raise self._unmarked(where.root)
        return file

    def _file(self, where: Location) -> File:
        if file := self._find(where):
            return file
        raise MissingFileError(f"{where} is not at site {self._setup.site!r}; publish it again")

    def _bytes(self, handle: Handle) -> bytearray:
        staged = self._store.staged.get(self._key(handle))
        if staged is None:
            raise RevokedError(f"{handle.where}: nothing is staged for claim {handle.claim}")
        return staged

    def _publish(self, handle: Handle, mtime_ns: int | None) -> Facts | ProviderError:
        try:
            content = bytes(self._bytes(handle))
        except ProviderError as error:
            return error
        file = File(content, time.time_ns() if mtime_ns is None else mtime_ns)
        self._store.publish(self._place(handle.where), file)
        del self._store.staged[self._key(handle)]
        return file.facts

    def _change(self, root: str, place: Place) -> Change:
        file = self._store.published.get(place)
        return Change(Location(root, place.path), facts=file.facts if file else None)

    def _unmarked(self, root: str) -> SiteError:
        site = self._setup.site
        return SiteError(
            "marker", f"root {root!r} of site {site!r} has no marker: `sitesync site init {site}`"
        )


def _changed(handle: Handle) -> ChangedFileError:
    return ChangedFileError(f"{handle.where} changed while it was copied; it is copied again")
