"""
anyio, running on the kernels of simulated processes: what production code waits for is simulated.

anyio asks a backend for all that it does; while `running` holds, this one answers, for whichever
process runs at that moment. Threads are not simulated: what is sent to one is done at once.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any, ClassVar
from unittest.mock import patch

from tests.simulation.groups import Group
from tests.simulation.kernel import Cancelled, DeadError, Kernel, Scope, is_cancelled
from tests.simulation.waiting import Event, Limiter


class Backend:
    """What anyio asks for."""

    kernel: ClassVar[Kernel | None] = None

    @classmethod
    def _kernel(cls) -> Kernel:
        if cls.kernel is None:
            raise DeadError
        return cls.kernel

    @classmethod
    def current_time(cls) -> float:
        return cls._kernel().now()

    @classmethod
    def cancelled_exception_class(cls) -> type[BaseException]:
        return Cancelled

    @classmethod
    async def checkpoint(cls) -> None:
        await cls._kernel().checkpoint()

    @classmethod
    async def checkpoint_if_cancelled(cls) -> None:
        if is_cancelled(cls._kernel().running().scope):
            raise Cancelled

    @classmethod
    async def cancel_shielded_checkpoint(cls) -> None:
        with cls.create_cancel_scope(shield=True):
            await cls._kernel().checkpoint()

    @classmethod
    async def sleep(cls, delay: float) -> None:
        await cls._kernel().sleep(delay)

    @classmethod
    def create_cancel_scope(cls, *, deadline: float = math.inf, shield: bool = False) -> Scope:
        return Scope(cls._kernel(), deadline, shield=shield)

    @classmethod
    def create_task_group(cls) -> Group:
        return Group(cls._kernel())

    @classmethod
    def create_event(cls) -> Event:
        return Event(cls._kernel())

    @classmethod
    def create_lock(cls, *, fast_acquire: bool) -> Limiter:
        return Limiter(cls._kernel(), 1)

    @classmethod
    def create_capacity_limiter(cls, total_tokens: float) -> Limiter:
        return Limiter(cls._kernel(), total_tokens)

    @classmethod
    async def run_sync_in_worker_thread(
        cls, func: Callable[..., Any], args: tuple[Any, ...], **how: Any
    ) -> Any:
        kernel = cls._kernel()
        await kernel.checkpoint()
        return func(*args)

    @classmethod
    def get_current_task(cls) -> _TaskInfo:
        return _TaskInfo(cls._kernel())


class _TaskInfo:
    """A task as streams see it."""

    def __init__(self, kernel: Kernel) -> None:
        self._task = kernel.running()

    def has_pending_cancellation(self) -> bool:
        return is_cancelled(self._task.scope)


@contextmanager
def running() -> Generator[None]:
    """Let anyio run on simulated processes, in this thread."""
    with ExitStack() as stack:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == "anyio" and hasattr(module, _ASKED):
                stack.enter_context(patch.object(module, _ASKED, _backend))
        yield


_ASKED = "get_async_backend"


def _backend(asynclib_name: str | None = None) -> type[Backend]:
    """Answer anyio, which asks at each step on which backend it runs."""
    return Backend
