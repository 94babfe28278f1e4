"""Task groups: nothing that was started in one outlives it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self

from tests.simulation.kernel import Cancelled, Kernel, Scope, Task, nothing

Function = Callable[..., Coroutine[Any, Any, Any]]


class Group:
    """A task group."""

    __slots__ = ("_errors", "_host", "_kernel", "cancel_scope", "left")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.cancel_scope = Scope(kernel)
        self.left = 0
        self._errors: list[BaseException] = []
        self._host: Task | None = None

    async def __aenter__(self) -> Self:
        self.cancel_scope.__enter__()
        return self

    def start_soon(self, func: Function, *args: Any, name: object = None) -> None:
        """Start a task."""
        self._kernel.spawn(func(*args), str(name or getattr(func, "__qualname__", func)), self)

    async def start(self, func: Function, *args: Any, name: object = None) -> Any:
        """Start a task, and return when it says that it has started."""
        kernel = self._kernel
        status = Status(kernel.running())
        kernel.spawn(func(*args, task_status=status), str(name or func), self)
        while not status.is_started:
            await kernel.park(nothing)
        return status.value

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        scope = self.cancel_scope
        if error is not None:
            scope.cancel()
            if not isinstance(error, Cancelled):
                self._errors.append(error)
        while self.left:
            self._host = self._kernel.running()
            try:
                await self._kernel.park(nothing, shielded=scope.cancel_called)
            except Cancelled as cancelled:
                error = error or cancelled
                scope.cancel()
        self._host = None
        if self._errors:
            group = BaseExceptionGroup("unhandled errors in a TaskGroup", self._errors)
            scope.__exit__(type(group), group, None)
            raise group
        if isinstance(error, Cancelled):
            if scope.__exit__(type(error), error, trace):
                return True
            if kind is None:
                raise error
            return False
        return scope.__exit__(None, None, None)

    def ended(self, error: BaseException | None) -> None:
        """Take note that a task of the group has ended."""
        self.left -= 1
        if error is not None and not isinstance(error, Cancelled):
            self._errors.append(error)
            self.cancel_scope.cancel()
        host = self._host
        if host is not None and not self.left and host.parked:
            host.wake()


class Status:
    """Says for a task that it has started."""

    __slots__ = ("_waiter", "is_started", "value")

    def __init__(self, waiter: Task) -> None:
        self._waiter = waiter
        self.is_started = False
        self.value: Any = None

    def started(self, value: Any = None) -> None:
        """Let the starter go on."""
        if not self.is_started:
            self.is_started, self.value = True, value
            if self._waiter.parked:
                self._waiter.wake()
