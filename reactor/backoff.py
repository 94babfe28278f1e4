"""How long to wait after a failure. Pure: the caller brings the dice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling waits in seconds, from `first` to `most`, spread by a fifth either way."""

    first: float
    most: float

    def delay(self, failures: int, dice: float) -> float:
        """Return the wait after so many failures (1 or more); `dice` is from [0, 1)."""
        doubled = self.first * 2.0 ** min(failures - 1, 30)
        return min(doubled, self.most) * (0.8 + 0.4 * dice)


FILE_RETRY = Backoff(first=5, most=300)
SITE_RETRY = Backoff(first=1, most=120)
RECONNECT = Backoff(first=0.2, most=30)
