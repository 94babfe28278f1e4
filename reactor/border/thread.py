"""
An event loop in a thread of its own, and what is carried out there for tasks of ours.

Whoever blocks that loop, or will not be cancelled, holds up nobody here: what does not end
soon after it was broken off is left behind.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Generic, TypeVar, cast

import anyio

T = TypeVar("T")
S = TypeVar("S")

_GRACE = 5.0
_NO_HOPE = 0.1  # where another has not ended either


class Task:
    """Something carried out there, as whoever waits for it here sees it."""

    def __init__(self, there: Thread, claims: Sequence[str] = ()) -> None:
        self.claims = claims
        self._there = there
        self._here = asyncio.get_running_loop()
        self._over = anyio.Event()
        self.scope = anyio.CancelScope()
        self.error: BaseException | None = None
        self.has_ended = False

    def end(self) -> None:
        """Tell who waits that it is over; called there."""
        self.has_ended = True
        self._tell(self._over.set)

    async def ended(self) -> None:
        """Return when it is over; cancelled, it is broken off and has ended, or is left behind."""
        try:
            await self._over.wait()
        except BaseException:
            await self.break_off()
            raise

    async def break_off(self) -> None:
        """Cancel it, and return when it has ended, or after a moment."""
        self._there.soon(self.scope.cancel)
        grace = _NO_HOPE if self._there.left() else _GRACE
        with anyio.move_on_after(grace, shield=True):
            await self._over.wait()
        if not self.has_ended:
            self._there.leave(self)

    def _tell(self, word: Callable[[], object]) -> None:
        with suppress(RuntimeError):  # our loop is closed: nobody waits any more
            self._here.call_soon_threadsafe(word)


class Order(Task, Generic[T]):
    """One call."""

    def __init__(
        self, there: Thread, act: Callable[[], Awaitable[T]], claims: Sequence[str] = ()
    ) -> None:
        super().__init__(there, claims)
        self._act = act
        self._result: T | None = None

    async def carry_out(self) -> None:
        """Call, there; whatever comes of it is raised where it was ordered."""
        try:
            with self.scope:
                self._result = await self._act()
            if self.scope.cancelled_caught:
                self.error = asyncio.CancelledError()
        except BaseException as error:  # noqa: BLE001 - see above
            self.error = error
        finally:
            self.end()

    def refuse(self, error: BaseException) -> None:
        """Take note that nobody will carry it out."""
        self.error = error
        self.end()

    async def outcome(self) -> T:
        """Return or raise what the call did."""
        await self.ended()
        if self.error is not None:
            raise self.error
        return cast("T", self._result)


class Held(Task, Generic[S]):
    """Something that one task there opens, uses and closes, as context managers may expect."""

    def __init__(
        self,
        there: Thread,
        opening: Callable[[], AbstractAsyncContextManager[S]],
        claims: Sequence[str] = (),
    ) -> None:
        super().__init__(there, claims)
        self._opening = opening
        self._opened = anyio.Event()
        self._orders: asyncio.Queue[Order[object] | None] = asyncio.Queue()
        self._parting: BaseException | None = None
        self.stream: S | None = None

    async def open(self) -> S:
        """Return what was opened."""
        self._there.begin(self._hold)
        try:
            await self._opened.wait()
        except BaseException:
            await self.break_off()
            raise
        if self.error is not None:
            raise self.error
        return cast("S", self.stream)

    async def ask(self, act: Callable[[], Awaitable[T]]) -> T:
        """Return what a call returns that is carried out by the task which has it open."""
        order = Order(self._there, act, self.claims)
        self._there.soon(self._take, order)
        return await order.outcome()

    async def close(self, error: BaseException | None) -> None:
        """Close it, as after this error of its user; raises what closing it raised."""
        if error is None or isinstance(error, Exception):
            self._parting = error
            self._there.soon(self._take, None)
            await self.ended()
        else:
            await self.break_off()
        if self.error is not None:
            raise self.error

    async def _hold(self) -> None:
        try:
            with self.scope:
                async with self._opening() as self.stream:
                    self._tell(self._opened.set)
                    await self._until_parting()
        except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
            self.error = error
        finally:
            self.end()
            self._tell(self._opened.set)
            while not self._orders.empty():
                if (order := self._orders.get_nowait()) is not None:
                    order.refuse(_closed())

    async def _until_parting(self) -> None:
        while (order := await self._orders.get()) is not None:
            await order.carry_out()
        if self._parting is not None:
            raise self._parting

    def _take(self, order: Order[object] | None) -> None:
        if not self.has_ended:
            self._orders.put_nowait(order)
        elif order is not None:
            order.refuse(_closed())


class Thread:
    """A thread with an event loop. It ends with the process, whatever goes on in it."""

    def __init__(self, name: str) -> None:
        self._left: list[Task] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._ready = threading.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop
        self._stop: asyncio.Event

    def start(self) -> None:
        """Start, and return when the loop runs."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Let the loop end once it can; what still goes on in it is cancelled then."""
        self.soon(self._stop.set)

    def leave(self, task: Task) -> None:
        """Take note of a task that has not ended although nobody waits for it any more."""
        self._left.append(task)

    def left(self) -> list[Task]:
        """Return the tasks that were left and have not ended."""
        self._left = [task for task in self._left if not task.has_ended]
        return self._left

    def begin(self, act: Callable[[], Awaitable[None]]) -> None:
        """Start a task there."""
        self.soon(self._begin, act)

    def soon(self, act: Callable[..., object], *given: object) -> None:
        """Let something be done there at the next turn of its loop."""
        with suppress(RuntimeError):  # it has ended: there is nothing left that could be told
            self._loop.call_soon_threadsafe(act, *given)

    def _begin(self, act: Callable[[], Awaitable[None]]) -> None:
        async def acting() -> None:
            await act()

        task = self._loop.create_task(acting())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _run(self) -> None:
        with suppress(BaseException):  # whatever it is, it is nobody else's trouble
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        self._ready.set()
        await self._stop.wait()


def _closed() -> BaseException:
    return anyio.ClosedResourceError("it was closed meanwhile")
