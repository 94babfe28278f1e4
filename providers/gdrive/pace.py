"""
How often an account calls, shared by all that this process does as it: a token bucket.

Where Google says that it was too often, the rate is halved and everybody waits; each answer
after that brings some of it back. All sites of one account share one pace, so that together
they stay below what Google allows the account.
"""

from __future__ import annotations

import time
from weakref import WeakValueDictionary

import anyio

_SLOWEST = 0.5
_REGAIN = 0.02


class Bucket:
    """When the next call may be made. Pure: it is told the time, in seconds."""

    def __init__(self, most: float) -> None:
        self.most = most
        self.rate = most
        self._full_at = 0.0
        self._closed_until = 0.0
        self._slowed_at = float("-inf")

    def take(self, now: float) -> float:
        """Take a call out of the bucket; return when it may be made."""
        start = max(self._full_at, now)
        self._full_at = start + 1 / self.rate
        # As many calls as a second brings are in a full bucket, and may go at once.
        return max(now, self._closed_until, self._full_at - max(1.0, 1 / self.rate))

    def too_often(self, now: float, wait: float) -> None:
        """Halve the rate, once for all calls that were under way, and let nobody call for a while."""
        if now >= self._slowed_at + 1.0:
            self._slowed_at = now
            self.rate = max(_SLOWEST, self.rate / 2)
        self._closed_until = max(self._closed_until, now + wait)
        self._full_at = max(self._full_at, self._closed_until + 1.0)

    def answered(self) -> None:
        """Regain some of the rate."""
        self.rate = min(self.most, self.rate * (1 + _REGAIN))


class Pace:
    """The bucket of one account, in this process."""

    def __init__(self, most: float) -> None:
        self._bucket = Bucket(most)

    def at_most(self, most: float) -> None:
        """Keep to a further limit as well: that of another site of the same account."""
        self._bucket.most = min(self._bucket.most, most)
        self._bucket.rate = min(self._bucket.rate, self._bucket.most)

    async def turn(self) -> None:
        """Return when one more call may be made."""
        now = time.monotonic()
        await anyio.sleep(self._bucket.take(now) - now)

    def too_often(self, wait: float) -> None:
        """Take note that Google refused a call because there were too many."""
        self._bucket.too_often(time.monotonic(), wait)

    def answered(self) -> None:
        """Take note that Google answered a call."""
        self._bucket.answered()


_PACES: WeakValueDictionary[tuple[str, str], Pace] = WeakValueDictionary()


def pace_of(endpoint: str, email: str, most: float) -> Pace:
    """Return the pace of an account; whoever works as it shares it, and the lowest limit holds."""
    pace = _PACES.get((endpoint, email))
    if pace is None:
        pace = _PACES[endpoint, email] = Pace(most)
    pace.at_most(most)
    return pace
