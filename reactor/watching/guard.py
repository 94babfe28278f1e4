"""
The guard against mass deletion (DESIGN §9). Pure; no clock.

A disk that lost its folders, or a hand that slipped, must not make thousands of entries
wanted: beyond the limit nothing is believed to be gone until somebody has looked.
"""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 600.0


class Guard:
    """Lets at most `limit` files of one site be believed gone within ten minutes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._believed: deque[tuple[float, int]] = deque()
        self.vanished = 0

    @property
    def is_tripped(self) -> bool:
        """Return whether deletions are reacted to no more."""
        return self.vanished > 0

    def sees(self, missing: int, now: float) -> bool:
        """
        Return whether so many files that seem to be gone may be believed to be.

        Otherwise the guard trips, and stays tripped until it is lifted.
        """
        if missing and not self.is_tripped and self._lately(now) + missing > self._limit:
            self.vanished = missing + self._lately(now)
        return not self.is_tripped

    def believes(self, missing: int, now: float) -> None:
        """Take note that so many were believed to be gone."""
        if missing:
            self._believed.append((now, missing))

    def lift(self) -> None:
        """React to deletions again: a look at the whole root has found few missing."""
        self.vanished = 0

    def _lately(self, now: float) -> int:
        while self._believed and self._believed[0][0] + WINDOW_SECONDS <= now:
            self._believed.popleft()
        return sum(count for _, count in self._believed)
