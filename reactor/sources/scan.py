"""
Scans find what no event told. They enter by the same door as the stream, and rank last.

The unfinished scan asks the index for what is wanted at served sites; the full scan looks
at every representation, one process a project at a time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable

import anyio
import structlog
from pymongo.errors import PyMongoError

from reactor.backoff import RECONNECT
from reactor.claims import Claims, Place
from reactor.events import Key, Notice, Origin
from reactor.model import Topology
from reactor.reader import Reader
from reactor.router import Router
from reactor.scheduler import Scheduler

log = structlog.stdlib.get_logger()

PAGE = 100


class Scans:
    """The scans of one process: at start, on a timer, on request, after lost history."""

    def __init__(
        self,
        reader: Reader,
        router: Router,
        scheduler: Scheduler,
        claims: Claims,
        topology_of: Callable[[str], Topology | None],
    ) -> None:
        self._reader = reader
        self._router = router
        self._scheduler = scheduler
        self._claims = claims
        self._topology_of = topology_of
        self._full_wanted = False
        self._due: dict[str, float] = {}
        self._wake = anyio.Event()
        self._rested = anyio.Event()

    def request(self, *, full: bool = False) -> None:
        """Ask for a scan of all projects, soon."""
        self._full_wanted = self._full_wanted or full
        self._due.clear()
        self._rested = anyio.Event()
        self._wake.set()

    async def settled(self) -> None:
        """Return when all requested scans have been carried out."""
        await self._rested.wait()

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
            if self._wake.is_set():
                continue
            self._rested.set()
            next_due = min(self._due.values(), default=time.monotonic() + 60)
            with anyio.move_on_after(max(0.0, next_due - time.monotonic())):
                await self._wake.wait()

    async def refill(self) -> None:
        """Ask for a scan whenever what fell out of the queue may come back, for ever."""
        while True:
            await self._scheduler.wait_refill()
            self.request()

    async def _pass(self) -> None:
        full, self._full_wanted = self._full_wanted, False
        try:
            for project in await self._reader.projects():
                topology = self._topology_of(project)
                if topology is not None and (full or self._is_due(project)):
                    await self._scan(topology, full=full)
                    self._due[project] = time.monotonic() + topology.interval
        except PyMongoError:
            self._full_wanted = self._full_wanted or full
            raise

    def _is_due(self, project: str) -> bool:
        return self._due.get(project, 0.0) <= time.monotonic()

    async def _scan(self, topology: Topology, *, full: bool) -> None:
        started = time.monotonic()
        found = await self.full(topology) if full else await self.unfinished(topology)
        log.debug(
            "scan",
            project=topology.project,
            full=full,
            found=found,
            ms=round((time.monotonic() - started) * 1000, 1),
        )

    async def unfinished(self, topology: Topology) -> int:
        """Dispatch what is wanted at served sites, and return how many documents that were."""
        count = 0
        for site in sorted(topology.together(topology.served)):
            after: object | None = None
            while page := await self._reader.wanted(topology.project, site, after, PAGE):
                await self._dispatch(topology.project, page, thorough=False)
                count, after = count + len(page), page[-1]
        return count

    async def full(self, topology: Topology) -> int:
        """Dispatch every representation, unless another process is doing so."""
        place = Place(f"scan of {topology.project}", topology.project, "", "", "")
        claim = (await self._claims.take([place])).get(place.key)
        if claim is None:
            return await self.unfinished(topology)
        count = 0
        after: object | None = None
        try:
            while page := await self._reader.all(topology.project, after, PAGE):
                await self._dispatch(topology.project, page, thorough=True)
                count, after = count + len(page), page[-1]
        finally:
            with anyio.CancelScope(shield=True), anyio.move_on_after(5):
                await self._claims.release([claim])
        return count

    async def _dispatch(self, project: str, page: Iterable[object], *, thorough: bool) -> None:
        """Top the queue up, never flood it."""
        await self._scheduler.wait_for_room()
        await self._router.dispatch(
            Notice(Key(project, document), Origin.SCAN, thorough) for document in page
        )
