"""A basket: what comes while its taker is busy is taken together, at its pace."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Basket(Generic[T]):
    """Filled without waiting, emptied by one taker."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._filled = anyio.Event()
        self._more = anyio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item."""
        self._items.append(item)
        self._filled.set()
        self._more.set()

    async def take(
        self, most: int, patience: float = 0.0, expected: Callable[[], int] | None = None
    ) -> list[T]:
        """
        Return what is there, at most so many; waits for a first one, then for `patience`.

        It waits no longer than until all are there that can be `expected`.
        """
        await self._filled.wait()
        with anyio.move_on_after(patience):
            while len(self._items) < min(most, expected() if expected else most):
                self._more = anyio.Event()
                await self._more.wait()
        taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        if not self._items:
            self._filled = anyio.Event()
        return taken


class Pace:
    """
    How long the next batch may gather: twice as long as the last took, if that was of several.

    Each write costs the server what its document is large, not what the batch is; a lone
    file never waits.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._began = 0.0
        self._count = 0
        self.patience = 0.0

    def begin(self, count: int) -> None:
        """Take note that a batch of so many begins."""
        self._began, self._count = time.monotonic(), count

    def end(self) -> None:
        """Take note that it is over."""
        took = time.monotonic() - self._began
        self.patience = min(2 * took, self._most) if self._count > 1 else 0.0
