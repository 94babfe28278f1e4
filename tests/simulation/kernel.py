"""
A deterministic scheduler: the tasks, scopes and timers of one simulated process.

Cancellation is level-triggered, as anyio promises it: a task in a cancelled scope meets it at each
place where it waits, until it has left that scope. Which of the tasks that are ready runs next is
the caller's choice, and nothing here knows a real clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Coroutine, Generator
from heapq import heappop, heappush
from itertools import count
from types import TracebackType, coroutine
from typing import Any, Protocol, Self, cast


class Cancelled(BaseException):
    """What a task meets where it waits in a cancelled scope."""


class DeadError(BaseException):
    """What is thrown away with a killed process meets this instead of the world."""


@coroutine
def _switch() -> Generator[None, Any, Any]:
    return (yield)


class Family(Protocol):
    """Who a task belongs to."""

    cancel_scope: Scope
    left: int

    def ended(self, error: BaseException | None) -> None:
        """Take note that a task has ended."""
        ...


class Task:
    """One coroutine. `waits` counts its waits: who wakes it says which one was meant."""

    __slots__ = (
        "coro",
        "error",
        "group",
        "kernel",
        "name",
        "on_cancel",
        "parked",
        "scope",
        "serial",
        "value",
        "waits",
    )

    def __init__(self, kernel: Kernel, coro: Coroutine[Any, Any, Any], name: str) -> None:
        self.kernel = kernel
        self.coro = coro
        self.name = name
        self.serial = next(kernel.serials)
        self.scope: Scope | None = None
        self.group: Family | None = None
        self.parked = False
        self.on_cancel: Callable[[], None] | None = None
        self.value: Any = None
        self.error: BaseException | None = None
        self.waits = 0

    def wake(self, value: Any = None, error: BaseException | None = None) -> None:
        """Let a parked task go on, with a value or an error."""
        self.parked = False
        self.on_cancel = None
        self.value, self.error = value, error
        self.kernel.ready.append(self)


class Scope:
    """A cancel scope."""

    __slots__ = (
        "__weakref__",
        "_deadline",
        "active",
        "cancel_called",
        "cancelled_caught",
        "kernel",
        "parent",
        "shield",
        "task",
    )

    def __init__(self, kernel: Kernel, deadline: float = math.inf, *, shield: bool = False) -> None:
        self.kernel = kernel
        self._deadline = deadline
        self.shield = shield
        self.cancel_called = False
        self.cancelled_caught = False
        self.active = False
        self.parent: Scope | None = None
        self.task: Task | None = None

    @property
    def deadline(self) -> float:
        return self._deadline

    def cancel(self, reason: str | None = None) -> None:
        """Cancel all that waits inside, now and as often as it waits again."""
        if not self.cancel_called:
            self.cancel_called = True
            if self.active:
                self.kernel.deliver()

    def __enter__(self) -> Self:
        task = self.kernel.running()
        self.task = task
        self.parent = task.scope
        task.scope = self
        self.active = True
        if self._deadline != math.inf:
            self.kernel.at(self._deadline, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        task = self.task
        assert task is not None
        task.scope = self.parent
        self.active = False
        if error is None or not self.cancel_called or is_cancelled(self.parent):
            return False
        if isinstance(error, Cancelled):
            self.cancelled_caught = True
            return True
        if isinstance(error, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", error)
            ours, rest = group.split(Cancelled)
            if ours is not None:
                self.cancelled_caught = True
                if rest is None:
                    return True
                raise rest
        return False


def is_cancelled(scope: Scope | None) -> bool:
    """Return whether what is directly inside a scope is to be cancelled."""
    while scope is not None:
        if scope.cancel_called:
            return True
        if scope.shield:
            return False
        scope = scope.parent
    return False


def nothing() -> None:
    """There is nothing to take back when such a wait is cancelled."""


class Kernel:
    """All tasks of one process. `now` is asked for the time, in seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.now = now
        self.serials = count(1)
        self.tasks: dict[int, Task] = {}
        self.ready: list[Task] = []
        self.timers: list[tuple[float, int, Scope | Task, int]] = []
        self.current: Task | None = None
        self.failure: BaseException | None = None

    def running(self) -> Task:
        """Return the task that runs; what is thrown away with its process is no task any more."""
        if self.current is None:
            raise DeadError
        return self.current

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str, group: Family | None = None) -> Task:
        """Make a task; it runs when its turn comes."""
        task = Task(self, coro, name)
        if group is not None:
            task.group = group
            task.scope = group.cancel_scope
            group.left += 1
        self.tasks[task.serial] = task
        self.ready.append(task)
        return task

    def run(self, index: int) -> None:
        """Run one of the ready tasks until it waits again or has ended."""
        ready = self.ready
        task = ready.pop(index)
        self.current = task
        try:
            error = task.error
            if error is None:
                task.coro.send(task.value)
            else:
                task.error = None
                task.coro.throw(error)
        except StopIteration:
            self._ended(task, None)
        except DeadError:
            raise
        except BaseException as raised:  # noqa: BLE001 - whatever a task raises ends that task
            self._ended(task, raised)
        finally:
            self.current = None

    def _ended(self, task: Task, error: BaseException | None) -> None:
        del self.tasks[task.serial]
        if task.group is not None:
            task.group.ended(error)
        elif error is not None and not isinstance(error, Cancelled):
            self.failure = error

    async def park(self, on_cancel: Callable[[], None], *, shielded: bool = False) -> Any:
        """Wait until somebody wakes this task; cancelled, take back what `on_cancel` does."""
        task = self.running()
        if not shielded:
            if is_cancelled(task.scope):
                on_cancel()
                raise Cancelled
            task.on_cancel = on_cancel
        task.parked = True
        task.waits += 1
        return await _switch()

    async def checkpoint(self) -> None:
        """Let others run, or meet a cancellation."""
        task = self.running()
        if is_cancelled(task.scope):
            raise Cancelled
        task.value = None
        self.ready.append(task)
        await _switch()

    async def sleep(self, seconds: float) -> None:
        """Return after so many seconds."""
        if seconds <= 0:
            await self.checkpoint()
            return
        task = self.running()
        if is_cancelled(task.scope):
            raise Cancelled
        if seconds != math.inf:
            heappush(self.timers, (self.now() + seconds, next(self.serials), task, task.waits + 1))
        await self.park(nothing)

    def at(self, deadline: float, scope: Scope) -> None:
        """Cancel a scope at a time."""
        heappush(self.timers, (deadline, next(self.serials), scope, 0))

    def deliver(self) -> None:
        """Wake all that wait and are to be cancelled."""
        for task in list(self.tasks.values()):
            if task.parked and task.on_cancel is not None and is_cancelled(task.scope):
                take_back = task.on_cancel
                take_back()
                task.wake(None, Cancelled())

    def next_timer(self) -> float | None:
        """Return when the next timer goes off."""
        timers = self.timers
        while timers:
            _, _, target, waits = timers[0]
            if isinstance(target, Task):
                if target.parked and target.waits == waits:
                    return timers[0][0]
            elif target.active and not target.cancel_called:
                return timers[0][0]
            heappop(timers)
        return None

    def fire(self, now: float) -> None:
        """Let all timers go off that are due."""
        timers = self.timers
        while timers and timers[0][0] <= now:
            _, _, target, waits = heappop(timers)
            if isinstance(target, Task):
                if target.parked and target.waits == waits:
                    target.wake()
            elif target.active:
                target.cancel()
