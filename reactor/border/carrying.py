"""Where calls to a provider are carried out: our own loop, unless it is another package's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")
S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)
Item = TypeVar("Item")
Told = TypeVar("Told")

Tell = Callable[[Told], None] | None
Iterate = Callable[[Tell[Told]], AsyncIterator[Item]]


class Holding(Protocol[S_co]):
    """A context manager of a provider, which one task opens, uses and closes."""

    async def open(self) -> S_co:
        """Return what was opened."""
        ...

    async def ask(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return what a call returns of what is open."""
        ...

    async def close(self, error: BaseException | None) -> None:
        """Close it, as after this error of its user; raises what closing it raised."""
        ...


class Carrier(Protocol):
    """Carries calls out. `claims` are those under which one may stage, write or publish."""

    @property
    def left_at_work(self) -> frozenset[str]:
        """The claims for which a call was left behind that may still do something."""
        ...

    @property
    def is_stuck(self) -> bool:
        """Return whether anything goes on that was left behind."""
        ...

    async def call(self, act: Callable[[], Awaitable[T]], *claims: str) -> T:
        """Return what a call returns."""
        ...

    def hold(
        self, opening: Callable[[], AbstractAsyncContextManager[S]], *claims: str
    ) -> Holding[S]:
        """Return something that is to be opened."""
        ...

    def each(self, iterate: Iterate[Told, Item], tell: Tell[Told] = None) -> AsyncIterator[Item]:
        """Yield what an iterator yields; `tell` is told what it tells, in order with that."""
        ...

    def start(self) -> None:
        """Be ready to carry calls out."""
        ...

    def stop(self) -> None:
        """Carry nothing out any more."""
        ...


class Here:
    """Carries calls out in the task that asks."""

    left_at_work: frozenset[str] = frozenset()
    is_stuck: bool = False

    async def call(self, act: Callable[[], Awaitable[T]], *_: str) -> T:
        """Return what a call returns."""
        return await act()

    def hold(self, opening: Callable[[], AbstractAsyncContextManager[S]], *_: str) -> Holding[S]:
        """Return something that is to be opened."""
        return _HeldHere(opening)

    def each(self, iterate: Iterate[Told, Item], tell: Tell[Told] = None) -> AsyncIterator[Item]:
        """Return the iterator."""
        return iterate(tell)

    def start(self) -> None:
        """Be ready: it always is."""

    def stop(self) -> None:
        """Carry nothing out any more: nothing is left."""


class _HeldHere(Generic[S]):
    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[S]]) -> None:
        self._opening = opening
        self._manager: AbstractAsyncContextManager[S] | None = None

    async def open(self) -> S:
        self._manager = self._opening()
        return await self._manager.__aenter__()

    async def ask(self, act: Callable[[], Awaitable[T]]) -> T:
        return await act()

    async def close(self, error: BaseException | None) -> None:
        if self._manager is not None:
            trace = error.__traceback__ if error else None
            await self._manager.__aexit__(type(error) if error else None, error, trace)
