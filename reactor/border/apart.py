"""
Calls to a provider of another package, carried out in a thread with an event loop of its own.

Code that blocks where it must not, or swallows its cancellation, stops its own site alone.
What it was asked for and does not end is left behind after a moment. It may still write then,
so its claim must not be given up for others to go on from: `left_at_work` tells.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from time import monotonic
from typing import Generic, TypeVar, cast

from reactor.border.carrying import Holding, Iterate, Tell
from reactor.border.thread import Held, Order, Thread

T = TypeVar("T")
S = TypeVar("S")
Item = TypeVar("Item")
Told = TypeVar("Told")

_TOGETHER = 256
_PATIENCE = 0.05
_END = object()


class Apart:
    """Carries calls out in another thread (`reactor.border.carrying.Carrier`)."""

    def __init__(self, name: str) -> None:
        self._thread = Thread(name)

    @property
    def left_at_work(self) -> frozenset[str]:
        """The claims for which a call was left behind that has not ended."""
        return frozenset(claim for task in self._thread.left() for claim in task.claims)

    @property
    def is_stuck(self) -> bool:
        """Return whether anything goes on that was left behind."""
        return bool(self._thread.left())

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Let the thread end once nothing goes on in it."""
        self._thread.stop()

    async def call(self, act: Callable[[], Awaitable[T]], *claims: str) -> T:
        """Return what a call returns that is carried out there, in a task of its own."""
        order = Order(self._thread, act, claims)
        self._thread.begin(order.carry_out)
        return await order.outcome()

    def hold(
        self, opening: Callable[[], AbstractAsyncContextManager[S]], *claims: str
    ) -> Holding[S]:
        """Return what one task there opens, uses and closes."""
        return Held(self._thread, opening, claims)

    async def each(
        self, iterate: Iterate[Told, Item], tell: Tell[Told] = None
    ) -> AsyncIterator[Item]:
        """Yield what an iterator there yields; many at a time come over, what it tells among them."""
        held = self.hold(partial(_iterating, iterate, tells=tell is not None))
        batches = await held.open()
        try:
            while batch := await held.ask(batches.next):
                for is_told, one in batch:
                    if is_told and tell is not None:
                        tell(cast("Told", one))
                    else:
                        yield cast("Item", one)
        except BaseException as error:
            await held.close(error)
            raise
        await held.close(None)


class _Batches(Generic[Told, Item]):
    """What an iterator yields, and what it tells meanwhile, in this order, some at a time."""

    def __init__(self, iterate: Iterate[Told, Item], *, tells: bool) -> None:
        self._told: list[tuple[bool, object]] = []
        self.iterator = iterate(self._tell if tells else None)
        self._is_over = False

    async def next(self) -> list[tuple[bool, object]]:
        """Return the next ones, and whether each was told; none where there are no more."""
        batch: list[tuple[bool, object]] = []
        until = monotonic() + _PATIENCE
        while not self._is_over and len(batch) < _TOGETHER and (not batch or monotonic() < until):
            found = await anext(self.iterator, _END)
            batch += self._told
            self._told.clear()
            self._is_over = found is _END
            if not self._is_over:
                batch.append((False, found))
        return batch

    def _tell(self, told: Told) -> None:
        self._told.append((True, told))


@asynccontextmanager
async def _iterating(
    iterate: Iterate[Told, Item], *, tells: bool
) -> AsyncGenerator[_Batches[Told, Item]]:
    """Yield the batches of an iterator, which is closed afterwards."""
    batches = _Batches(iterate, tells=tells)
    try:
        yield batches
    finally:
        if isinstance(batches.iterator, AsyncGenerator):
            await batches.iterator.aclose()
