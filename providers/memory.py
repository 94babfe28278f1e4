"""
A site in this process's memory: a provider like any other, on no disk and no network.

What one provider keeps, every other of the same store sees; all of it ends with the process.
"""

from __future__ import annotations

import time
import uuid
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple, Self

from anyio.lowlevel import checkpoint
from pydantic import BaseModel, ConfigDict

from providers.base import (
    CHUNK,
    ChangedFileError,
    Facts,
    Features,
    FileError,
    Handle,
    Kind,
    Listed,
    Location,
    Marker,
    MissingFileError,
    ProviderError,
    RevokedError,
    Setup,
    SiteError,
    Unlisted,
)
from providers.checksums import ALGORITHMS, checksum_of
from providers.names import components, staged_name


class MemoryOptions(BaseModel):
    """Settings of a site in memory. Sites that name one store hold the same files."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    store: str = "default"


class _Place(NamedTuple):
    folder: str
    path: str


class _Staged(NamedTuple):
    place: _Place
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """Published bytes; `eq=False`, since only the very same file is unchanged."""

    content: bytes
    mtime_ns: int

    @property
    def facts(self) -> Facts:
        return Facts(len(self.content), self.mtime_ns)


@dataclass(frozen=True, slots=True)
class _Store:
    markers: dict[str, Marker] = field(default_factory=dict[str, Marker])
    published: dict[_Place, _File] = field(default_factory=dict[_Place, _File])
    staged: dict[_Staged, bytearray] = field(default_factory=dict[_Staged, bytearray])


_STORES: defaultdict[str, _Store] = defaultdict(_Store)  # what makes two sites one place


class MemoryReader:
    """A file being read; what is published meanwhile does not change its bytes."""

    def __init__(self, file: _File, offset: int, unchanged: Callable[[], bool]) -> None:
        self._file = file
        self._offset = offset
        self._unchanged = unchanged

    @property
    def facts(self) -> Facts:
        """Return size and time as of opening."""
        return self._file.facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(self._offset, len(self._file.content), CHUNK):
            await checkpoint()
            yield self._file.content[start : start + CHUNK]

    async def unchanged(self) -> bool:
        """Return whether this very file is still the one at its place."""
        return self._unchanged()


class MemorySink:
    """Staged bytes being written."""

    def __init__(self, staged: bytearray) -> None:
        self._staged = staged

    async def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        await checkpoint()
        self._staged += chunk

    async def flush(self) -> None:
        """Return at once: there is no farther side."""
        await checkpoint()


class Memory:
    """One site whose files are in memory. Each method is one step: no task sees half of it."""

    features = Features(durable=False, checksums=frozenset(ALGORITHMS), mtime_resolution_ns=1)

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, MemoryOptions):
            raise TypeError(f"site {setup.site!r} needs MemoryOptions, not {setup.options!r}")
        self._setup = setup
        self._store = _STORES[setup.options.store]

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
        file = _File(bytes(staged), time.time_ns())
        yield MemoryReader(file, 0, lambda: bytes(staged) == file.content)

    async def stage(self, where: Location, claim: str, size: int) -> Handle:  # noqa: ARG002 -- memory has no room to make sure of
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
        self._store.published.pop(self._place(where), None)

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

    def _place(self, where: Location) -> _Place:
        return _Place(self._setup.root(where.root), "/".join(components(where)))

    def _key(self, handle: Handle) -> _Staged:
        return _Staged(self._place(handle.where), staged_name(handle.claim))

    def _find(self, where: Location) -> _File | None:
        file = self._store.published.get(place := self._place(where))
        if file is None and place.folder not in self._store.markers:
            raise self._unmarked(where.root)
        return file

    def _file(self, where: Location) -> _File:
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
        file = _File(content, time.time_ns() if mtime_ns is None else mtime_ns)
        self._store.published[self._place(handle.where)] = file
        del self._store.staged[self._key(handle)]
        return file.facts

    def _unmarked(self, root: str) -> SiteError:
        site = self._setup.site
        return SiteError(
            "marker", f"root {root!r} of site {site!r} has no marker: `sitesync site init {site}`"
        )


KIND = Kind("memory", MemoryOptions, Memory, icon=Path(__file__).with_name("memory.png"))
