"""
Which source is best to bring a file from, and why. Pure: no I/O; the caller brings the time.

A disk of this machine comes first, then what the service copies by itself, then the fastest.
How fast bytes go from site to site is measured by the transfers themselves: nothing is sent
only to learn.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from reactor.model import Work

_MEASURABLE = 1024 * 1024  # smaller files measure how long answers take
_CHEAP = 64 * 1024 * 1024
_FRESH_SECONDS = 3600.0
_WEIGHT = 0.3
_MOST_FAILED = 10_000


class Why(StrEnum):
    """Why a source was chosen before the others."""

    ONLY = "the only source"
    DISK = "a disk of this machine"
    SERVICE = "its service copies by itself"
    BEGUN = "part of it has come from there"
    FASTEST = "measured to be the fastest"
    UNTRIED = "not measured yet"
    ORDER = "the order of the settings"
    LEFT = "what is better fails or rests"


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    A site that has the file, as one process sees it.

    Part of the file has been staged from there where it has `begun`. `rate` are bytes per second,
    where they were measured lately. One that is `doubtful` failed to serve this file, or rests.
    """

    name: str
    disk: bool = False
    copies: bool = False
    begun: bool = False
    rate: float | None = None
    doubtful: bool = False


class Choice(NamedTuple):
    """A source, and why it comes before those after it."""

    name: str
    why: Why


def best_first(candidates: Sequence[Candidate], size: int) -> list[Choice]:
    """
    Return sources for a file of so many bytes, the best one first.

    They are given in the order of the settings, which decides where nothing else is known. A
    source that was not measured is tried with files that tell much and cost little.
    """
    is_trial = _MEASURABLE <= size <= _CHEAP
    ideal = sorted(candidates, key=lambda one: _rank(one, is_trial=is_trial))
    ranked = sorted(ideal, key=lambda one: one.doubtful)
    return [
        Choice(one.name, Why.LEFT if one is not ideal[0] else _why(one, candidates))
        for one in ranked
    ]


def _rank(one: Candidate, *, is_trial: bool) -> tuple[int, float]:
    """Return what makes a source the better one: smaller comes first."""
    if one.disk:
        return 0, 0.0
    if one.copies:
        return 1, 0.0
    if one.begun:
        return 2, 0.0
    if one.rate is None:
        return 3 if is_trial else 5, 0.0
    return 4, -one.rate


def _why(one: Candidate, all_of_them: Sequence[Candidate]) -> Why:
    """Return why a source comes first."""
    if len(all_of_them) == 1:
        return Why.ONLY
    if one.disk:
        return Why.DISK
    if one.copies:
        return Why.SERVICE
    if one.begun:
        return Why.BEGUN
    if one.rate is not None:
        return Why.FASTEST
    return Why.UNTRIED if any(other.rate for other in all_of_them) else Why.ORDER


class Way(NamedTuple):
    """
    What is known of the way from one site to another, by their labels.

    `rate` are bytes per second, where they were measured lately; `copies` says that the
    destination's service copies by itself.
    """

    source: str
    destination: str
    rate: float | None = None
    copies: bool = False


class Measured(NamedTuple):
    """Bytes per second, and when they were last measured."""

    rate: float
    at: float


@dataclass(slots=True)
class Ways:
    """What one process has seen of the ways between sites; sites are named by their labels."""

    _rates: dict[tuple[str, str], Measured] = field(
        default_factory=dict[tuple[str, str], Measured], init=False
    )
    _failed: OrderedDict[Work, set[str]] = field(
        default_factory=OrderedDict[Work, set[str]], init=False
    )

    def moved(self, way: tuple[str, str], size: int, seconds: float, now: float) -> None:
        """Take note that bytes went from one site to another; recent ones count more."""
        if size < _MEASURABLE or seconds <= 0:
            return
        before = self.rate(way, now)
        rate = size / seconds
        smoothed = rate if before is None else _WEIGHT * rate + (1 - _WEIGHT) * before
        self._rates[way] = Measured(smoothed, now)

    def rate(self, way: tuple[str, str], now: float) -> float | None:
        """Return the bytes per second from one site to another, where that was measured lately."""
        found = self._rates.get(way)
        return found.rate if found and now - found.at <= _FRESH_SECONDS else None

    def rates(self, now: float) -> dict[tuple[str, str], float]:
        """Return all that was measured lately."""
        known = {way: self.rate(way, now) for way in self._rates}
        return {way: rate for way, rate in known.items() if rate is not None}

    def failed(self, work: Work, source: str) -> None:
        """Take note that a source could not serve a file."""
        self._failed.setdefault(work, set()).add(source)
        self._failed.move_to_end(work)
        if len(self._failed) > _MOST_FAILED:
            self._failed.popitem(last=False)

    def has_failed(self, work: Work, source: str) -> bool:
        """Return whether a source could not serve a file when it was last asked."""
        return source in self._failed.get(work, ())

    def served(self, work: Work) -> None:
        """Forget the failures of a file that has come."""
        self._failed.pop(work, None)
