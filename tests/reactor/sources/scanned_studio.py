"""A project, its queue and its scans, with hands in place of workers."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from handlers.table import HANDLERS
from providers.base import Setup, SiteError
from providers.memory import KIND
from reactor.claims import Claims
from reactor.clock import DatabaseClock
from reactor.events import Notice
from reactor.model import Topology, Work
from reactor.pauses import Pauses
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.router import Router
from reactor.scheduler import Scheduler
from reactor.sites import Site, Sites, Throttle
from reactor.sources.scan import Scans
from reactor.workqueue import WorkQueue

Document = dict[str, Any]
NAMES = ("studio", "vendor", "drive")
PROJECT = "Show"
LIMIT = 600
SHARE = LIMIT // 2 // len(NAMES)
PATIENCE = 20.0


@dataclass
class Hands:
    """Brings whatever it is handed, or finds the site suspended; `brought` tells what."""

    documents: Any
    scheduler: Scheduler
    suspended: set[str] = field(default_factory=set[str])
    busy: bool = False
    brought: list[Work] = field(default_factory=list[Work])

    async def serve(self, site: Site, works: Sequence[Work], workers: TaskGroup) -> None:  # noqa: ARG002 - as Serve says
        if site.name in self.suspended:
            error = SiteError("unreachable", "gone", retry_after=1_000)
            self.scheduler.park(works, self.scheduler.suspend(error, works[0]))
            return
        if self.busy:
            await anyio.sleep_forever()
        for work in works:
            change = {"$set": {"files.$.sites.$[s].created_dt": 1}}
            await self.documents.update_one(
                {"files.path": work.path}, change, array_filters=[{"s.name": work.site}]
            )
            self.brought.append(work)
            self.scheduler.done(work)


class Studio:
    """Three sites in memory, a queue with room for few names, and the scans that fill it."""

    def __init__(
        self, client: AsyncMongoClient[Document], database: AsyncDatabase[Document], process: str
    ) -> None:
        self.database = database
        self.documents = database[PROJECT]
        self.noticed: list[Notice] = []
        self.topology = Topology(
            project=PROJECT,
            own="studio",
            served=NAMES,
            alternatives={name: [] for name in NAMES},
            reachable=frozenset(NAMES),
        )
        made = {name: Site(name, partial(_provider, name), Throttle(None)) for name in NAMES}
        self.pauses = Pauses()
        self.scheduler = Scheduler(Sites(made, {}), DatabaseClock(), self.pauses)
        label = self.scheduler._label
        self.scheduler.queue = WorkQueue(label, limit=LIMIT, lanes=len(NAMES))
        self.hands = Hands(self.documents, self.scheduler)
        self.reader = Reader(database)
        state = client[f"{database.name}_state"]
        self.claims = Claims(state["claims"], process)
        recorder = Recorder(client, database, state)
        self.router = Router(self.reader, recorder, self.scheduler, HANDLERS, self.topology_of)
        self.scans = Scans(
            self.reader, self.dispatch, self.scheduler, self.claims, self.topology_of
        )

    def topology_of(self, project: str) -> Topology | None:
        return self.topology if project == PROJECT else None

    async def dispatch(self, notices: Iterable[Notice]) -> None:
        some = list(notices)
        self.noticed += some
        await self.router.dispatch(some)

    @property
    def seen(self) -> list[object]:
        """The documents that scans dispatched, in that order."""
        return [notice.key.representation for notice in self.noticed]

    async def publish(self, ids: Iterable[int], *sites: str, files: int = 1) -> None:
        """Insert representations that are available at the studio and wanted at some sites."""
        entries = [{"name": "studio", "created_dt": 1}, *({"name": site} for site in sites)]
        documents = [
            {
                "_id": number,
                "type": "representation",
                "files": [
                    {"path": f"{{root[work]}}/{number}.{frame}", "sites": entries}
                    for frame in range(files)
                ],
            }
            for number in ids
        ]
        await self.documents.insert_many(documents)

    @asynccontextmanager
    async def scanning(self) -> AsyncGenerator[None]:
        """Scan and serve until the block ends."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.scheduler.run, self.hands)
            tasks.start_soon(self.scans.run)
            with anyio.fail_after(PATIENCE):
                yield
            tasks.cancel_scope.cancel()

    async def until_seen(self, count: int) -> None:
        """Wait until so many documents were dispatched."""
        deadline = time.monotonic() + PATIENCE
        while len(self.noticed) < count:
            assert time.monotonic() < deadline, self.seen
            await anyio.sleep(0.01)


def _provider(name: str) -> Any:
    return KIND.make(Setup(name, {"work": name}, KIND.options()))
