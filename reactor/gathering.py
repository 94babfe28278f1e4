"""A basket: what comes while its taker is busy is taken together."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Basket(Generic[T]):
    """Filled without waiting, emptied by one taker."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._filled = anyio.Event()

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item."""
        self._items.append(item)
        self._filled.set()

    async def take(self, most: int, patience: float = 0.0) -> list[T]:
        """Return what is there, at most so many; waits for a first one, then for `patience`."""
        await self._filled.wait()
        if patience and len(self._items) < most:
            await anyio.sleep(patience)
        taken = [self._items.popleft() for _ in range(min(most, len(self._items)))]
        if not self._items:
            self._filled = anyio.Event()
        return taken
