"""
A provider of simulated storage: each step on the storage is one that others may come between.

Its features are those of a disk, of an SFTP server, or of a service without atomic replacement.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from typing import Protocol, Self, TypeVar

import anyio

from providers import names
from providers.base import (
    ChangedFileError,
    Facts,
    Features,
    FileError,
    Handle,
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
from tests.simulation.storage import Inode, Root, Store


class Caller(Protocol):
    """Whose steps these are: one process."""

    name: str

    def reach(self, site: str, label: str, act: Callable[[], T]) -> Awaitable[T]:
        """Carry out a step at a site, at some time."""
        ...

    def new_marker(self) -> str:
        """Return an id for a marker."""
        ...

    def store(self, name: str) -> Store:
        """Return a storage of this process's machine by its name."""
        ...


T = TypeVar("T")


@lru_cache(maxsize=4096)
def path_of(where: Location) -> str:
    return "/".join(names.components(where))


class Provider:
    """One site of simulated storage, as one process reaches it; chunks have `chunk` bytes."""

    left_at_work: frozenset[str] = frozenset()

    def __init__(
        self, setup: Setup, store: Store, caller: Caller, features: Features, chunk: int
    ) -> None:
        self._setup = setup
        self._store = store
        self._caller = caller
        self.features = features
        self._chunk = chunk

    def _do(self, label: str, act: Callable[[], T]) -> Awaitable[T]:
        return self._caller.reach(self._setup.site, label, act)

    async def __aenter__(self) -> Self:
        await self._do("open", lambda: None)
        return self

    async def __aexit__(self, *error: object) -> None: ...

    def stuck(self) -> None:
        """Say, as the border would, that no call to it goes on although it was broken off."""

    # Where things are.

    def _root(self, name: str) -> Root:
        return self._store.root(self._setup.root(name))

    def _marked(self, name: str) -> Root:
        root = self._root(name)
        if root.marker is None:
            site = self._setup.site
            raise SiteError("marker", f"no marker at {site!r}: `sitesync site init {site}`")
        return root

    def _staged(self, handle: Handle) -> tuple[Root, tuple[str, str]]:
        return self._root(handle.where.root), (path_of(handle.where), self._name(handle.claim))

    @staticmethod
    def _name(claim: str) -> str:
        return names.staged_name(claim)

    def _inode(self, handle: Handle) -> Inode:
        root, key = self._staged(handle)
        found = root.staged.get(key)
        if found is None or (handle.token and handle.token != f"token {id(found)}"):
            raise RevokedError(f"{handle.where}: nothing is staged for claim {handle.claim}")
        return found

    def _file(self, where: Location) -> Inode:
        found = self._marked(where.root).published.get(path_of(where))
        if found is None:
            raise MissingFileError(f"{where} is not at site {self._setup.site!r}")
        return found

    # Facts and bytes.

    async def marker(self, root: str) -> Marker | None:
        return await self._do("marker", lambda: self._root(root).marker)

    async def make_marker(self, root: str) -> Marker:
        def make() -> Marker:
            found = self._root(root)
            if found.marker is None:
                found.marker = Marker(self._caller.new_marker())
            return found.marker

        return await self._do("make marker", make)

    async def facts(self, where: Location) -> Facts | None:
        def look() -> Facts | None:
            found = self._marked(where.root).published.get(path_of(where))
            return self._told(found) if found else None

        return await self._do("facts", look)

    def _told(self, inode: Inode) -> Facts:
        resolution = self.features.mtime_resolution_ns
        if resolution is None:
            return Facts(len(inode.content))
        return Facts(len(inode.content), inode.mtime_ns // resolution * resolution)

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[Reader]:
        def find() -> tuple[Inode, Facts]:
            found = self._file(where)
            return found, self._told(found)

        inode, facts = await self._do("open to read", find)

        def unchanged() -> bool:
            there = self._root(where.root).published.get(path_of(where))
            return there is inode and self._told(inode) == facts

        yield Reader(self, inode, offset, unchanged)

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[Reader]:
        inode = await self._do("open staged", lambda: self._inode(handle))
        yield Reader(self, inode, 0, lambda: True)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        if algorithm not in ALGORITHMS or algorithm not in self.features.checksums:
            return None

        def digest() -> str:
            found = self._inode(where) if isinstance(where, Handle) else self._file(where)
            return checksum_of(algorithm, [bytes(found.content)])

        return await self._do("checksum", digest)

    # Staging.

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        inode = await self._do("stage", lambda: self._make(Handle(where, claim)))
        return Handle(where, claim, "" if self.features.derived_handles else f"token {id(inode)}")

    def _make(self, handle: Handle) -> Inode:
        self._marked(handle.where.root)
        root, key = self._staged(handle)
        if key in root.staged:
            raise FileError(f"{handle.where}: claim {handle.claim} has staged it already")
        self._has_room()
        made = root.staged[key] = Inode(bytearray(), self._store.clock(), handle.claim)
        return made

    def _has_room(self) -> None:
        if self._store.full:
            raise SiteError("full", f"site {self._setup.site!r} is full; make room there")

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[Sink]:
        def open_it() -> Inode:
            inode = self._inode(handle)
            if offset > len(inode.content):
                raise ChangedFileError(f"{handle.where}: only {len(inode.content)} are staged")
            self._is_ours(inode, handle.claim)
            del inode.content[offset:]
            return inode

        inode = await self._do("open to write", open_it)
        try:
            yield Sink(self, inode, handle)
        except BaseException:
            # Afterwards nothing of it is under way.
            with anyio.CancelScope(shield=True), suppress(ProviderError):
                await self._do("close", lambda: None)
            raise

    def _is_ours(self, inode: Inode, claim: str) -> None:
        if inode.claim != claim:
            self._store.wronged(
                f"{self._caller.name} writes under claim {claim} into "
                + (f"what claim {inode.claim} has staged" if inode.claim else "a published file")
            )

    async def staged_size(self, handle: Handle) -> int | None:
        def size() -> int | None:
            root, key = self._staged(handle)
            found = root.staged.get(key)
            return None if found is None else len(found.content)

        return await self._do("staged size", size)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        def take() -> Inode:
            inode = self._inode(handle)
            root, key = self._staged(handle)
            del root.staged[key]
            root.staged[self._staged(Handle(handle.where, claim))[1]] = inode
            inode.claim = claim
            return inode

        inode = await self._do("adopt", take)
        token = "" if self.features.derived_handles else f"token {id(inode)}"
        return Handle(handle.where, claim, token)

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        def find() -> Inode:
            if len((found := self._inode(handle)).content) < size:
                raise RevokedError(f"{handle.where}: fewer than {size} bytes are staged")
            return found

        source = await self._do("open to copy", find)
        new = Handle(handle.where, claim)
        made = await self._do("stage", lambda: self._make(new))
        await self._do("copy staged", lambda: made.content.extend(source.content[:size]))
        return new

    # What becomes visible, and what goes.

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        return [await self._published(handle, mtime_ns) for handle, mtime_ns in handles]

    async def _published(self, handle: Handle, mtime_ns: int | None) -> Facts | ProviderError:
        try:
            await self._do("open staged", lambda: self._inode(handle))
            if not self.features.atomic_replace:
                await self._do("take away", lambda: self._take_away(handle.where))
            return await self._do("publish", lambda: self._publish(handle, mtime_ns))
        except ProviderError as error:
            return error

    def _publish(self, handle: Handle, mtime_ns: int | None) -> Facts:
        inode = self._inode(handle)
        root, key = self._staged(handle)
        del root.staged[key]
        if mtime_ns is not None:
            inode.mtime_ns = mtime_ns
        inode.claim = ""
        self._store.put(root, key[0], inode, self._caller.name)
        return self._told(inode)

    def _take_away(self, where: Location) -> None:
        root, path = self._root(where.root), path_of(where)
        if path in root.published:
            self._store.put(root, path, None, self._caller.name)

    async def revoke(self, handle: Handle) -> None:
        def forget() -> None:
            root, key = self._staged(handle)
            found = root.staged.pop(key, None)
            if found is not None:
                found.claim = f"{handle.claim}, revoked"

        await self._do("revoke", forget)

    async def remove(self, where: Location) -> None:
        await self._do("remove", lambda: self._take_away(where))

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        below = f"{folder}/" if folder else ""

        def look() -> list[Listed]:
            return [
                Listed(Location(root, path), self._told(inode))
                for path, inode in sorted(self._root(root).published.items())
                if path.startswith(below) and path > after
            ]

        for listed in await self._do("list", look):
            yield listed


class Reader:
    """An open file; what is written into it meanwhile is read, as on a disk."""

    def __init__(
        self, provider: Provider, inode: Inode, offset: int, unchanged: Callable[[], bool]
    ) -> None:
        self._provider = provider
        self._inode = inode
        self._offset = offset
        self._unchanged = unchanged
        self.facts = provider._told(inode)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self._offset < self.facts.size:
            chunk = await self._provider._do("read", self._next)
            if not chunk:
                return
            yield chunk

    def _next(self) -> bytes:
        begin = self._offset
        self._offset = begin + self._provider._chunk
        return bytes(self._inode.content[begin : self._offset])

    async def unchanged(self) -> bool:
        return await self._provider._do("look again", self._unchanged)


class Sink:
    """An open staged file."""

    def __init__(self, provider: Provider, inode: Inode, handle: Handle) -> None:
        self._provider = provider
        self._inode = inode
        self._handle = handle

    async def write(self, chunk: bytes) -> None:
        await self._provider._do("write", lambda: self._append(chunk))

    def _append(self, chunk: bytes) -> None:
        self._provider._has_room()
        if not self._inode.claim.endswith("revoked"):  # a name less is no harm
            self._provider._is_ours(self._inode, self._handle.claim)
        self._inode.content += chunk

    async def flush(self) -> None:
        await self._provider._do("flush", lambda: None)
