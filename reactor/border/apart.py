"""
A provider of another package, in a thread of its own with an event loop of its own.

Code that blocks where it must not, or swallows its cancellation, stops its own site alone.
What it was asked for and does not end is left behind after a moment. It may still write then,
so its claim must not be given up for others to go on from: `left_at_work` tells.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Self, TypeVar, cast

from providers.base import (
    Copied,
    DiskProvider,
    Facts,
    Features,
    Handle,
    Listed,
    Location,
    Marker,
    Provider,
    ProviderError,
    Reader,
    Sink,
    StagedFile,
    Unlisted,
)
from providers.services import Changes, ChangingProvider
from reactor.border.apart_streams import ReaderApart, SinkApart, iterating
from reactor.border.thread import Held, Order, Task, Thread

T = TypeVar("T")
S = TypeVar("S")
Outer = TypeVar("Outer")

_LEFT: list[Task] = []


def is_anything_left() -> bool:
    """Return whether something goes on that was left behind, which may keep this process from ending."""
    return any(not task.has_ended for task in _LEFT)


class Apart:
    """A provider whose every call is carried out in another thread."""

    def __init__(self, inside: Provider, site: str) -> None:
        self.inside = inside
        self._thread = Thread(f"provider of {site}")
        self._life: Held[Provider]
        self._left: list[tuple[str, Task]] = []

    @property
    def features(self) -> Features:
        """What the site can do."""
        return self.inside.features

    @property
    def left_at_work(self) -> frozenset[str]:
        """The claims for which a call was left behind that has not ended."""
        self._left = [(claim, task) for claim, task in self._left if not task.has_ended]
        return frozenset(claim for claim, _ in self._left)

    async def __aenter__(self) -> Self:
        self._thread.start()
        self._life = Held(lambda: self.inside)
        try:
            await self._life.open(self._thread)
        except BaseException:
            self._leave(self._life)
            self._thread.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Leave the provider, and end the thread once nothing goes on in it."""
        try:
            await self._life.close(self._thread, None)
        finally:
            self._leave(self._life)
            self._thread.stop()

    # Each call there.

    async def marker(self, root: str) -> Marker | None:
        """See `Provider.marker`."""
        return await self._call(partial(self.inside.marker, root))

    async def make_marker(self, root: str) -> Marker:
        """See `Provider.make_marker`."""
        return await self._call(partial(self.inside.make_marker, root))

    async def facts(self, where: Location) -> Facts | None:
        """See `Provider.facts`."""
        return await self._call(partial(self.inside.facts, where))

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """See `Provider.checksum`."""
        return await self._call(partial(self.inside.checksum, where, algorithm))

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """See `Provider.stage`."""
        return await self._call(partial(self.inside.stage, where, claim, size, mtime_ns), claim)

    async def staged_size(self, handle: Handle) -> int | None:
        """See `Provider.staged_size`."""
        return await self._call(partial(self.inside.staged_size, handle))

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """See `Provider.adopt`."""
        return await self._call(partial(self.inside.adopt, handle, claim), claim)

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """See `Provider.publish`."""
        claims = [handle.claim for handle, _ in handles]
        return await self._call(partial(self.inside.publish, handles), *claims)

    async def revoke(self, handle: Handle) -> None:
        """See `Provider.revoke`."""
        await self._call(partial(self.inside.revoke, handle), handle.claim)

    async def remove(self, where: Location) -> None:
        """See `Provider.remove`."""
        await self._call(partial(self.inside.remove, where))

    # Streams: one task there for as long as they are open.

    def read(self, where: Location, offset: int = 0) -> AbstractAsyncContextManager[Reader]:
        """See `Provider.read`."""
        return self._reading(partial(self.inside.read, where, offset))

    def read_staged(self, handle: Handle) -> AbstractAsyncContextManager[Reader]:
        """See `Provider.read_staged`."""
        return self._reading(partial(self.inside.read_staged, handle))

    def write(self, handle: Handle, offset: int = 0) -> AbstractAsyncContextManager[Sink]:
        """See `Provider.write`."""
        held = Held(partial(self.inside.write, handle, offset))

        async def flush(sink: Sink) -> None:
            await self._call(sink.flush, handle.claim)  # beside what is written meanwhile

        return self._open(held, partial(SinkApart, self._thread, held, flush), handle.claim)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """See `Provider.listing`; `unlisted` is told here, in order with what is yielded."""

        def iterate(tell: Callable[[object], None]) -> AsyncIterator[Listed]:
            return self.inside.listing(root, folder, after, tell if unlisted else None)

        async for found in self._each(iterate):
            if unlisted is not None and isinstance(found, Unlisted):
                unlisted(found)
            else:
                yield cast("Listed", found)

    async def staged(self, root: str) -> AsyncIterator[StagedFile]:
        """See `DiskProvider.staged`."""
        async for found in self._each(lambda _: cast("DiskProvider", self.inside).staged(root)):
            yield cast("StagedFile", found)

    async def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        """See `ChangingProvider.changes`."""
        service = cast("ChangingProvider", self.inside)
        async for found in self._each(lambda _: service.changes(root, since)):
            yield cast("Changes", found)

    async def changes_now(self, root: str) -> str:
        """See `ChangingProvider.changes_now`."""
        return await self._call(partial(cast("ChangingProvider", self.inside).changes_now, root))

    # Disks: what only names paths needs no loop.

    def root_path(self, root: str) -> Path:
        """See `DiskProvider.root_path`."""
        return cast("DiskProvider", self.inside).root_path(root)

    def local_path(self, where: Location, plain: set[str] | None = None) -> Path:
        """See `DiskProvider.local_path`."""
        return cast("DiskProvider", self.inside).local_path(where, plain)

    async def stage_small(
        self, source: DiskProvider, handles: Sequence[Handle]
    ) -> Sequence[Copied | None]:
        """See `DiskProvider.stage_small`."""
        asked = partial(cast("DiskProvider", self.inside).stage_small, source, handles)
        return await self._call(asked, *(handle.claim for handle in handles))

    async def stage_from_disk(
        self, source: Callable[[], Path], handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """See `DiskProvider.stage_from_disk`."""
        disk = cast("DiskProvider", self.inside)
        asked = partial(disk.stage_from_disk, source, handle, progress)
        return await self._call(asked, handle.claim)

    async def _call(self, act: Callable[[], Awaitable[T]], *claims: str) -> T:
        """Return what a call returns that is carried out there, in a task of its own."""
        order = Order(act)
        self._thread.begin(order.carry_out)
        try:
            return await order.outcome(self._thread)
        finally:
            self._leave(order, *claims)

    def _reading(
        self, opening: Callable[[], AbstractAsyncContextManager[Reader]]
    ) -> AbstractAsyncContextManager[Reader]:
        held = Held(opening)
        return self._open(held, partial(ReaderApart, self._thread, held))

    @asynccontextmanager
    async def _open(
        self, held: Held[S], outer: Callable[[S], Outer], *claims: str
    ) -> AsyncGenerator[Outer]:
        try:
            stream = await held.open(self._thread)
            try:
                yield outer(stream)
            except BaseException as error:
                await held.close(self._thread, error)
                raise
            await held.close(self._thread, None)
        finally:
            self._leave(held, *claims)

    async def _each(
        self, iterate: Callable[[Callable[[object], None]], AsyncIterator[object]]
    ) -> AsyncIterator[object]:
        """Yield what an iterator there yields, and what it tells; many at a time come over."""
        held = Held(partial(iterating, iterate))
        async with self._open(held, lambda batches: batches) as batches:
            while found := await held.ask(self._thread, batches.next):
                for one in found:
                    yield one

    def _leave(self, task: Task, *claims: str) -> None:
        """Take note of what has not ended although nobody waits for it any more."""
        if not task.has_ended:
            _LEFT[:] = [*(one for one in _LEFT if not one.has_ended), task]
            self._left += [(claim, task) for claim in claims]
