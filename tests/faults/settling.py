"""
Waits until a studio has settled, and says what is left where it does not.

Settled: nothing is wanted or claimed, nothing staged lies anywhere, and every copy that was taken
away by hand was missed. Reactors that were killed are started again, no more.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from pymongo.errors import PyMongoError

from tests.faults.publishers import Publisher
from tests.faults.studio import PROJECTS, Studio

_SHOWN = 3  # of each kind; one is enough to look for the cause
_SECONDS = 0.25
_ON_PLACES = {"site": {"$ne": ""}}  # others are turns: who follows something for all has one


class Look:
    """What is left to do in a studio, as its database and its disks have it."""

    def __init__(self, studio: Studio, publishers: Sequence[Publisher]) -> None:
        self.studio = studio
        self._publishers = publishers

    def left(self) -> str:
        """Return what is left, the first kind of it in words; "" where all is settled."""
        try:
            return next(self._kinds(), "")
        except PyMongoError as error:
            return f"the database does not answer: {error}"

    def wanted(self) -> int:
        """Return how many entries are wanted, and not paused."""
        counted = [*self._wanting, {"$count": "n"}]
        return sum(found["n"] for found in self._asked(counted))

    def _kinds(self) -> Iterator[str]:
        if count := self.wanted():
            yield _told("wanted", count, self._asked([*self._wanting, {"$limit": _SHOWN}]))
        claims = self.studio.state["claims"]
        if count := claims.count_documents(_ON_PLACES):
            yield _told("claims", count, claims.find(_ON_PLACES).limit(_SHOWN))
        if unnoticed := [place for each in self._publishers for place in each.unnoticed()]:
            yield _told("copies taken away and not missed", len(unnoticed), unnoticed)
        if staged := [*self._staged()]:
            yield _told("staged files", len(staged), staged)

    @property
    def _wanting(self) -> list[dict[str, Any]]:
        return [
            {"$match": {"type": "representation"}},
            {"$unwind": "$files"},
            {"$unwind": "$files.sites"},
            {"$match": {"files.sites.created_dt": None, "files.sites.paused": {"$exists": False}}},
            {"$match": {"files.sites.name": {"$in": [*self.studio.sites]}}},
            {"$project": {"path": "$files.path", "hash": "$files.hash", "entry": "$files.sites"}},
        ]

    def _asked(self, pipeline: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for project in PROJECTS:
            yield from self.studio.database[project].aggregate(pipeline)

    def _staged(self) -> Iterator[str]:
        for name, storage in self.studio.sites.items():
            for path in storage.paths():
                last = path.rpartition("/")[2]
                if (
                    last.startswith(".sitesync-")
                    and last.endswith(".part")
                    and "canary" not in last
                ):
                    yield f"{name}: {path}"


def wait_until_settled(look: Look, deadline: float) -> str:
    """Return what is left at the deadline (of the monotonic clock); "" as soon as nothing is."""
    while True:
        look.studio.fleet.tend()
        began = time.monotonic()
        left = look.left()
        if not left or began > deadline:
            return left
        # Where a look takes long, looking all the time would cost the reactors their machine.
        time.sleep(max(_SECONDS, 2 * (time.monotonic() - began)))


def _told(what: str, count: int, some: Iterable[object]) -> str:
    return f"{count} {what}: " + "; ".join(str(each) for each in islice(some, _SHOWN))
