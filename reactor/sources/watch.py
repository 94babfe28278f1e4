"""
The watch over one site: what people do there by hand.

What tells of it (the operating system for own disks, a service for its own site) says only
where; a look says what. What was not told, because too much happened at once or nobody could
tell, is found by a survey of the root.
"""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import anyio
import structlog
from pymongo.errors import PyMongoError

from providers.base import Facts, Location, ProviderError
from reactor.backoff import RECONNECT
from reactor.documents import parse_path
from reactor.judging.inspection import Inspection
from reactor.model import Work
from reactor.reader import Reader
from reactor.sites import Site
from reactor.watching.news import Quiet
from reactor.watching.sightings import TOGETHER, Sightings
from reactor.watching.strays import Strays
from reactor.watching.telling import RootSource, Told
from reactor.watching.unreadable import Unreadable

log = structlog.stdlib.get_logger()

SURVEY_SECONDS = 600.0  # between surveys of a root that cannot be watched
_QUIET_SECONDS = 0.1
_BUSY_SECONDS = 2.0
_MOST_WAITING = 200_000

Batch = Sequence[tuple[str, Facts | None]]
MakeSource = Callable[[Told], RootSource]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """
    What a watch knows of the process it is in.

    `projects` are those served. `survey` yields, for a project and root, documents' paths that
    may not be as they should, with what is there. `moving` is the work under way just now,
    `is_busy` tells whether there is much of it, and `published` the facts of files that this
    process has brought lately.
    """

    reader: Reader
    projects: Callable[[], Awaitable[Sequence[str]]]
    survey: Callable[[Inspection, str], AsyncGenerator[Batch]]
    moving: Collection[Work]
    is_busy: Callable[[], bool]
    published: Callable[[Location], Facts | None]


class Watch:
    """Follows what happens below the roots of one site; `sources` makes what tells of each."""

    def __init__(
        self,
        site: Site,
        sources: Mapping[str, MakeSource],
        sightings: Sightings,
        around: Surroundings,
    ) -> None:
        self._site = site
        self._sightings = sightings
        self._around = around
        self._quiet = {root: Quiet(_QUIET_SECONDS, _MOST_WAITING) for root in sources}
        self._unreadable = Unreadable(site.label, around.projects, sightings.forget_project)
        self._strays = Strays(around.reader, sightings, self._unreadable)
        self._survey_at = dict.fromkeys(sources, float("inf"))
        self._unsurveyed: set[str] = set()
        self._homes: dict[str, set[str]] = {}
        self._wake = anyio.Event()
        self._is_working = False
        self._sources = {root: make(self._told(root)) for root, make in sources.items()}

    @property
    def site(self) -> Site:
        """The site that is watched."""
        return self._site

    @property
    def roots(self) -> Sequence[RootSource]:
        """What tells of each root."""
        return tuple(self._sources.values())

    @property
    def sightings(self) -> Sightings:
        """What was seen, and waits to be believed."""
        return self._sightings

    @property
    def surveyed(self) -> bool:
        """Whether each root was surveyed since it became unsure what happened there."""
        return not self._unsurveyed and all(one.mode != "starting" for one in self.roots)

    @property
    def settled(self) -> bool:
        """Whether all that was told has been looked at, believed or not, and written down."""
        waits = self._is_working or self._unsurveyed or self._strays or self._unreadable
        return not waits and not any(self._quiet.values()) and self._sightings.settled

    async def run(self) -> None:
        """Listen at all roots and follow up what is told, for ever."""
        async with anyio.create_task_group() as tasks:
            for root in self.roots:
                tasks.start_soon(root.run)
            await self._follow()

    def _told(self, root: str) -> Told:
        def happened(path: str) -> None:
            self._quiet[root].note(path, time.monotonic())
            self._wake.set()

        def lost(file: str, now_at: str | None) -> None:
            where = None if now_at is None else Location(root, now_at)
            if where is None or not self._is_ours_by_id(where, file):
                self._strays.note(file, where)
                self._wake.set()

        def unsure(seconds: float) -> None:
            self._unsure(root, seconds)

        return Told(happened, lost, unsure, lambda: self.settled)

    def _unsure(self, root: str, seconds: float = 0.0) -> None:
        """Survey a root in so many seconds: once what happens there now is over."""
        self._survey_at[root] = time.monotonic() + seconds
        self._unsurveyed.add(root)
        self._wake.set()

    async def _follow(self) -> None:
        failures = 0
        while True:
            self._wake = anyio.Event()
            try:
                self._is_working = True
                await self._once()
                failures = 0
            except Exception as error:  # noqa: BLE001 - whatever a provider raises ends no reactor
                failures += 1
                self._lost(error)
                await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
                continue
            self._is_working = False
            with anyio.move_on_after(self._until_next()):
                await self._wake.wait()

    def _lost(self, error: Exception) -> None:
        """Believe nothing of what was seen, and let all be told again once that is possible."""
        trace = None if isinstance(error, PyMongoError | ProviderError) else error
        log.warning(
            "watch interrupted", site=self._site.label, why=str(error)[:200], exc_info=trace
        )
        self._sightings.forget()
        for source in self.roots:
            source.again()

    async def _once(self) -> None:
        await self._look_due()
        await self._strays.look()
        for project, paths in self._sightings.busy_due().items():
            for start in range(0, len(paths), TOGETHER):
                look = partial(self._sightings.look, project, paths[start : start + TOGETHER])
                await self._unreadable.alone(project, look)
        for project, verdicts in self._sightings.bad_due().items():
            believe = partial(self._sightings.believe, project, verdicts)
            await self._unreadable.alone(project, believe)
        await self._unreadable.retry(self._survey_project)
        for root, at in [*self._survey_at.items()]:
            if at <= time.monotonic():
                await self._survey(root)

    async def _look_due(self) -> None:
        await self._strays.sort(self._under_way())
        for root, quiet in self._quiet.items():
            if quiet.overflowed:
                quiet.overflowed = False
                self._unsure(root)
            while due := quiet.due(time.monotonic() - self._deferral(), TOGETHER):
                under_way = self._under_way()
                await self._strays.sort(under_way)
                await self._look(root, self._later(root, due, under_way))

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
        for project in await self._unreadable.others():
            survey = partial(self._survey_for, project, root)
            count += await self._unreadable.alone(project, survey) or 0
        if self._survey_at[root] == again:  # else it became unsure meanwhile
            self._unsurveyed.discard(root)
        log.debug("surveyed", site=self._site.label, root=root, doubtful=count)

    async def _survey_project(self, project: str) -> None:
        """Survey all roots for one project that could not be read until now."""
        for root in self._sources:
            await self._survey_for(project, root)

    async def _survey_for(self, project: str, root: str) -> int:
        """Survey a root for one project, and return how many of its paths were doubtful."""
        inspection = self._sightings.inspection_of(project)
        if inspection is None:
            return 0
        count = 0
        await self._sightings.expect(project)
        async with aclosing(self._around.survey(inspection, root)) as batches:
            async for batch in batches:
                await self._sightings.look(project, [path for path, _ in batch], dict(batch))
                await self._look_due()
                count += len(batch)
        return count

    def _is_deaf(self, root: str) -> bool:
        return self._sources[root].mode == "surveyed"

    def _under_way(self) -> frozenset[str]:
        """Return the paths to which transfers of ours are bringing files here, below any root."""
        name, found = self._site.name, set[str]()
        inspections: dict[str, Inspection | None] = {}
        for work in self._around.moving:
            if work.project not in inspections:
                inspections[work.project] = self._sightings.inspection_of(work.project)
            inspection = inspections[work.project]
            if inspection and work.site == (inspection.topology.destination(name) or name):
                found.add(parse_path(work.path).path)
        return frozenset(found)

    def _later(self, root: str, paths: Sequence[str], under_way: frozenset[str]) -> list[str]:
        """Return those paths to look at now; what was told of the others waits with them."""
        for path in paths:
            if path in under_way:
                self._quiet[root].note(path, time.monotonic())
        return [path for path in paths if path not in under_way]

    async def _look(self, root: str, paths: Sequence[str]) -> None:
        """Look at paths below a root, for whichever projects name them."""
        seen = await self._sources[root].seen(paths)
        ours = {path for path, facts in seen.items() if facts and self._is_ours(root, path, facts)}
        rest = seen.keys() - ours
        projects = await self._unreadable.others()
        homes = set[str]().union(*(self._homes.get(_top(path), set()) for path in rest))
        for project in sorted(projects, key=lambda name: (name not in homes, name)):
            if not rest:
                return
            news = {path: seen[path] for path in rest}
            look = partial(self._look_for, project, root, news, ours)
            named = await self._unreadable.alone(project, look) or set[str]()
            for path in named & rest:
                self._homes.setdefault(_top(path), set()).add(project)
            rest -= named  # a second project that names the same place waits for the next survey

    def _is_ours(self, root: str, path: str, facts: Facts) -> bool:
        """Return whether a file is what we have brought there: that is no news."""
        return self._around.published(Location(root, path)) == facts

    def _is_ours_by_id(self, where: Location, file: str) -> bool:
        """Return whether we have brought the file of an id to this place."""
        facts = self._around.published(where)
        return facts is not None and facts.id == file

    async def _look_for(
        self, project: str, root: str, seen: Mapping[str, Facts | None], ours: Collection[str]
    ) -> set[str]:
        """Look for one project, and return the paths that it names; `ours` are known to be there."""
        inspection = self._sightings.inspection_of(project)
        if inspection is None:
            return set()
        await inspection.places.mark()
        gone = [path for path, facts in seen.items() if facts is None]
        texts = set(inspection.places.spellings(_texts(root, seen)))
        below = await self._around.reader.named_below(
            project, inspection.places.spellings(_texts(root, gone))
        )
        lying = ((text, inspection.places.named_by(text)) for text in below)  # some name no place
        texts |= {text for text, place in lying if place and place.path not in ours}
        still = self._unmoved(inspection, root, texts)
        known = {text: seen[path] for text in still if (path := parse_path(text).path) in seen}
        named: set[str] = set()
        for start in range(0, len(still), TOGETHER):
            named |= await self._sightings.look(project, still[start : start + TOGETHER], known)
        return {parse_path(text).path for text in named}

    def _unmoved(self, inspection: Inspection, root: str, texts: Collection[str]) -> list[str]:
        """Return those paths that no transfer of ours is bringing: these are looked at later."""
        topology, name = inspection.topology, self._site.name
        to = topology.destination(name) or name
        still: list[str] = []
        for text in sorted(texts):
            if Work(topology.project, to, text) in self._around.moving:
                self._quiet[root].note(parse_path(text).path, time.monotonic())
            else:
                still.append(text)
        return still

    def _until_next(self) -> float | None:
        times = [quiet.next_time() for quiet in self._quiet.values()]
        times += [one.next_time() for one in (self._sightings, self._strays, self._unreadable)]
        times += self._survey_at.values()
        soonest = min((at for at in times if at is not None), default=float("inf"))
        if soonest < float("inf"):
            soonest += self._deferral()
        return None if soonest == float("inf") else max(0.0, soonest - time.monotonic())


def _top(path: str) -> str:
    return path.partition("/")[0]


def _texts(root: str, paths: Collection[str]) -> list[str]:
    return [str(Location(root, path)) for path in paths]
