"""The provider: each call is one hop into a worker thread, where `Files` does the work."""

from __future__ import annotations

import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import ParamSpec, Self, TypeVar

from anyio import CancelScope, CapacityLimiter, to_thread

from providers.base import (
    Copied,
    DiskProvider,
    Facts,
    Features,
    Handle,
    Listed,
    Location,
    Marker,
    ProviderError,
    Setup,
    StagedFile,
    Unlisted,
)
from providers.checksums import ALGORITHMS
from providers.local_drive.crew import Crew
from providers.local_drive.files import Files
from providers.local_drive.hand import Order, published_in, staged_in
from providers.local_drive.hands import Hands
from providers.local_drive.settings import LocalDriveOptions
from providers.local_drive.streams import DiskReader, DiskSink
from providers.small import SmallFile
from providers.space import Space

_LISTED_AT_ONCE = 512
_FOLDERS_AT_ONCE = 32
_HANDS = 3
_BUNDLE = 32
_MANY = 16  # fewer are staged here before a process has begun
P = ParamSpec("P")
T = TypeVar("T")


class LocalDrive:
    """
    A site on a disk of this machine, or on a share that is mounted here.

    Its threads are its own, two for each transfer: a share that hangs holds up no other
    site, and short calls do not wait for long copies.
    """

    def __init__(self, setup: Setup) -> None:
        if not isinstance(setup.options, LocalDriveOptions):
            raise TypeError(f"site {setup.site!r} needs LocalDriveOptions, not {setup.options!r}")
        transfers = setup.options.transfers
        self._files = Files(setup)
        self._threads = CapacityLimiter(2 * transfers)
        self._crew = Crew(_HANDS)
        self._hands = Hands(_HANDS)
        self.features = Features(
            durable=sys.platform != "win32",  # there, a folder cannot be synced
            checksums=frozenset(ALGORITHMS),
            mtime_resolution_ns=100 if sys.platform == "win32" else 1,
            local_paths=True,
            transfers=transfers,
            bundle=_BUNDLE,
            space=True,
            copies_staged=True,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End the processes that copied; all that was opened was closed by who opened it."""
        await self._hands.close()

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none; SiteError if out of reach."""
        return await self._run(self._files.marker, root)

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker (and the root's folder), or return the one that is there."""
        return await self._run(self._files.make_marker, root)

    async def facts(self, where: Location) -> Facts | None:
        """Return size and time of a file, or None if there is none."""
        return await self._crew.call(partial(self._files.facts, where))

    def read(self, where: Location, offset: int = 0) -> AbstractAsyncContextManager[DiskReader]:
        """Open a published file for reading from `offset`."""
        return self._reading(where, offset)

    def read_staged(self, handle: Handle) -> AbstractAsyncContextManager[DiskReader]:
        """Open staged bytes for reading back."""
        return self._reading(handle, 0)

    async def stage(
        self,
        where: Location,
        claim: str,
        size: int,  # noqa: ARG002 -- room is not reserved: that would forbid reflinks
        mtime_ns: int | None = None,  # noqa: ARG002 -- set when it is published
    ) -> Handle:
        """Make an empty staged file that nobody else has (O_EXCL), folders included."""
        handle = Handle(where, claim)
        await self._run(self._files.stage, handle)
        return handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[DiskSink]:
        """Write staged bytes from `offset` on; what lay beyond it is cut off."""
        file = await self._run(self._files.open_staged, handle, offset)
        try:
            sink = DiskSink(partial(self._on_file, handle.where), file, offset)
            yield sink
            await sink.drain()
        finally:
            with CancelScope(shield=True):
                await self._on_file(handle.where, file.close)

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        return await self._run(self._files.staged_size, handle)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes whose owner is known to be dead; the old handle is revoked."""
        await self._run(self._files.adopt, handle, claim)
        return Handle(handle.where, claim)

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """Stage the first bytes of what another owner staged once more; reflinked where possible."""
        await self._run(self._files.copy_staged, handle, claim, size)
        return Handle(handle.where, claim)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"`; None for an algorithm that is not in `features`."""
        if algorithm not in ALGORITHMS:
            return None
        return await self._run(self._files.checksum, where, algorithm)

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Make staged bytes visible under their names; each folder is synced once."""
        published: Sequence[Facts | ProviderError | None] = [None] * len(handles)
        if len(handles) >= _MANY:
            staged, mtimes_ns = zip(*handles, strict=True)
            order = Order("publish", self._roots(staged), staged, mtimes_ns=mtimes_ns)
            answer = await self._hands.carry_out(order)
            published = published if answer is None else published_in(answer)
        missing = [one for one, facts in zip(handles, published, strict=True) if facts is None]
        told = iter(await self._run(self._files.publish, missing) if missing else ())
        return [next(told) if facts is None else facts for facts in published]

    async def revoke(self, handle: Handle) -> None:
        """Remove staged bytes, so that every later `publish` of them fails."""
        await self._run(self._files.revoke, handle)

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        await self._run(self._files.remove, where)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in order; links are not followed."""
        where = Location(root, folder)
        found = self._files.listing(root, folder, after, unlisted)
        while batch := await self._on_file(where, _take, found, _LISTED_AT_ONCE):
            for file in batch:
                yield file

    def root_path(self, root: str) -> Path:
        """Return the folder of a root."""
        return self._files.paths.root(root)

    def local_path(self, where: Location, plain: set[str] | None = None) -> Path:
        """Return the path of a file without links, checked to stay below its root."""
        return self._files.on_file(where, self._files.paths.file_without_links, where, plain)

    async def stage_small(
        self, source: DiskProvider, handles: Sequence[Handle]
    ) -> Sequence[Copied | None]:
        """Stage copies of small files whose places are empty, all in one hop."""
        if len(handles) >= _MANY:
            source_roots = {root: str(source.root_path(root)) for root in self._roots(handles)}
            order = Order("stage", self._roots(handles), handles, source_roots)
            answer = await self._hands.carry_out(order)
            if answer is not None:
                return staged_in(answer)
            for handle in handles:
                await self.revoke(handle)
        return await self._run(self._files.stage_small, source.local_path, handles)

    async def read_small(self, files: Sequence[Location]) -> Sequence[SmallFile | None]:
        """Return small files that are at rest, all read in one hop."""
        return await self._run(self._files.read_small, files)

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        """Make the staged file of `handle` with a copy of `source`, hashed at both ends."""
        return await self._run(self._files.stage_from_disk, source, handle, progress, kept)

    async def space(self, root: str) -> Space | None:
        """Return what is free on the disk that a root lies on."""
        usage = await self._on_file(Location(root, ""), shutil.disk_usage, self.root_path(root))
        return Space(usage.free, usage.total)

    def _roots(self, handles: Sequence[Handle]) -> dict[str, str]:
        """Return the folders of the roots that some handles name."""
        return {root: str(self.root_path(root)) for root in {h.where.root for h in handles}}

    @asynccontextmanager
    async def _reading(self, what: Location | Handle, offset: int) -> AsyncGenerator[DiskReader]:
        reader = await self._crew.call(partial(self._open, what, offset))
        with closing(reader):
            yield reader

    def _open(self, what: Location | Handle, offset: int) -> DiskReader:
        where = what.where if isinstance(what, Handle) else what
        file, path = self._files.open(what, offset)
        try:
            return self._files.on_file(where, DiskReader, partial(self._on_file, where), file, path)
        except BaseException:
            file.close()
            raise

    async def staged(self, root: str) -> AsyncIterator[StagedFile]:
        """List all staged files below a root; links are not followed."""
        folders = self._files.staged(root)
        while batch := await self._on_file(Location(root, ""), _take, folders, _FOLDERS_AT_ONCE):
            for file in chain(*batch):
                yield file

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call in a worker thread; a cancelled call has ended when this raises."""
        return await to_thread.run_sync(partial(call, *args, **kwargs), limiter=self._threads)

    async def _on_file(
        self, where: Location, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._run(partial(self._files.on_file, where, call, *args, **kwargs))


def _take(found: Iterator[T], most: int) -> list[T]:
    return list(islice(found, most))
