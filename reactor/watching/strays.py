"""
Files, known by a service's own ids, that may be gone from where documents have them.

A service tells where a file is now, and not where it was. Where documents have it there, too, it
is no stray: that is asked before anybody looks at that place, since a look may mark it there. What
is being brought there just now, documents have once that is recorded: until then it is not asked.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from functools import partial

from providers.base import Location
from reactor.judging.inspection import Inspection
from reactor.reader import Reader
from reactor.watching.sightings import TOGETHER, Sightings
from reactor.watching.unreadable import Unreadable

_MOVING_SECONDS = 0.1
_SHARE = 50  # looking ids up goes through whole projects: of so many seconds, one at most


class Strays:
    """The strays of one site, in all projects but those that are `unreadable`."""

    def __init__(self, reader: Reader, sightings: Sightings, unreadable: Unreadable) -> None:
        self._reader = reader
        self._sightings = sightings
        self._unreadable = unreadable
        self._told: dict[str, Location | None] = {}
        self._astray: dict[str, set[str]] = {}
        self._due = 0.0
        self._sorts_at = 0.0

    def __bool__(self) -> bool:
        return bool(self._told or self._astray)

    def note(self, file: str, where: Location | None) -> None:
        """Take note of where a file is now: nowhere below the roots, if None."""
        self._told[file] = where
        self._sorts_at = 0.0

    def next_time(self) -> float | None:
        """Return when strays may be looked up, if there are any."""
        return self._sorts_at if self._told else self._due if self._astray else None

    async def sort(self, under_way: Collection[str]) -> None:
        """Find out which files are where documents have them, and forget those; others are `under_way`."""
        told = {
            file: where
            for file, where in self._told.items()
            if where is None or where.path not in under_way
        }
        self._told = {file: where for file, where in self._told.items() if file not in told}
        self._sorts_at = time.monotonic() + _MOVING_SECONDS
        for project in await self._unreadable.others() if told else ():
            inspection = self._sightings.inspection_of(project)
            if inspection is None:
                continue
            asked = partial(self._of, inspection, told)
            if ids := await self._unreadable.alone(project, asked):
                self._astray.setdefault(project, set()).update(ids)

    async def look(self) -> None:
        """Look where documents have the strays, if it is time."""
        began = time.monotonic()
        if not self._astray or began < self._due:
            return
        astray, self._astray = self._astray, {}
        for project, ids in astray.items():
            await self._unreadable.alone(project, partial(self._look_for, project, ids))
        now = time.monotonic()
        self._due = now + _SHARE * (now - began)

    async def _look_for(self, project: str, ids: Collection[str]) -> None:
        """Look where one project has files of some ids."""
        inspection = self._sightings.inspection_of(project)
        if inspection is None:
            return
        texts = await self._reader.named_with_ids(project, _group(inspection), ids)
        for start in range(0, len(texts), TOGETHER):
            await self._sightings.look(project, texts[start : start + TOGETHER])

    async def _of(
        self, inspection: Inspection, told: Mapping[str, Location | None]
    ) -> frozenset[str]:
        """Return which of the files one project does not have where they are."""
        await inspection.places.mark()
        now_at = {
            (text, file)
            for file, where in told.items()
            if where
            for text in inspection.places.spellings([str(where)])
        }
        paths = {text for text, _ in now_at}
        project = inspection.topology.project
        known = await self._reader.ids_at(project, _group(inspection), paths)
        return frozenset(told.keys() - {file for _, file in now_at & known})


def _group(inspection: Inspection) -> frozenset[str]:
    return inspection.topology.alternatives_of(inspection.site.name)
