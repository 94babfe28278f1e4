"""
The reactor as a whole: what is opened, started, and stopped, in which order.

Open the stream first, then scan: what happens between the two is seen by both, and nothing
by neither.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import anyio
import structlog
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from providers.base import ProviderError
from reactor.claims import Claims
from reactor.clock import DatabaseClock
from reactor.database import patiently
from reactor.endings import Endings
from reactor.heart import Heart
from reactor.judging.desk import Desk
from reactor.leftovers import Leftovers
from reactor.model import Topology
from reactor.pauses import Pauses
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.registry import Registry
from reactor.results import Results
from reactor.router import Handler, Router
from reactor.scheduler import Scheduler
from reactor.sites import Site, Sites
from reactor.sources.change_stream import ChangeStream, Cursor, Forgetful, Told
from reactor.sources.haste import Haste
from reactor.sources.pauses import follow_pauses
from reactor.sources.scan import Scans
from reactor.sources.service_changes import Turns
from reactor.spaces import Spaces
from reactor.tasks import then_cancel
from reactor.watching.watches import Watches
from reactor.workers import ELSEWHERE_SECONDS, Serving, Workers

log = structlog.stdlib.get_logger()

GRACE_SECONDS = 10.0
_ATTEMPTS_KEPT_SECONDS = 30 * 24 * 3600


@dataclass(frozen=True)
class Setup:
    """
    What a reactor is made of. `topology_of` is None for projects not served.

    That it `relays` is told to others; what follows from it is in the topologies.
    """

    client: AsyncMongoClient[dict[str, Any]]
    database: str
    state_database: str
    own_site: str
    sites: Sites
    topology_of: Callable[[str], Topology | None]
    handlers: Sequence[Handler]
    relays: bool = False


class Reactor:
    """One process's reactor. Made, run once, and gone."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self.sites = setup.sites
        client = setup.client
        self._database = client[setup.database]
        self._state = client[setup.state_database]
        self.clock = DatabaseClock()
        labels = [site.label for site in setup.sites]
        self._registry = Registry(self._state, setup.own_site, sites=labels, relays=setup.relays)
        self._reader = Reader(self._database)
        self._claims = Claims(self._state["claims"], self._registry.process)
        self._recorder = Recorder(client, self._database, self._state)
        self._pauses = Pauses()
        self.scheduler = Scheduler(setup.sites, self.clock, self._pauses)
        self._endings = Endings(self._recorder, self._claims, setup.sites, self.clock)
        serving = Serving(setup.sites, setup.topology_of, self.clock)
        self._workers = Workers(self.scheduler, self._reader, self._claims, self._endings, serving)
        self._router = Router(
            self._reader, self._recorder, self.scheduler, setup.handlers, setup.topology_of
        )
        self.scans = Scans(
            self._reader, self._router.dispatch, self.scheduler, self._claims, setup.topology_of
        )
        self._leftovers = Leftovers(self._reader, self._claims, serving, self._state["cursors"])
        self._heart = Heart(
            self._registry, self._claims, self._recorder, self.scheduler, setup.sites
        )
        self.watches = Watches(
            Desk(self._reader, self._recorder, self._claims, self.clock),
            setup.sites,
            setup.topology_of,
            self.scheduler.running,
            serving.published,
        )
        self._heart.watches = self.watches.as_documents
        self._spaces = Spaces(setup.sites)
        self._heart.spaces = self._spaces.as_documents

    async def run(self, *, until_idle: bool, stop: anyio.Event) -> None:
        """Serve until `stop` is set, or until there is nothing left to do now."""
        await patiently(self._prepare)
        cursor = Cursor(self._state["cursors"], await patiently(self._registry.cursor))
        await self._run(cursor, stop, until_idle=until_idle)

    async def reconcile(self, stop: anyio.Event) -> None:
        """
        Look at everything once, serve until there is nothing left to do, or `stop` is set.

        No place in the stream is kept or taken over: history before now is not asked for.
        """
        await patiently(self._prepare)
        self.scans.patient = True
        await self._run(Forgetful(), stop, until_idle=True)

    async def _run(
        self, cursor: Cursor | Forgetful, stop: anyio.Event, *, until_idle: bool
    ) -> None:
        told = Told(
            history_lost=lambda: self.scans.request(full=True),
            project_gone=self.scheduler.queue.discard_project,
        )
        haste = Haste(self._recorder.is_own, self._heart.first_to_look)
        stream = ChangeStream(self._database, cursor, self._router.dispatch, told, haste)
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.scheduler.run, self._workers)
                tasks.start_soon(self._endings.publish_all, self._workers)
                tasks.start_soon(self._endings.record_all, self._workers)
                tasks.start_soon(self._heart.run)
                for site in self._setup.sites:
                    tasks.start_soon(_open_early, site)
                async with anyio.create_task_group() as sources:
                    turns = Turns(self._claims, self._state["cursors"], self._setup.own_site)
                    await sources.start(
                        follow_pauses, self._state["pauses"], self._pauses, self._pauses_changed
                    )
                    await sources.start(stream.run)
                    settings = await patiently(self._settings)
                    knows = await patiently(partial(cursor.knows, settings))
                    self.scans.request(full=not knows)
                    sources.start_soon(self.scans.run)
                    sources.start_soon(self._keep_settings, cursor, settings)
                    sources.start_soon(self._leftovers.run)
                    sources.start_soon(self._spaces.run)
                    if not until_idle:
                        sources.start_soon(self.watches.run, self._registry.process, turns)
                    log.info(
                        "serving",
                        site=self._setup.own_site,
                        sites=sorted(site.label for site in self._setup.sites),
                    )
                    await self._served(stop, until_idle=until_idle)
                    sources.cancel_scope.cancel()
                await self.scheduler.drain(GRACE_SECONDS)
                tasks.cancel_scope.cancel()
        finally:
            await self._leave(stream)

    @property
    def results(self) -> Results:
        """Return what became of transfers so far."""
        return self._endings.results

    @property
    def has_failures(self) -> bool:
        """Return whether something failed and was not made good, or waits for a site."""
        return bool(self._workers.failed) or len(self.scheduler.queue) > 0

    async def _served(self, stop: anyio.Event, *, until_idle: bool) -> None:
        if not until_idle:
            await stop.wait()
            return
        async with anyio.create_task_group() as waits:
            waits.start_soon(then_cancel, stop.wait, waits.cancel_scope)
            waits.start_soon(then_cancel, self._idle, waits.cancel_scope)

    async def _idle(self) -> None:
        """
        Return when nothing is left to do now: two scans in a row led to no transfer's end.

        What a site is out of reach for is asked for by each scan. What another process claims is
        asked for once more, later: one that was killed just now is not known to be dead.
        """
        await self._leftovers.settled()
        quiet, patience = 0, ELSEWHERE_SECONDS + 1
        while quiet < 2:
            before = self.results.recorded
            await self.scans.settled()
            await self.scheduler.wait_idle()
            quiet = quiet + 1 if self.results.recorded == before else 0
            if quiet == 2 and patience and self.scheduler.waits_for_others:
                await anyio.sleep(patience)
                quiet, patience = 0, 0.0
            self.scans.request()

    async def _settings(self) -> str:
        """Return a digest of what settings ask for: where they differ, entries may be missing."""
        projects = await self._reader.projects()
        asked = [topology.asks for name in projects if (topology := self._setup.topology_of(name))]
        return hashlib.blake2b(repr(asked).encode(), digest_size=8).hexdigest()

    async def _keep_settings(self, cursor: Cursor | Forgetful, settings: str) -> None:
        await self.scans.settled()
        await patiently(partial(cursor.keep, settings))

    async def _prepare(self) -> None:
        await self.clock.ask(self._setup.client)
        await self._registry.register(self._recorder.session_id)
        await self._heart.look_around()
        await self._claims.stragglers.prepare()
        await self._state["attempts"].create_index("at", expireAfterSeconds=_ATTEMPTS_KEPT_SECONDS)
        for project in await self._reader.projects():
            if self._setup.topology_of(project) is None:
                continue
            if problem := await self._reader.make_indexes(project):
                log.warning("no index; scans are slow", project=project, why=problem)

    def _pauses_changed(self, resumed: bool) -> None:  # noqa: FBT001 - told by the pause stream
        self.scheduler.stop_paused()
        if resumed:
            self.scans.request()

    async def _leave(self, stream: ChangeStream) -> None:
        """Give up what is held and save the place in the stream, whatever ended the run."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(GRACE_SECONDS):
            try:
                left = [claim for site in self.sites for claim in site.provider.left_at_work]
                await self._claims.give_up_all(but=left)
                await stream.save()
                await self._registry.leave()
            except PyMongoError as error:
                log.warning("left without saying so; leases will tell", why=str(error)[:200])
            await self._recorder.aclose()


async def _open_early(site: Site) -> None:
    """Spare the first file the login; a site that is out of reach is told when it is needed."""
    with contextlib.suppress(ProviderError):
        await site.open()
