"""Memory for small files that wait to be published in one request: bounded for a whole site."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import anyio


@dataclass(eq=False, slots=True)
class _Waiting:
    size: int
    has_room: anyio.Event = field(default_factory=anyio.Event)


class Room:
    """So many bytes; who asks first is served first."""

    def __init__(self, size: int) -> None:
        self._free = size
        self._queue: deque[_Waiting] = deque()

    async def take(self, size: int, seconds: float) -> bool:
        """Return whether there is room for so many bytes, within a time; `give` gives it back."""
        waiting = _Waiting(size)
        self._queue.append(waiting)
        self._serve()
        try:
            with anyio.move_on_after(seconds):
                await waiting.has_room.wait()
        except BaseException:
            self._leave(waiting)
            raise
        if not waiting.has_room.is_set():
            self._leave(waiting)
            return False
        return True

    def give(self, size: int) -> None:
        """Give room back."""
        self._free += size
        self._serve()

    def _leave(self, waiting: _Waiting) -> None:
        if waiting.has_room.is_set():
            self.give(waiting.size)
        else:
            self._queue.remove(waiting)
            self._serve()

    def _serve(self) -> None:
        while self._queue and self._queue[0].size <= self._free:
            first = self._queue.popleft()
            self._free -= first.size
            first.has_room.set()
