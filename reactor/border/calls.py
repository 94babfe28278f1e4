"""
Calls to one provider: each ends in time, and with an answer or an error that callers know.

A call that is to end is cancelled. One that goes on in spite of that keeps whoever waits for
it: its bytes may still be written, so its claim has to stay. `stuck` tells of it.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

import anyio

from providers.base import SiteError
from reactor.border.errors import Blame, is_cancelled

T = TypeVar("T")

SLOW_LINE = 64 * 1024
"""Bytes a second at which what is on its way may go, at least."""
SLOW_DISK = 8 * 1024 * 1024
"""Bytes a second at which a far side may hash, or copy, a whole file, at least."""
_GRACE = 10.0
_HELD_UP = 1.0  # seconds late: this process stood still, so nobody could be heard
_END = object()


@dataclass(slots=True, eq=False)
class Call:
    """
    One call under way, and when it is overdue by the loop's clock.

    `scope` is cancelled then; one without is broken off by whoever waits for it.
    """

    what: str
    deadline: float
    scope: anyio.CancelScope | None = None
    is_overdue: bool = False


class Calls:
    """
    All calls under way to one provider.

    One timer looks after them, for a small file takes a dozen of them.
    """

    def __init__(self, blame: Blame) -> None:
        self.blame = blame
        self._under_way: set[Call] = set()
        self._looks_at = math.inf

    async def ask(
        self,
        what: str,
        act: Callable[[], Awaitable[T]],
        *,
        more: float = 0.0,
        of_site: bool = False,
    ) -> T:
        """Return what a call returns; it may take `more` seconds than the site's timeout."""
        scope = anyio.CancelScope()
        return await self._bounded(self.begin(what, scope, more), scope, act, of_site=of_site)

    async def copy(
        self,
        what: str,
        act: Callable[[Callable[[int], None]], Awaitable[T]],
        progress: Callable[[int], None],
        *,
        more: float = 0.0,
    ) -> T:
        """
        Return what a copy returns, which takes as long as it moves.

        What it tells, from any thread, goes to `progress`; then the site's timeout begins anew,
        with time for hashing all that was copied, `more` seconds at least.
        """
        scope = anyio.CancelScope()
        call = self.begin(what, scope, more)
        now, copied = asyncio.get_running_loop().time, 0

        def told(size: int) -> None:
            nonlocal copied
            copied += size
            until = now() + self.blame.terms.timeout + max(more, copied / SLOW_DISK)
            call.deadline = max(call.deadline, until)
            progress(size)

        return await self._bounded(call, scope, partial(act, told), of_site=False)

    async def _bounded(
        self,
        call: Call,
        scope: anyio.CancelScope,
        act: Callable[[], Awaitable[T]],
        *,
        of_site: bool,
    ) -> T:
        try:
            with scope:
                return await act()
        except BaseException as error:
            told = self.blame.told(error, call.what, of_site=of_site)
            if told is error:
                raise
            raise told from error
        finally:
            self.end(call)
        raise self.blame.silent(call.what)

    def begin(self, what: str, scope: anyio.CancelScope, more: float = 0.0) -> Call:
        """Take note of a call that begins now; its scope is cancelled when it is overdue."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        call = Call(what, now + self.blame.terms.timeout + more, scope)
        self._under_way.add(call)
        if call.deadline < self._looks_at or self._looks_at < now - _GRACE:
            self._look_at(call.deadline, loop)
        return call

    def end(self, call: Call) -> None:
        """Take note of a call's end."""
        self._under_way.discard(call)

    def _look_at(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        self._looks_at = when
        loop.call_at(when, self._look, when, loop)

    def _look(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        if due != self._looks_at:
            return  # an earlier look was set since
        now = loop.time()
        held_up = now - due
        self._looks_at = math.inf
        for call in tuple(self._under_way):
            if held_up > _HELD_UP:
                call.deadline += held_up
            if call.scope is not None and not call.is_overdue and call.deadline <= now:
                call.is_overdue = True
                call.scope.cancel()
        waiting = (call.deadline for call in self._under_way if call.scope and not call.is_overdue)
        if (earliest := min(waiting, default=math.inf)) < math.inf:
            self._look_at(earliest, loop)

    def stuck(self) -> SiteError | None:
        """Return what is to be told of a call that goes on although it was broken off."""
        late = anyio.current_time() - _GRACE
        for call in self._under_way:
            if call.deadline < late:
                return self.blame.stuck(call.what)
        return None

    async def each(self, what: str, iterate: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        """
        Yield what an iterator yields; the wait for each is bounded.

        The bound is set on the task, not by a cancel scope: what iterates may hold one of its
        own open from one item to the next.
        """
        watch = _Watch(self.blame.terms.timeout)
        iterator: AsyncIterator[T] | None = None
        try:
            iterator = await self.ask(what, _as_awaitable(iterate), of_site=True)
            while (item := await self._next(what, iterator, watch)) is not _END:
                yield cast("T", item)
        finally:
            watch.stop()
            if isinstance(iterator, AsyncGenerator):
                with suppress(Exception):  # it ends unheard: nobody asks it for more
                    await iterator.aclose()

    async def _next(self, what: str, iterator: AsyncIterator[T], watch: _Watch) -> object:
        call = Call(what, watch.begin())
        self._under_way.add(call)
        try:
            return await anext(iterator, _END)
        except BaseException as error:
            if watch.has_broken_off(error):
                raise self.blame.silent(what) from None
            told = self.blame.told(error, what, of_site=True)
            if told is error:
                raise
            raise told from error
        finally:
            watch.end()
            self._under_way.discard(call)


class _Watch:
    """Breaks a task off that has waited for too long, with one timer for very many short waits."""

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._since = math.inf
        self._task: asyncio.Task[object] | None = None
        self._broken_off: asyncio.Task[object] | None = None
        self._timer = self._loop.call_later(seconds, self._look)

    def begin(self) -> float:
        """Take note that a wait begins; return when it is overdue."""
        self._since = self._loop.time()
        self._task = asyncio.current_task()
        return self._since + self._seconds

    def end(self) -> None:
        """Take note that a wait has ended."""
        self._since = math.inf
        if self._broken_off is not None:  # it has ended by itself at the same moment
            self._broken_off.uncancel()
            self._broken_off = None

    def has_broken_off(self, error: BaseException) -> bool:
        """Return whether an error is what became of a wait that was broken off here."""
        if self._broken_off is None or not isinstance(error, asyncio.CancelledError):
            return False
        self._broken_off.uncancel()
        self._broken_off = None
        return not is_cancelled()

    def stop(self) -> None:
        """Watch no more."""
        self._timer.cancel()

    def _look(self) -> None:
        left = self._since + self._seconds - self._loop.time()
        if left <= 0 and self._task is not None:
            self._broken_off = self._task
            self._task.cancel()
            self._since = left = math.inf  # once is enough: it may take a moment to end
        self._timer = self._loop.call_later(min(left, self._seconds), self._look)


def _as_awaitable(act: Callable[[], T]) -> Callable[[], Awaitable[T]]:
    async def acting() -> T:
        return act()

    return acting
