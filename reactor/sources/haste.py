"""
Which changes need no haste, and how long each waits. Pure: times are seconds of the caller's clock.

Most changes are echoes: reactors record the files that they have brought, thousands in one
document, and each tells all others. And where several do the same work, one of them is enough
to look at what is published, while it gets through quickly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from reactor.events import Key, Notice

WAIT_SECONDS = 0.3
MOST_TOGETHER = 500
_AHEAD_SECONDS = 0.8  # so long others may look first at what is theirs to begin
_GETS_ON_SECONDS = 1.2  # and so much longer each time that they get through quickly
_MOST_WAITS = 3
_QUICK = 30  # so many files recorded within a wait are quick, or at once within a while
_A_WHILE = 60.0
_MOST_WAITING = 10_000
_ABOUT_NOW = 0.1  # what is due so soon is looked at together
_REMEMBERED = 1_000


@dataclass(slots=True)
class _Waiting:
    """
    A document to be looked at from `at` on. `before` is the place in the stream to go on from.

    `first` is who looks at it before us, if anybody, and had recorded `recorded` files before.
    """

    notice: Notice
    before: object
    at: float
    first: object = None
    recorded: int = 0
    waits: int = 1


class Haste:
    """
    Tells what to look at now, and keeps the rest until its time.

    `is_own` knows our own session; `first` tells the session of who looks at a document first.
    """

    def __init__(self, is_own: Callable[[object], bool], first: Callable[[Key], object]) -> None:
        self._is_own = is_own
        self._first = first
        self._waiting: dict[Key, _Waiting] = {}
        self._looked: dict[Key, float] = {}
        self._recorded: Counter[object] = Counter()
        self._many_at: dict[object, float] = {}
        self._next: float | None = None

    def begin_anew(self) -> None:
        """Forget what waits: the stream tells it again, from the place before."""
        self._waiting.clear()
        self._next = None

    def take(self, notice: Notice, author: object, before: object, now: float) -> Notice | None:
        """
        Return a notice that is to be looked at now; others wait.

        `author` is the session in which sites were recorded; None: something else has changed.
        `before` is a place in the stream from which this would be told again.
        """
        if author is not None:
            self._count(author, notice, now)
        first = None if author is not None else self._first_before_us(notice)
        if waiting := self._waiting.get(notice.key):
            if author is None and first is None and waiting.first is None:
                return notice
            waiting.notice = waiting.notice.merged(notice)
            return None
        hurries = self._is_news(author, notice.key, now) if author is not None else first is None
        if hurries or len(self._waiting) >= _MOST_WAITING:
            return notice
        at = now + (WAIT_SECONDS if first is None else _AHEAD_SECONDS)
        self._waiting[notice.key] = _Waiting(notice, before, at, first, self._recorded[first])
        self._next = at if self._next is None else min(self._next, at)
        return None

    def due(self, now: float) -> list[Notice]:
        """Return what is to be looked at now of what has waited, some at a time."""
        if self._next is None or now < self._next:
            return []
        ripe: list[Notice] = []
        for key, waiting in [*self._waiting.items()]:
            if (
                waiting.at > now + _ABOUT_NOW
                or len(ripe) == MOST_TOGETHER
                or self._goes_on(waiting, now)
            ):
                continue
            del self._waiting[key]
            self._remember(key, now)
            ripe.append(waiting.notice)
        self._next = min((waiting.at for waiting in self._waiting.values()), default=None)
        return ripe

    def patience(self, now: float) -> float | None:
        """Return the seconds until something is due; None where nothing waits."""
        return None if self._next is None else max(0.0, self._next - now)

    def place(self, taken: object) -> object:
        """Return the place in the stream before which nothing waits, at most what was taken."""
        oldest = next(iter(self._waiting.values()), None)
        return taken if oldest is None else oldest.before

    def _first_before_us(self, notice: Notice) -> object:
        """Return who looks at what was published before us; nobody where it is ours to begin."""
        first = self._first(notice.key) if notice.thorough else None
        return None if first is None or self._is_own(first) else first

    def _goes_on(self, waiting: _Waiting, now: float) -> bool:
        """Let a document wait longer while who looks at it first gets through quickly."""
        if waiting.first is None or waiting.waits >= _MOST_WAITS:
            return False
        recorded = self._recorded[waiting.first]
        was_quick = now - self._many_at.get(waiting.first, -_A_WHILE) < _A_WHILE
        quick = recorded - waiting.recorded >= _QUICK or (waiting.waits == 1 and was_quick)
        waiting.at, waiting.recorded = now + _GETS_ON_SECONDS, recorded
        waiting.waits += 1
        return quick

    def _is_news(self, author: object, key: Key, now: float) -> bool:
        """
        Return whether what was recorded is to be looked at now.

        Of another process that is the first in a while for each document: it may be what we
        wait for. Many more will follow where it brings a sequence.
        """
        if self._is_own(author) or now - self._looked.get(key, -WAIT_SECONDS) < WAIT_SECONDS:
            return False
        self._remember(key, now)
        return True

    def _remember(self, key: Key, now: float) -> None:
        if len(self._looked) >= _REMEMBERED:
            self._looked.clear()
        self._looked[key] = now

    def _count(self, author: object, notice: Notice, now: float) -> None:
        if len(self._recorded) >= _REMEMBERED:
            self._recorded.clear()
            self._many_at.clear()
        files = len(notice.positions or ())
        self._recorded[author] += files
        if files >= _QUICK:
            self._many_at[author] = now
