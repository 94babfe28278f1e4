"""What tasks of one process wait for from each other: events, and tokens."""

from __future__ import annotations

from tests.simulation.kernel import Cancelled, Kernel, Task, is_cancelled


class Event:
    """An event."""

    __slots__ = ("__weakref__", "_is_set", "_kernel", "_serial", "_waiters")

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._is_set = False
        self._serial = next(kernel.serials)
        self._waiters: list[Task] = []

    def __hash__(self) -> int:
        return self._serial  # sets of events have one order in every run

    def __eq__(self, other: object) -> bool:
        return self is other

    def set(self) -> None:
        """Let all who wait go on."""
        self._is_set = True
        waiters, self._waiters = self._waiters, []
        for task in waiters:
            task.wake()

    def is_set(self) -> bool:
        return self._is_set

    async def wait(self) -> None:
        """Return once the event is set."""
        kernel = self._kernel
        if self._is_set:
            await kernel.checkpoint()
            return
        task = kernel.running()
        waiters = self._waiters
        waiters.append(task)
        try:
            await kernel.park(lambda: self._waiters.remove(task))
        except Cancelled:
            if task in self._waiters:
                self._waiters.remove(task)
            raise


class Limiter:
    """A capacity limiter; of one token, it is a lock."""

    __slots__ = ("_borrowed", "_kernel", "_waiters", "total_tokens")

    def __init__(self, kernel: Kernel, total: float) -> None:
        self._kernel = kernel
        self.total_tokens = total
        self._borrowed = 0
        self._waiters: list[Task] = []

    async def acquire(self) -> None:
        """Return once there is a token; who came first is served first."""
        kernel = self._kernel
        if self._borrowed < self.total_tokens and not self._waiters:
            self._borrowed += 1
            try:
                await kernel.checkpoint()
            except Cancelled:
                self.release()
                raise
            return
        task = kernel.running()
        if is_cancelled(task.scope):
            raise Cancelled
        self._waiters.append(task)
        await kernel.park(lambda: self._waiters.remove(task))

    def release(self) -> None:
        """Give the token back; who waits longest has it then."""
        self._borrowed -= 1
        if self._waiters and self._borrowed < self.total_tokens:
            self._borrowed += 1
            self._waiters.pop(0).wake()

    async def __aenter__(self) -> None:
        await self.acquire()

    async def __aexit__(self, *error: object) -> None:
        self.release()
