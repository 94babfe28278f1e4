"""
How often, and after how long, a request that failed in passing is made again.

Truncated exponential backoff with jitter, as Google asks for; what Retry-After says counts more.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import anyio

from providers.gdrive.pace import Pace
from providers.gdrive.refusals import RefusedError

TRIES = 7
_FIRST = 0.25
_LONGEST = 32.0
# A site that is to wait for longer is better suspended: others can use the time.
_LONGEST_ORDERED = 60.0


@dataclass(slots=True)
class Patience:
    """The tries of one request, or of one step that takes several."""

    pace: Pace
    failures: int = field(default=0, init=False)

    async def again(self, error: RefusedError) -> None:
        """Return when it is time to try again; raises the error where that is of no use (any more)."""
        self.failures += 1
        wait = _delay(self.failures, random.random())  # noqa: S311 - jitter
        if error.is_rate:
            self.pace.too_often(error.wait or wait)
        if not error.is_passing or self.failures >= TRIES:
            raise error
        if error.wait is not None:
            if error.wait > _LONGEST_ORDERED:
                raise error
            wait = max(wait, error.wait)
        await anyio.sleep(wait)


def _delay(failures: int, dice: float) -> float:
    """Return how long to wait after so many failures; `dice` is in [0, 1)."""
    return min(_LONGEST, _FIRST * 2.0 ** (failures - 1)) * (0.5 + dice / 2)
