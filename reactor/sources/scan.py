"""
Scans find what no event told. They enter by the same door as the stream, and rank last.

The unfinished scan asks the index for what is wanted at served sites, and goes on only while
the queue has room for it; the full scan looks at every representation, one process a project
at a time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial

import anyio
import structlog
from pymongo.errors import OperationFailure, PyMongoError

from reactor.backoff import RECONNECT
from reactor.claims import Claims
from reactor.events import Key, Notice, Origin
from reactor.model import Topology
from reactor.queries import START, Due
from reactor.reader import Reader
from reactor.refusals import is_refusal, why
from reactor.scanning import Found, portions
from reactor.scheduler import Scheduler
from reactor.sources.full_scan import FullScan
from reactor.tasks import then_cancel
from reactor.turns import in_turn

log = structlog.stdlib.get_logger()

Dispatch = Callable[[Iterable[Notice]], Awaitable[None]]

_PAGE = 100
_FILES = 1_000
_NO_PROJECTS_SECONDS = 60.0


class Scans:
    """
    The scans of one process: at start, on a timer, on request, after lost history.

    A `patient` one waits until another process's full scan of a project is over, and makes
    its own; for others one is as good as the other.
    """

    def __init__(
        self,
        reader: Reader,
        dispatch: Dispatch,
        scheduler: Scheduler,
        claims: Claims,
        topology_of: Callable[[str], Topology | None],
    ) -> None:
        self._reader = reader
        self._dispatch = dispatch
        self._scheduler = scheduler
        self._claims = claims
        self._topology_of = topology_of
        self.patient = False
        self._full_wanted = False
        self._anew = True
        self._asked = True
        self._due: dict[str, float] = {}
        # Where a scan of a project for a site goes on once the queue has room for it.
        self._left: dict[tuple[str, str], object] = {}
        self._overflowed: set[str] = set()
        self._wake = anyio.Event()
        self._rested = anyio.Event()

    def request(self, *, full: bool = False) -> None:
        """Ask for a scan of all projects, soon."""
        self._full_wanted = self._full_wanted or full
        self._anew = self._asked = True
        self._wake.set()

    async def settled(self) -> None:
        """Return when all requested scans are over, but for sites that nothing can go to now."""
        while self._asked or self._may_go_on():
            async with anyio.create_task_group() as waits:
                waits.start_soon(then_cancel, self._rested.wait, waits.cancel_scope)
                if not self._asked:
                    waits.start_soon(then_cancel, self._until_stuck, waits.cancel_scope)

    async def run(self) -> None:
        """Scan when asked to, and each project when its interval is over, for ever."""
        failures = 0
        while True:
            self._wake = anyio.Event()
            try:
                await self._pass()
                failures = 0
            except PyMongoError as error:
                failures += 1
                log.warning("scan cut", why=str(error)[:200])
                await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
                continue
            if not self._wake.is_set():
                self._rest()
                await self._until_due()

    def _rest(self) -> None:
        self._asked = False
        self._rested.set()
        self._rested = anyio.Event()

    async def _until_due(self) -> None:
        """Return when a scan was asked for, is due, or finds room for what it left."""
        until = min(self._due.values(), default=time.monotonic() + _NO_PROJECTS_SECONDS)
        with anyio.move_on_after(max(0.0, until - time.monotonic())):
            async with anyio.create_task_group() as waits:
                waits.start_soon(then_cancel, self._wake.wait, waits.cancel_scope)
                waits.start_soon(then_cancel, self._until_room, waits.cancel_scope)

    async def _until_room(self) -> None:
        await self._scheduler.wait_until(self._has_room)
        self._asked = True

    def _has_room(self) -> bool:
        """Return whether a scan can go on, or has to begin anew: names fell out of the queue."""
        self._overflowed |= self._scheduler.queue.take_overflow()
        anew = any(map(self._scheduler.is_open, self._overflowed))
        return anew or any(self._scheduler.is_open_for(*at) for at in self._left)

    async def _until_stuck(self) -> None:
        await self._scheduler.wait_until(lambda: not self._may_go_on())

    def _may_go_on(self) -> bool:
        return not all(map(self._scheduler.is_resting, self._short()))

    def _short(self) -> set[str]:
        """Return the lanes of the queue that lack what there was no room for."""
        return {*self._overflowed, *(self._scheduler.lane(*at) for at in self._left)}

    async def _pass(self) -> None:
        self._begin_anew()
        started = time.monotonic()
        full, self._full_wanted = self._full_wanted, False
        try:
            if full or self._is_any_due(started):
                await self._scan_due(started, full=full)
            for project, site in list(self._left):
                if topology := self._topology_of(project):
                    await self._alone(project, partial(self._top_up, topology, site))
        except PyMongoError:
            self._full_wanted = self._full_wanted or full
            raise

    async def _alone(self, project: str, scan: Callable[[], Awaitable[int]]) -> int | None:
        """Scan one project; where the database refuses to, others have their turn: None."""
        try:
            return await scan()
        except OperationFailure as error:
            if not is_refusal(error):
                raise
            for at in [at for at in self._left if at[0] == project]:
                del self._left[at]
            log.warning("project cannot be scanned", project=project, why=why(error))
            return None

    def _begin_anew(self) -> None:
        """Forget how far scans are, where that was asked for, or what fell out has room again."""
        lanes = set(filter(self._scheduler.is_open, self._overflowed))
        self._overflowed -= lanes
        if lanes or self._anew:
            self._due.clear()
            self._left.clear()
        self._anew = False

    async def _scan_due(self, started: float, *, full: bool) -> None:
        """Scan all projects whose turn it is, at one time: each alone would cost a listing."""
        topologies = list(filter(None, map(self._topology_of, await self._reader.projects())))
        for topology in topologies:
            if full or self._due.get(topology.project, 0.0) <= started:
                await self._scan(topology, full=full)
                self._due[topology.project] = started + topology.interval
        for gone in self._due.keys() - {topology.project for topology in topologies}:
            del self._due[gone]

    def _is_any_due(self, now: float) -> bool:
        return not self._due or min(self._due.values()) <= now

    async def _scan(self, topology: Topology, *, full: bool) -> None:
        started = time.monotonic()
        project = topology.project
        overlooked = await self._alone(project, partial(self.full, topology)) if full else None
        wanting = await self._alone(project, partial(self.unfinished, topology))
        log.debug(
            "scan",
            project=project,
            overlooked=overlooked,
            wanting=wanting,
            ms=round((time.monotonic() - started) * 1000, 1),
        )

    async def unfinished(self, topology: Topology) -> int:
        """
        Dispatch what is wanted at served sites, and return how many documents that were.

        Where the queue has no room for more, it goes on later. When all is well, this is one
        query that the index answers.
        """
        sites = topology.together(topology.served)
        count = await self._tell_unserved(topology, sites & topology.problems.keys())
        within_reach = frozenset(filter(topology.destination, sites))
        if not await self._reader.due(topology.project, _due(topology, within_reach), START, 1):
            return count
        lanes = dict.fromkeys(filter(None, map(topology.destination, topology.served)))
        left = [site for site in lanes if (topology.project, site) not in self._left]
        return count + sum([await self._top_up(topology, site) for site in left])

    async def _tell_unserved(self, topology: Topology, sites: frozenset[str]) -> int:
        """Dispatch, once, what is wanted at sites that cannot be served: it is told why."""
        due = _due(topology, sites, untold=True)
        count = 0
        last: object = START
        while sites and (page := await self._reader.due(topology.project, due, last, _PAGE)):
            for some in portions(page, _FILES):
                await self._tell(topology, some)
            count, last = count + len(page), page[-1].id
        return count

    async def _top_up(self, topology: Topology, site: str) -> int:
        """Dispatch what is wanted at a site while the queue has room; remember what is left."""
        at = (topology.project, site)
        count, last = 0, self._left.pop(at, START)
        if self._scheduler.is_paused(*at):
            return 0  # resuming asks for a scan
        due = _due(topology, topology.alternatives_of(site))
        self._left[at] = last
        while self._scheduler.is_open_for(*at):
            page = await self._reader.due(topology.project, due, last, _PAGE)
            for some in portions(page, _FILES):
                if not self._scheduler.is_open_for(*at):
                    return count
                await self._tell(topology, some)
                count, last = count + len(some), some[-1].id
                self._left[at] = last
            if len(page) < _PAGE:
                del self._left[at]
                break
        return count

    async def full(self, topology: Topology) -> int:
        """
        Dispatch what events may have missed, and return how many documents that were.

        Nothing is done while another process is doing so.
        """
        scan = FullScan(self._reader, topology, partial(self._tell, thorough=True))
        turn = in_turn(self._claims, f"scan of {topology.project}", patient=self.patient)
        async with turn as ours:
            if ours:
                await scan.run()
        return scan.found

    async def _tell(
        self, topology: Topology, some: Iterable[Found], *, thorough: bool = False
    ) -> None:
        await self._dispatch(
            Notice(Key(topology.project, found.id), Origin.SCAN, thorough) for found in some
        )


def _due(topology: Topology, sites: frozenset[str], *, untold: bool = False) -> Due:
    return Due(sites, topology.retry_count, untold)
