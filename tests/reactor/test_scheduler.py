"""What the scheduler hands out, and when: the next bundle while the last only waits for its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from uuid import uuid4

import anyio
import pytest
from anyio.abc import TaskGroup

from providers.base import Location, Provider, Setup
from providers.memory import KIND, MemoryOptions
from reactor.claims import Claim, Place
from reactor.clock import DatabaseClock
from reactor.commands import RequestTransfer
from reactor.events import Origin
from reactor.jobs import Job
from reactor.load import BATCH
from reactor.model import Work
from reactor.pauses import Pauses
from reactor.progress import Progress
from reactor.scheduler import Running, Scheduler
from reactor.sites import Site, Sites, Throttle

COUNT = 3 * BATCH


def provider() -> Provider:
    options = MemoryOptions(store=uuid4().hex)
    return KIND.make(Setup("vendor", {"work": "/work"}, options))


def running(work: Work) -> Running:
    where = Location("work", work.path)
    job = Job(work, where, frozenset({work.site}), (), None, 0, 3)
    claim = Claim(Place(work.path, work.project, work.site, "work", work.path), work.path)
    return Running(job, claim, Progress(work, time.monotonic()))


class Notebook:
    """Starts what it is handed, each as a transfer of its own, and does no more."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.started: list[Running] = []
        self.site: Site

    async def serve(self, site: Site, works: Sequence[Work], workers: TaskGroup) -> None:  # noqa: ARG002 - as it is called
        self.site = site
        for work in works:
            self.started.append(running(work))
            self._scheduler.start(self.started[-1])
        self._scheduler.begun(site, len(works))

    def end(self, running: Running) -> None:
        """Let a transfer give its seat back; it waits to be published and recorded."""
        self._scheduler.over(self.site)
        self._scheduler.ending(running)


@pytest.fixture
async def scheduler() -> Scheduler:
    sites = Sites({"vendor": Site("vendor", provider, Throttle(None))}, {})
    scheduler = Scheduler(sites, DatabaseClock(), Pauses())
    for number in range(COUNT):
        work = Work("Show", "vendor", f"x.{number}.exr")
        scheduler.request(RequestTransfer(work, None, None), Origin.STREAM)
    return scheduler


async def test_more_is_handed_out_once_what_runs_only_waits_for_its_ending(
    scheduler: Scheduler,
) -> None:
    notebook = Notebook(scheduler)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scheduler.run, notebook)
        await anyio.wait_all_tasks_blocked()
        first = [*notebook.started]

        for one in first:
            notebook.end(one)
        await anyio.wait_all_tasks_blocked()

        assert 0 < len(first) < BATCH
        assert len(notebook.started) == len(first) + BATCH
        tasks.cancel_scope.cancel()


async def test_what_waits_to_be_recorded_is_bounded_while_no_record_can_be_written(
    scheduler: Scheduler,
) -> None:
    for number in range(10 * BATCH):
        work = Work("Show", "vendor", f"y.{number}.exr")
        scheduler.request(RequestTransfer(work, None, None), Origin.STREAM)
    notebook = Notebook(scheduler)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scheduler.run, notebook)
        ended = -1
        while ended < len(notebook.started):
            ended = len(notebook.started)
            for one in notebook.started:
                if not one.ending:
                    notebook.end(one)
            await anyio.wait_all_tasks_blocked()

        assert 2 * BATCH < ended <= 5 * BATCH
        assert len(scheduler.queue) == COUNT + 10 * BATCH - ended
        for one in notebook.started[:ended]:
            scheduler.done(one.job.work)
        await anyio.wait_all_tasks_blocked()

        assert len(notebook.started) > ended
        tasks.cancel_scope.cancel()


async def test_what_a_site_has_on_its_hands_is_nothing_in_the_end(scheduler: Scheduler) -> None:
    notebook = Notebook(scheduler)
    load = scheduler.load("vendor")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(scheduler.run, notebook)
        ended = 0
        while ended < COUNT:
            await anyio.wait_all_tasks_blocked()
            for one in notebook.started[ended:]:
                notebook.end(one)
                scheduler.ending(one)  # twice: it counts once
                scheduler.done(one.job.work)
                ended += 1
        tasks.cancel_scope.cancel()

    assert (load.taken, load.running, load.size, load.ending) == (0, 0, 0, 0)
    assert load.pace.in_hand == 0
    assert scheduler.is_idle
