"""
Hands work to free workers of its destination, by priority, and keeps what runs in hand.

What the queue holds are names; losing all of it costs one scan. What a worker does with
names is in `reactor.workers`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import anyio
from anyio.abc import TaskGroup

from providers.base import SiteError
from reactor.claims import Claim
from reactor.clock import DatabaseClock
from reactor.commands import KeepTransfers, RequestTransfer
from reactor.events import Key, Origin
from reactor.jobs import Job
from reactor.load import Load
from reactor.model import DEFAULT_PRIORITY, FileRef, Work
from reactor.pauses import Pauses
from reactor.progress import Progress
from reactor.sites import Site, Sites
from reactor.workqueue import WorkQueue

SCANNED_PRIORITY = 0


@dataclass(slots=True)
class Running:
    """A claimed transfer. Once `ending`, it is no longer stopped: it publishes or records."""

    job: Job
    claim: Claim
    progress: Progress
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ending: bool = False


class Serve(Protocol):
    """What carries work out: takes names of one site, and ends each by `done` or `put_back`."""

    async def serve(self, site: Site, works: Sequence[Work], workers: TaskGroup) -> None:
        """Read, claim and start what is to be done; may return while transfers run."""
        ...


class Scheduler:
    """The queue's one taker."""

    def __init__(self, sites: Sites, clock: DatabaseClock, pauses: Pauses) -> None:
        self.queue = WorkQueue(self._label, lanes=sum(1 for _ in sites))
        self.running: dict[Work, Running] = {}
        self._of_document: dict[Key, set[Work]] = {}
        self._sites = sites
        self._clock = clock
        self._pauses = pauses
        self._loads = {site.label: Load() for site in sites}
        self._parked: set[Work] = set()
        self._elsewhere: set[Work] = set()
        self._wake = anyio.Event()
        self._changed = anyio.Event()
        self._accepting = True

    def __repr__(self) -> str:
        return f"<Scheduler {self.queue!r} running={len(self.running)} {self._loads}>"

    # What others ask for; none of it waits.

    def request(self, command: RequestTransfer, origin: Origin) -> None:
        """Queue a transfer; work that a scan found, and nobody ranked, comes last."""
        scanned = origin is Origin.SCAN
        priority = command.priority
        if priority is None:
            priority = SCANNED_PRIORITY if scanned else DEFAULT_PRIORITY
        self.queue.add(command.work, priority, self._monotonic(command.retry_at))
        if not scanned:
            self.queue.reprioritise(command.work, priority)
        self._wake.set()

    def stop(self, work: Work) -> None:
        """Forget waiting work, and stop it at the next chunk if it runs."""
        self.queue.discard(work)
        running = self.running.get(work)
        if running is not None and not running.ending:
            running.scope.cancel()

    def keep(self, kept: KeepTransfers) -> None:
        """Stop what runs for one document alone and is wanted by it no more."""
        for work in self._of_document.get(kept.key, set()) - kept.works:
            if all(_is_said_of(kept, ref) for ref in self.running[work].job.files):
                self.stop(work)

    def stop_paused(self) -> None:
        """Stop what runs and has been paused; the scan after resuming finds it again."""
        for work in [*self.running]:
            if self._pauses.covers(work.project, work.site):
                self.stop(work)

    # What workers tell.

    def done(self, work: Work) -> None:
        """Take note that work has ended, or that there was none to do."""
        self._leave(work)
        self.queue.done(work)

    def put_back(self, work: Work, at: datetime | None = None) -> None:
        """Let work wait until `at` (the database's time), or for its turn again."""
        self._leave(work)
        self.queue.put_back(work, self._monotonic(at))

    def park(self, works: Iterable[Work], at: float) -> None:
        """Let work wait until `at` (monotonic seconds) for a site, or for another process."""
        for work in works:
            self._leave(work)
            self._parked.add(work)
            self.queue.put_back(work, at)

    def park_elsewhere(self, works: Iterable[Work], at: float) -> None:
        """Let work wait until `at` whose place another process has claimed."""
        works = list(works)
        self._elsewhere.update(works)
        self.park(works, at)

    @property
    def waits_for_others(self) -> bool:
        """Return whether work waits whose place another process has claimed."""
        return any(work in self._elsewhere for work in self.queue.waiting())

    def is_coming(self, work: Work) -> bool:
        """Return whether work runs, or is about to: its site can be tried now."""
        now = time.monotonic()
        site = self._sites.find(work.project, work.site)
        return site is not None and not site.resting_until(now) and self.queue.is_due(work, now)

    def start(self, running: Running) -> None:
        """Take note of a transfer that has its claim."""
        self.running[running.job.work] = running
        self._loads[self._label(running.job.work)].started(running.job.size)
        for key in _documents(running):
            self._of_document.setdefault(key, set()).add(running.job.work)

    def ending(self, running: Running) -> None:
        """Take note that a transfer is no longer stopped: the next may be handed out."""
        if not running.ending:
            running.ending = True
            self.load(self._label(running.job.work)).ending += 1
            self._wake.set()

    def begun(self, site: Site, transfers: int) -> None:
        """Take note that so many transfers wait for a seat at a site: more may be handed out."""
        self.load(site.label).pace.begun(transfers, site.transfers, time.monotonic())
        self._wake.set()

    def over(self, site: Site) -> None:
        """Take note that a transfer has given its seat back."""
        self.load(site.label).pace.over(site.transfers, time.monotonic())
        self._wake.set()

    def load(self, label: str) -> Load:
        """Return what a site has on its hands, by its label."""
        return self._loads[label]

    def suspend(self, error: SiteError, work: Work) -> float:
        """
        Let the site at fault rest, and return until when (monotonic seconds).

        That is the work's destination, unless the error says that it was its source.
        """
        return self._sites.suspend(self._sites.of(work.project, error.site or work.site), error)

    # How it goes on.

    async def run(self, serve: Serve) -> None:
        """Hand out work, for ever."""
        async with anyio.create_task_group() as workers:
            while True:
                self._wake = anyio.Event()
                if self._accepting:
                    self._hand_out(serve, workers)
                self._changed.set()
                self._changed = anyio.Event()
                with anyio.move_on_after(self._until_next()):
                    await self._wake.wait()

    @property
    def is_idle(self) -> bool:
        """Return whether nothing runs, and nothing waits for a site that can be tried."""
        now = time.monotonic()
        return not self._is_serving and not any(
            self._room(site, now)
            for label in self.queue.lanes(now)
            if (site := self._sites.labelled(label))
        )

    async def wait_idle(self) -> None:
        """Return when nothing runs, and all that waits does so for a site or another process."""
        while not self.is_idle or any(map(self._could_go_on, self.queue.waiting())):
            await self._changed.wait()

    def _could_go_on(self, work: Work) -> bool:
        """Return whether work waits for nothing but its turn."""
        return work not in self._parked and not self.is_resting(self._label(work))

    def lane(self, project: str, name: str) -> str:
        """Return the lane of the queue in which work for a site waits: the site's label."""
        return self._sites.of(project, name).label

    def is_resting(self, lane: str) -> bool:
        """Return whether nothing can be brought there now: the site is suspended."""
        site = self._sites.labelled(lane)
        return site is None or site.resting_until(time.monotonic()) is not None

    def is_open(self, lane: str) -> bool:
        """Return whether scans of any project may add more to a lane of the queue."""
        return self.queue.has_room(lane) and not self.is_resting(lane)

    def is_open_for(self, project: str, site: str) -> bool:
        """Return whether a scan of a project may add more work for a site: its part, at least."""
        lane = self.lane(project, site)
        return self.queue.has_room_for(lane, project) and not self.is_resting(lane)

    def is_paused(self, project: str, name: str) -> bool:
        """Return whether transfers of a project to a site are paused."""
        return self._pauses.covers(project, name)

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when something holds of the queue, or of what runs."""
        while not holds():
            await self._changed.wait()

    async def drain(self, grace: float) -> None:
        """Hand out nothing more; let what runs end for so many seconds, then stop it."""
        self._accepting = False
        with anyio.move_on_after(grace):
            await self._all_ended()
        for running in [*self.running.values()]:
            if not running.ending:
                running.scope.cancel()
        with anyio.move_on_after(grace):
            await self._all_ended()

    async def _all_ended(self) -> None:
        while self._is_serving:
            await self._changed.wait()

    @property
    def _is_serving(self) -> bool:
        return any(load.taken for load in self._loads.values())

    def _hand_out(self, serve: Serve, workers: TaskGroup) -> None:
        now = time.monotonic()
        for label in self.queue.lanes(now):
            site = self._sites.labelled(label)
            while site is not None and (works := self._next(site, now)):
                self._loads[label].taken += len(works)
                workers.start_soon(serve.serve, site, works, workers)

    def _next(self, site: Site, now: float) -> list[Work]:
        """Return the names that a site is handed next; what is paused is forgotten."""
        works: list[Work] = []
        while not works and (taken := self.queue.take(site.label, self._room(site, now), now)):
            for work in taken:
                self._parked.discard(work)
                self._elsewhere.discard(work)
                if self._pauses.covers(work.project, work.site):
                    self.queue.done(work)
                else:
                    works.append(work)
        return works

    def _room(self, site: Site, now: float) -> int:
        """Return how many names a site may be handed now."""
        load = self._loads[site.label]
        if site.resting_until(now):
            return 0
        if site.suspension is not None:  # one attempt tells whether it is back
            return 0 if load.taken else 1
        return load.room(site.transfers)

    def _label(self, work: Work) -> str:
        site = self._sites.find(work.project, work.site)
        return site.label if site else work.site

    def _leave(self, work: Work) -> None:
        running = self.running.pop(work, None)
        load = self._loads[self._label(work)]
        load.taken -= 1
        if running is not None:
            load.left(running.job.size, ending=running.ending)
        for key in _documents(running) if running else ():
            self._of_document[key].discard(work)
            if not self._of_document[key]:
                del self._of_document[key]
        self._wake.set()

    def _monotonic(self, at: datetime | None) -> float:
        """Return the database's time on our monotonic clock."""
        if at is None:
            return 0.0
        return time.monotonic() + (at - self._clock.now()).total_seconds()

    def _until_next(self) -> float | None:
        """Return the seconds until something waiting can be handed out without being woken."""
        now = time.monotonic()
        rests = [site.resting_until(now) for site in self._sites]
        times = [at for at in (self.queue.next_time(), *rests) if at is not None]
        return max(0.0, min(times) - now) if times else None


def _documents(running: Running) -> set[Key]:
    """Return the documents that want what runs."""
    return {Key(ref.project, ref.representation) for ref in running.job.files}


def _is_said_of(kept: KeepTransfers, ref: FileRef) -> bool:
    """Return whether what is kept of a document speaks of this element of it."""
    same_document = (ref.project, ref.representation) == kept.key
    return same_document and (kept.positions is None or ref.position in kept.positions)
