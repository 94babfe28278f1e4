"""A basket: what comes while its taker is busy is taken together."""

from __future__ import annotations

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
