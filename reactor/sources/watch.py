"""
The watch over the disks of this process's own site: what people do there by hand.

Events say only where; a look says what. What no event told, because too many came at once
or none could, is found by a survey of the root.
"""

from __future__ import annotations

import os
import random
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import anyio
import structlog
from anyio import to_thread
from pymongo.errors import PyMongoError

from providers.base import DiskProvider, Facts, Location, ProviderError
from reactor.backoff import RECONNECT
from reactor.documents import parse_path
from reactor.judging.inspection import Inspection
from reactor.model import Work
from reactor.reader import Reader
from reactor.sites import Site
from reactor.watching.news import Quiet
from reactor.watching.root import RootWatch, Told
from reactor.watching.sightings import TOGETHER, Sightings

log = structlog.stdlib.get_logger()

SURVEY_SECONDS = 600.0  # between surveys of a root that cannot be watched
_QUIET_SECONDS = 0.1
_STALL_SECONDS = 3.0
_TICK_SECONDS = 1.0
_BUSY_SECONDS = 2.0
_MOST_WAITING = 200_000

Batch = Sequence[tuple[str, Facts | None]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a watch knows of the process it is in.

    `projects` are those served. `survey` yields, for a project and root, documents' paths that
    may not be as they should, with what is there. `is_moving` tells work under way, `is_busy`
    whether there is much of it, and `published` the facts of files that this process has
    brought lately.
    """

    reader: Reader
    projects: Callable[[], Awaitable[Sequence[str]]]
    survey: Callable[[Inspection, str], AsyncIterator[Batch]]
    is_moving: Callable[[Work], bool]
    is_busy: Callable[[], bool]
    published: Callable[[Location], Facts | None]


class Watch:
    """Follows what happens below the roots of one site on this machine's disks."""

    def __init__(
        self,
        site: Site,
        roots: Mapping[str, Path],
        sightings: Sightings,
        around: Surroundings,
        canary: str,
    ) -> None:
        self._site = site
        self._sightings = sightings
        self._around = around
        self._quiet = {root: Quiet(_QUIET_SECONDS, _MOST_WAITING) for root in roots}
        self._survey_at = dict.fromkeys(roots, float("inf"))
        self._unsurveyed = set(roots)
        self._homes: dict[str, set[str]] = {}
        self._wake = anyio.Event()
        self.roots = tuple(
            RootWatch(site, root, folder, canary, self._told(root))
            for root, folder in roots.items()
        )

    @property
    def sightings(self) -> Sightings:
        """What was seen, and waits to be believed."""
        return self._sightings

    @property
    def surveyed(self) -> bool:
        """Whether each root was surveyed since it became unsure what happened there."""
        return not self._unsurveyed

    async def run(self) -> None:
        """Listen at all roots and follow up what is heard, for ever."""
        async with anyio.create_task_group() as tasks:
            for root in self.roots:
                tasks.start_soon(root.run)
            tasks.start_soon(self._notice_stalls)
            await self._follow()

    def _told(self, root: str) -> Told:
        def happened(path: str) -> None:
            self._quiet[root].note(path, time.monotonic())
            self._wake.set()

        return Told(happened, lambda seconds: self._unsure(root, seconds))

    def _unsure(self, root: str, seconds: float = 0.0) -> None:
        """Survey a root in so many seconds: once what happens there now is over."""
        self._survey_at[root] = time.monotonic() + seconds
        self._unsurveyed.add(root)
        self._wake.set()

    async def _notice_stalls(self) -> None:
        """Distrust events after this process did not run: the kernel's queue is short."""
        while True:
            before = time.monotonic()
            await anyio.sleep(_TICK_SECONDS)
            if time.monotonic() - before > _STALL_SECONDS:
                for root in self._quiet:
                    self._unsure(root)

    async def _follow(self) -> None:
        failures = 0
        while True:
            self._wake = anyio.Event()
            try:
                await self._once()
                failures = 0
            except (PyMongoError, ProviderError) as error:
                failures += 1
                self._lost(error)
                await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
                continue
            with anyio.move_on_after(self._until_next()):
                await self._wake.wait()

    def _lost(self, error: Exception) -> None:
        """Believe nothing of what was seen, and survey everything once it is possible again."""
        log.warning("watch interrupted", site=self._site.label, why=str(error)[:200])
        self._sightings.forget()
        for root in self._quiet:
            self._unsure(root)

    async def _once(self) -> None:
        await self._look_due()
        for project, paths in self._sightings.busy_due().items():
            for start in range(0, len(paths), TOGETHER):
                await self._sightings.look(project, paths[start : start + TOGETHER])
        await self._sightings.settle_due()
        for root, at in [*self._survey_at.items()]:
            if at <= time.monotonic():
                await self._survey(root)

    async def _look_due(self) -> None:
        for root, quiet in self._quiet.items():
            if quiet.overflowed:
                quiet.overflowed = False
                self._unsure(root)
            while due := quiet.due(time.monotonic() - self._deferral(), TOGETHER):
                await self._look(root, due)

    def _deferral(self) -> float:
        """Return for how long looks may wait: what is published now comes with events of its own."""
        return _BUSY_SECONDS if self._around.is_busy() else 0.0

    async def _survey(self, root: str) -> None:
        """Look at whatever may not be as documents say; what happens meanwhile is looked at, too."""
        now = time.monotonic()
        again = now + SURVEY_SECONDS if self._is_deaf(root) else float("inf")
        self._survey_at[root] = again
        self._sightings.guard.lift()  # it is judged anew by all that is missing
        count = 0
        for project in await self._around.projects():
            if inspection := self._sightings.inspection_of(project):
                await self._sightings.expect(project)
                async for batch in self._around.survey(inspection, root):
                    await self._sightings.look(project, [path for path, _ in batch], dict(batch))
                    await self._look_due()
                    count += len(batch)
        if self._survey_at[root] == again:  # else it became unsure meanwhile
            self._unsurveyed.discard(root)
        log.debug("surveyed", site=self._site.label, root=root, doubtful=count)

    def _is_deaf(self, root: str) -> bool:
        return any(one.root == root and one.mode != "live" for one in self.roots)

    async def _look(self, root: str, paths: Sequence[str]) -> None:
        """Look at paths below a root, for whichever projects name them."""
        seen = await self._seen(root, paths)
        projects = await self._around.projects()
        tops = {_top(path) for path in seen}
        homes = set[str]().union(*(self._homes.get(top, set()) for top in tops))
        rest = set(seen)
        for project in sorted(projects, key=lambda name: (name not in homes, name)):
            if not rest:
                return
            named = await self._look_for(project, root, {path: seen[path] for path in rest})
            for path in named & rest:
                self._homes.setdefault(_top(path), set()).add(project)
            rest -= named  # a second project that names the same place waits for the next survey

    async def _seen(self, root: str, paths: Sequence[str]) -> dict[str, Facts | None]:
        """Return what is there now; folders are opened, and what we have brought is no news."""
        disk = cast("DiskProvider", self._site.provider)
        found = await to_thread.run_sync(_look_at, disk.root_path(root), paths)
        seen: dict[str, Facts | None] = {}
        for path, there in found.items():
            where = Location(root, path)
            if there is not None and stat.S_ISDIR(there.st_mode):
                async for listed in disk.listing(root, path):
                    self._quiet[root].note(listed.where.path, time.monotonic())
            if there is not None and not stat.S_ISREG(there.st_mode):
                continue
            facts = Facts(there.st_size, there.st_mtime_ns) if there else None
            if facts is None or self._around.published(where) != facts:
                seen[path] = facts
        return seen

    async def _look_for(
        self, project: str, root: str, seen: Mapping[str, Facts | None]
    ) -> set[str]:
        """Look for one project, and return the paths that it names."""
        inspection = self._sightings.inspection_of(project)
        if inspection is None:
            return set()
        await inspection.places.mark()
        gone = [path for path, facts in seen.items() if facts is None]
        texts = set(inspection.places.spellings(_texts(root, seen)))
        below = await self._around.reader.named_below(
            project, inspection.places.spellings(_texts(root, gone))
        )
        still = self._unmoved(project, root, texts.union(below))
        known = {text: seen[path] for text in still if (path := parse_path(text).path) in seen}
        named: set[str] = set()
        for start in range(0, len(still), TOGETHER):
            named |= await self._sightings.look(project, still[start : start + TOGETHER], known)
        return {parse_path(text).path for text in named}

    def _unmoved(self, project: str, root: str, texts: Collection[str]) -> list[str]:
        """Return those paths that no transfer of ours is bringing: these are looked at later."""
        still: list[str] = []
        for text in sorted(texts):
            if self._around.is_moving(Work(project, self._site.name, text)):
                self._quiet[root].note(parse_path(text).path, time.monotonic())
            else:
                still.append(text)
        return still

    def _until_next(self) -> float | None:
        times = [quiet.next_time() for quiet in self._quiet.values()]
        times += [self._sightings.next_time(), *self._survey_at.values()]
        soonest = min((at for at in times if at is not None), default=float("inf"))
        if soonest < float("inf"):
            soonest += self._deferral()
        return None if soonest == float("inf") else max(0.0, soonest - time.monotonic())


def _top(path: str) -> str:
    return path.partition("/")[0]


def _texts(root: str, paths: Collection[str]) -> list[str]:
    return [str(Location(root, path)) for path in paths]


def _look_at(folder: Path, paths: Sequence[str]) -> dict[str, os.stat_result | None]:
    """Return what is at each path; None where there is nothing. Links are not followed."""
    found: dict[str, os.stat_result | None] = {}
    for path in paths:
        try:
            found[path] = (folder / path).lstat()
        except (FileNotFoundError, NotADirectoryError):
            found[path] = None
    return found
