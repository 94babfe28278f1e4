"""Work that one call can do for many: whoever comes while it is under way shares the next."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

import anyio


@dataclass
class _Round:
    asked: int = 0
    done: int = 0
    users: int = 0
    lock: anyio.Lock = field(default_factory=anyio.Lock)


class Rounds:
    """Shares an action among callers of one key."""

    def __init__(self) -> None:
        self._rounds: dict[Hashable, _Round] = {}

    async def after(self, key: Hashable, action: Callable[[], Awaitable[None]]) -> None:
        """
        Return when the action was carried out for this key, begun after this call.

        Where it fails, only the caller that ran it is told: the others run it again.
        """
        current = self._rounds.setdefault(key, _Round())
        current.asked += 1
        current.users += 1
        ticket = current.asked
        try:
            async with current.lock:
                if current.done < ticket:
                    covers = current.asked
                    await action()
                    current.done = covers
        finally:
            current.users -= 1
            if not current.users:
                self._rounds.pop(key, None)
