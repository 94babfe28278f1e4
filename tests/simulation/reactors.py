"""
Reactors and operators as simulated processes: production classes, put together as in production.

A reactor here has all parts of `reactor.app.Reactor` but its sources: what the change stream and
scans would tell, `_Source` tells, with no other promise than theirs – at least once, some time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import anyio
from bson import ObjectId
from pydantic import BaseModel
from pymongo.errors import PyMongoError

from handlers.table import HANDLERS
from providers.base import ProviderError
from providers.base import Setup as ProviderSetup
from reactor.app import Reactor, Setup
from reactor.clock import DatabaseClock
from reactor.events import Key, Notice, Origin
from reactor.judging.desk import Desk
from reactor.judging.places import Places
from reactor.model import Topology
from reactor.operators.claiming import claiming
from reactor.operators.copies import Copies
from reactor.operators.deletion import Deletion
from reactor.operators.site_edits import removing
from reactor.operators.sweep import Scope, Sweep
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.sites import Site, Sites, Throttle
from reactor.sources.haste import WAIT_SECONDS
from tests.simulation.database import Client
from tests.simulation.disk import Disk
from tests.simulation.provider import Provider
from tests.simulation.studio import AT, DATABASE, FOLDER, KINDS, PROJECT, STATE, Studio
from tests.simulation.world import Process

SCAN_SECONDS = 60.0


class _Options(BaseModel):
    """A simulated site has no settings."""


_NO_OPTIONS = _Options()
_ROOTS = {"work": FOLDER}
_UNLIMITED = Throttle(None)


def sites_of(studio: Studio, process: Process, own: str) -> Sites:
    """Return the sites as one process reaches them."""

    def make(name: str) -> Provider:
        features = KINDS[studio.kinds[name]]
        kind = Disk if features.local_paths else Provider
        setup = ProviderSetup(name, _ROOTS, _NO_OPTIONS)
        return kind(setup, studio.stores[name], process, features, studio.chunk)

    made = {
        name: Site(
            name,
            cast("Any", partial(make, name)),
            _UNLIMITED,
            own=name == own,
            roots=("work",),
        )
        for name in studio.kinds
    }
    return Sites(made, {})


class ReactorProcess(Process):
    """A process that serves as a site."""

    def __init__(self, studio: Studio, name: str, host: str, own: str) -> None:
        super().__init__(studio.world, name, host)
        self.studio = studio
        self.own = own
        self.reactor: Reactor | None = None
        self.source: _Source | None = None
        self.start(self._main())

    @property
    def is_idle(self) -> bool:
        """Whether nothing runs and nothing waits, be it because the process is gone."""
        if self.dead:
            return True
        if self.reactor is None:
            return False
        scheduler = self.reactor.scheduler
        return not scheduler.running and not len(scheduler.queue)

    async def _main(self) -> None:
        try:
            await self._serve()
        except PyMongoError as error:
            self.world.say(self.name, f"did not come up: {error}")

    async def _serve(self) -> None:
        client = Client(self.world.server, self)
        topologies = {PROJECT: self.studio.topologies[self.own]}
        setup = Setup(
            cast("Any", client),
            DATABASE,
            STATE,
            self.own,
            sites_of(self.studio, self, self.own),
            topologies.get,
            HANDLERS,
        )
        reactor = Reactor(setup)
        await self._prepare(reactor, client)
        self.reactor = reactor
        self.source = source = _Source(self.studio, reactor)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reactor.scheduler.run, reactor._workers)
            tasks.start_soon(reactor._endings.publish_all, reactor._workers)
            tasks.start_soon(reactor._endings.record_all, reactor._workers)
            tasks.start_soon(reactor._heart.run)
            if self.world.dice.random() < 0.1:
                tasks.start_soon(reactor._leftovers.run)
            else:
                tasks.start_soon(self._clear, reactor)
            tasks.start_soon(source.run)
            self.tasks = tasks

    async def _prepare(self, reactor: Reactor, client: Client) -> None:
        """Do what `Reactor._prepare` does, but for indexes, which nothing here depends on."""
        await reactor.clock.ask(cast("Any", client))
        await reactor._registry.beat({})
        reactor._claims.dead = await reactor._registry.dead()
        await reactor._registry.bury(reactor._claims.dead)

    async def _clear(self, reactor: Reactor) -> None:
        """Do at once what it does first, but for the walk through its own disk."""
        try:
            await reactor._leftovers.end_claims()
        except PyMongoError as error:
            self.world.say(self.name, f"nothing cleared away: {error}")

    def clear(self) -> None:
        """Let it clear away what others left, as it does each day."""

        async def clear(reactor: Reactor) -> None:
            await self._clear(reactor)
            for site in reactor.sites:
                await reactor._leftovers._sweep_site(site)
            try:
                await reactor._leftovers._end_stragglers()
            except PyMongoError as error:
                self.world.say(self.name, f"no stragglers looked for: {error}")

        if self.reactor is not None:
            self.kernel.spawn(clear(self.reactor), "clear")


class _Source:
    """Tells a router which documents to look at; of a process's own writes there is no haste."""

    def __init__(self, studio: Studio, reactor: Reactor) -> None:
        self._studio = studio
        self._dispatch = reactor._router.dispatch
        self._waiting: dict[Key, Notice] = {}
        self._echoes: dict[Key, Notice] = {}
        self._wake = anyio.Event()
        self.scan(thorough=True)

    def scan(self, *, thorough: bool = False) -> None:
        """Tell of all documents, as a scan does."""
        for name in self._studio.world.server.collections.get(AT, {}):
            self.tell(Notice(Key(PROJECT, name), Origin.SCAN, thorough))

    def tell(self, notice: Notice, *, is_own: bool = False) -> None:
        """Tell of one document, as soon as there is time for it."""
        waiting = self._echoes if is_own else self._waiting
        known = waiting.get(notice.key)
        waiting[notice.key] = notice if known is None else known.merged(notice)
        self._wake.set()

    async def run(self) -> None:
        """Tell for ever."""
        while True:
            if not self._waiting:
                self._wake = anyio.Event()
                patience = WAIT_SECONDS if self._echoes else SCAN_SECONDS
                with anyio.move_on_after(patience) as scope:
                    await self._wake.wait()
                if scope.cancelled_caught and not self._echoes:
                    self.scan()
                elif not (scope.cancelled_caught or self._waiting):
                    continue
            for echo in self._echoes.values():
                self.tell(echo)
            notices = [*self._waiting.values()]
            self._waiting, self._echoes = {}, {}
            try:
                await self._dispatch(notices)
            except PyMongoError:
                for notice in notices:
                    self.tell(notice)
                await anyio.sleep(1)


class OperatorProcess(Process):
    """`sitesync site remove SITE --representation ID --delete-files`, on the studio's machine."""

    def __init__(self, studio: Studio, name: str, site: str, document: ObjectId) -> None:
        super().__init__(studio.world, name, studio.hosts.get(site, "one"))
        self.studio = studio
        self._site = site
        self._document = document
        self.then: Callable[[], None] = lambda: None
        self.start(self._main())

    async def _main(self) -> None:
        try:
            await self._remove()
        except (PyMongoError, ProviderError) as error:
            self.world.say(self.name, f"failed: {error}")

    async def _remove(self) -> None:
        topology: Topology = self.studio.topologies["studio"]
        client = cast("Any", Client(self.world.server, self))
        database, state = client[DATABASE], client[STATE]
        clock = DatabaseClock()
        await clock.ask(client)
        sites = sites_of(self.studio, self, "studio")
        group = topology.alternatives_of(self._site)
        wish, scope = removing(self._site, group), Scope(PROJECT, (self._document,))
        site = sites.of(PROJECT, self._site)
        async with claiming(state, "studio") as claims:
            reader = Reader(database)
            deletion = Deletion(
                Desk(reader, Recorder(client, database, state), claims, clock),
                scope,
                wish,
                Copies(PROJECT, sites, site, group),
                Places(PROJECT, site, topology.roots),
            )
            sweep = Sweep(reader, deletion, lambda _: None, lambda: False)
            await sweep.run(scope, wish)
        self.world.say(self.name, f"done: {sweep.tally}")
        self.then()
