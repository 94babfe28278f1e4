"""
What one site has on its hands, and how much more it should be handed. Pure: times are given.

What is handed out is claimed, and what is claimed and waits is kept from other reactors: so a site
has in hand what is under way there, and what it gets through in about a second.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field

BATCH = 512
BATCH_BYTES = 256 * 1024 * 1024
_LOW_WATER = 512
_MOST = 4 * BATCH  # with what only waits to be published and recorded
_FIRST = 64  # of which it is not known yet how large they are
_AHEAD_SECONDS = 1.0
_MEASURED_SECONDS = 0.25
_AT_FIRST = 4  # transfers for each seat, until it is known how long they take


@dataclass(slots=True)
class Pace:
    """
    How fast a site gets through transfers while some wait for a seat there.

    A transfer is a file, or some small ones that go together; so many have a `seat` at a time.
    """

    in_hand: int = 0
    per_second: float | None = None
    _since: float | None = None
    _over: int = 0

    def begun(self, count: int, seats: int, now: float) -> None:
        """Count transfers in: they have a seat, or wait for one."""
        if self.in_hand <= seats < self.in_hand + count:
            self._since, self._over = now, 0
        self.in_hand += count

    def over(self, seats: int, now: float) -> None:
        """Count one out, and measure while all seats are taken."""
        self.in_hand -= 1
        self._over += 1
        if self.in_hand < seats:
            self._since = None
        elif self._since is not None and self._over >= seats:
            took = now - self._since
            if took >= _MEASURED_SECONDS:
                self.per_second = self._over / took
                self._since, self._over = now, 0

    def most(self, seats: int) -> int:
        """Return how many transfers a site should have in hand."""
        if self.per_second is None:
            return _AT_FIRST * seats
        return max(2 * seats, min(BATCH, seats + int(self.per_second * _AHEAD_SECONDS)))


@dataclass(slots=True)
class Load:
    """
    What one site has on its hands.

    `taken` are names that were handed out; of those that became transfers, `running` is their
    number, `size` the bytes to expect, and `ending` how many only wait for their ending. Of others,
    it is known that they will be some `coming` transfers.
    """

    taken: int = 0
    running: int = 0
    size: int = 0
    ending: int = 0
    coming: float = 0.0
    pace: Pace = field(default_factory=Pace)

    def started(self, size: int) -> None:
        """Count a file in."""
        self.running += 1
        self.size += size

    def left(self, size: int, *, ending: bool) -> None:
        """Count a file out."""
        self.running -= 1
        self.size -= size
        self.ending -= ending

    def room(self, seats: int) -> int:
        """Return how many more names to hand out to a site with so many seats."""
        if not self.taken:
            return _FIRST
        if self.size >= BATCH_BYTES:
            return max(0, seats - self.taken)
        waiting = self.taken - self.ending
        if self.taken >= _MOST or waiting > _LOW_WATER or self.has_enough(0.0, 0, seats):
            return 0
        return min(BATCH, self._ahead(waiting, seats)) if waiting else BATCH

    def _ahead(self, waiting: int, seats: int) -> int:
        """Return how many names are to be claimed beside those that wait or are transferred."""
        if not self.pace.in_hand:  # it is not known yet how large they are
            return max(0, _FIRST - waiting)
        together = max(1, (self.running - self.ending) // self.pace.in_hand)
        most = self.pace.most(seats)
        if waiting > together * (seats + (most - seats) // 2):
            return 0
        return max(0, together * most - waiting)

    def has_enough(self, transfers: float, size: int, seats: int) -> bool:
        """Return whether no more is to be claimed now than so many transfers of so many bytes."""
        transfers += self.pace.in_hand + self.coming
        if transfers < seats:
            return False
        return self.size + size >= BATCH_BYTES or transfers >= self.pace.most(seats)

    @contextmanager
    def expecting(self, transfers: float) -> Generator[None]:
        """Count transfers that are coming, until they have begun or are none."""
        self.coming += transfers
        try:
            yield
        finally:
            self.coming -= transfers
