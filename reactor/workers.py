"""
What a worker does with names: claim, read, transfer, hand over the ending.

A failure of the site puts work back and lets the site rest; a failure of the file is an
ending; whatever a provider raises beyond that is contained as the file's failure.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import anyio
import structlog
from anyio.abc import TaskGroup
from pymongo.errors import PyMongoError

from providers.base import (
    FileError,
    Location,
    Marker,
    PermanentFileError,
    ProviderError,
    RevokedError,
    SiteError,
)
from reactor.bundling import Started, bundles, share, stage_together
from reactor.claims import Claim, Claims, Journal, Place
from reactor.clock import DatabaseClock
from reactor.documents import parse_path
from reactor.endings import Endings
from reactor.finished import Finished
from reactor.jobs import Job, Postponed, jobs_of
from reactor.load import Load
from reactor.model import Topology, Work
from reactor.outcomes import NotNowError, Outcome, Staged
from reactor.progress import Progress
from reactor.reader import Reader
from reactor.scheduler import Running, Scheduler
from reactor.sites import Site, Sites, seats
from reactor.transfer import Transfer
from reactor.watching.published import Published

log = structlog.stdlib.get_logger()

ELSEWHERE_SECONDS = 10.0
_DATABASE_SECONDS = 2.0
_GIVE_UP_SECONDS = 5.0
_COMES_SECONDS = 10.0
_NOT_NOW_SECONDS = 1.0


@dataclass(frozen=True)
class Serving:
    """What this process serves: its sites, each project's topology (None: not served), the time."""

    sites: Sites
    topology_of: Callable[[str], Topology | None]
    clock: DatabaseClock
    published: Published = field(default_factory=Published)


class Workers:
    """Carries out what the scheduler hands out, and tells it what became of it."""

    def __init__(
        self,
        scheduler: Scheduler,
        reader: Reader,
        claims: Claims,
        endings: Endings,
        serving: Serving,
    ) -> None:
        self._scheduler = scheduler
        self._reader = reader
        self._claims = claims
        self._endings = endings
        self._sites = serving.sites
        self._topology_of = serving.topology_of
        self._clock = serving.clock
        self._published = serving.published
        self.failed: set[Work] = set()

    async def serve(self, site: Site, works: Sequence[Work], workers: TaskGroup) -> None:
        """Claim what is still to be done of some works, and start it."""
        open_works = dict.fromkeys(works)
        load = self._scheduler.load(site.label)
        try:
            with load.expecting(await self._look_ahead(site, load, open_works)):
                await self._begin(site, open_works, workers)
            self._scheduler.park_elsewhere(open_works, time.monotonic() + ELSEWHERE_SECONDS)
        except SiteError as error:
            self._scheduler.park(open_works, self._scheduler.suspend(error, works[0]))
            await self._tell_of(error, [*open_works])
        except PyMongoError as error:
            log.warning("database does not answer", why=str(error)[:200], waiting=len(open_works))
            self._scheduler.park(open_works, time.monotonic() + _DATABASE_SECONDS)

    async def _begin(self, site: Site, open_works: dict[Work, None], workers: TaskGroup) -> None:
        """Claim works, and begin what is to be done; what another process has stays open."""
        places = await self._places(site, open_works)
        started: list[Started] = []
        for job, claim in await self._to_do(site, places, open_works):
            del open_works[job.work]
            running = Running(job, claim, Progress(job.work, time.monotonic()))
            self._scheduler.start(running)
            started.append(Started(running, self._made(running)))
        together = [*bundles(started, site.provider.features.bundle)]
        self._scheduler.begun(site, len(together))
        for bundle in together:
            workers.start_soon(self._transfer_bundle, site, bundle)

    async def _look_ahead(self, site: Site, load: Load, open_works: dict[Work, None]) -> float:
        """
        Where there is more than can begin at once, take out what is not to be claimed now.

        Claiming far ahead would keep it from other reactors. Returns how many transfers are left.
        A few names are claimed unseen, sooner than they are read.
        """
        if len(open_works) <= site.transfers:
            return 0.0
        found = await self._read([*open_works])
        size, transfers = 0, 0.0
        for work, job in [(work, self._job_now(site, work, one)) for work, one in found.items()]:
            if job is not None and not load.has_enough(transfers, size, site.transfers):
                size += job.size
                transfers += share(job.size, site.provider.features.bundle)
                continue
            del open_works[work]
            if job is not None:
                self._scheduler.put_back(work)
        return transfers

    def _job_now(self, site: Site, work: Work, found: Job | Postponed | None) -> Job | None:
        """Return what is to be done now; what is not goes back, or has come to its end."""
        if isinstance(found, Job):
            if not self._comes_here_first(site, found):
                return found
            self._scheduler.park([work], time.monotonic() + _COMES_SECONDS)
        elif found is None:
            self._scheduler.done(work)
        else:
            self._scheduler.put_back(work, found.until)
        return None

    async def _tell_of(self, error: SiteError, works: Sequence[Work]) -> None:
        """Tell the entries of some works why nothing comes there."""
        try:
            found = (await self._read(works)).values()
        except PyMongoError as problem:
            log.debug("not told in documents", why=str(problem)[:200])
            return
        await self._endings.tell_site_error([job for job in found if isinstance(job, Job)], error)

    async def _read(self, works: Sequence[Work]) -> dict[Work, Job | Postponed | None]:
        """Read the state again, in one query a project."""
        jobs: dict[Work, Job | Postponed | None] = dict.fromkeys(works)
        for project in dict.fromkeys(work.project for work in works):
            topology = self._topology_of(project)
            if topology is None:
                continue
            mine = [work for work in works if work.project == project]
            found = await self._reader.at_paths(project, [work.path for work in mine])
            jobs.update(jobs_of(mine, found, topology, self._clock.now()))
        return jobs

    async def _places(self, site: Site, works: Iterable[Work]) -> list[tuple[Work, Place]]:
        """Return where the bytes of each work go; without its root's marker no site is served."""
        located = [(work, Location(*parse_path(work.path))) for work in works]
        roots = {where.root for _, where in located}
        markers = {root: await _marker(site, root) for root in roots}
        return [
            (work, _place(work.project, site, where, markers[where.root]))
            for work, where in located
        ]

    async def _to_do(
        self, site: Site, places: Sequence[tuple[Work, Place]], open_works: dict[Work, None]
    ) -> list[tuple[Job, Claim]]:
        """
        Claim places, and return what there is to do there; another process has the rest.

        The state is read now that nobody else can publish there: before, another may have
        brought a later version, and of the earlier one a source may be left, which must not
        be put over what is marked already.
        """
        claims = await self._claims.take([place for _, place in places])
        claimed = {
            work: claim
            for work, place in places
            # A claim is handed out once: a second name of the same place waits for the first.
            if (claim := claims.pop(place.key, None))
        }
        to_do: list[tuple[Job, Claim]] = []
        idle: list[Claim] = []
        for work, found in (await self._read([*claimed])).items():
            if job := self._job_now(site, work, found):
                to_do.append((job, claimed[work]))
            else:
                del open_works[work]
                idle.append(claimed[work])
        await self._claims.release([claim for claim in idle if not claim.former])
        await self._claims.give_up([claim for claim in idle if claim.former])
        return to_do

    def _comes_here_first(self, site: Site, job: Job) -> bool:
        """
        Return whether a file for a remote site is just being brought to the own one.

        From there it goes on: it is not read twice from afar.
        """
        project = job.work.project
        topology = self._topology_of(project)
        if site.own or topology is None or not job.sources:
            return False
        if any(map(topology.is_own, job.sources)):
            return False
        return self._scheduler.is_coming(Work(project, topology.own, job.work.path))

    def _made(self, running: Running) -> Transfer:
        return Transfer(running.job, running.claim, self._sites, self._journal, running.progress)

    async def _transfer_bundle(self, site: Site, bundle: Sequence[Started]) -> None:
        """Carry out what counts as one transfer, from waiting for a seat to giving it back."""
        try:
            await self._transfer_together(site, bundle)
        finally:
            self._scheduler.over(site)

    async def _transfer_together(self, site: Site, bundle: Sequence[Started]) -> None:
        """Carry out what counts as one transfer at its sites: a file, or some small ones."""
        source = bundle[0].transfer.relay_source
        held = (site,) if source is None else (site, source)
        async with seats(*held), anyio.create_task_group() as together:
            waiting = [one for one in bundle if not one.running.scope.cancel_called]
            for one in waiting:
                one.transfer.seated = source
            unsure = await stage_together([one.transfer for one in waiting])
            await self._expect_late([transfer.claim for transfer in unsure])
            for running, transfer in bundle:
                if transfer.staged is None or running.scope.cancel_called:
                    together.start_soon(self._transfer, site, running, transfer)
                else:
                    self._staged(running, transfer.staged)

    def _staged(self, running: Running, staged: Staged) -> None:
        """Hand over what was staged together with others."""
        self._scheduler.ending(running)
        self._endings.put(Finished(running.job, running.claim, running.progress, staged))

    async def _transfer(self, site: Site, running: Running, transfer: Transfer) -> None:
        """Carry out one transfer; whatever comes of it, its claim is ended or given up."""
        result: Outcome | FileError | None = None
        try:
            with running.scope:
                result = await transfer.run()
                self._scheduler.ending(running)
        except FileError as error:
            self._scheduler.ending(running)
            result = error
        except NotNowError:
            await self._abandon(site, running, transfer)
            self._scheduler.park([running.job.work], time.monotonic() + _NOT_NOW_SECONDS)
            return
        except RevokedError as error:
            # Whoever took the place over has revoked it: the rest is theirs to do and to record.
            log.info("claim lost", path=running.job.work.path, site=site.name, why=str(error)[:200])
        except SiteError as error:
            await self._abandon(site, running, transfer, unsure=True)
            until = self._scheduler.suspend(error, running.job.work)
            self._scheduler.park([running.job.work], until)
            await self._endings.tell_site_error([running.job], error)
            return
        except Exception as error:
            log.exception("unexpected", path=running.job.work.path, site=site.name)
            self._scheduler.ending(running)
            result = FileError(f"unexpected {type(error).__name__}; the log has the details")
        if result is None or not transfer.cleared:
            await self._abandon(site, running, transfer)
            self._scheduler.done(running.job.work)
        else:
            self._endings.put(Finished(running.job, running.claim, running.progress, result))

    async def _abandon(
        self, site: Site, running: Running, transfer: Transfer, *, unsure: bool = False
    ) -> None:
        """
        End a claim whose transfer did not come to an end.

        It is released only where nothing is staged under it or its formers any more;
        otherwise it stays, given up, for the next owner to resume or revoke. Where a call could
        not be ended, it ends with its lease: nobody may go on from what may still be written.
        `unsure` is whether what was sent may arrive later.
        """
        with anyio.CancelScope(shield=True), anyio.move_on_after(_GIVE_UP_SECONDS):
            clean = transfer.cleared and not running.progress.journalled
            try:
                withdrawn = clean and await self._withdrawn(site, transfer)
                if running.claim.id in site.provider.left_at_work:
                    return
                if withdrawn:
                    if unsure:
                        await self._claims.expect_late([running.claim])
                    await self._claims.release([running.claim])
                elif not await self._claims.give_up([running.claim]):
                    await self._withdrawn(site, transfer)
            except PyMongoError as error:
                log.warning("a claim ends with its lease", why=str(error)[:200])

    async def _expect_late(self, claims: Sequence[Claim]) -> None:
        """Look, once these claims are over, for what was sent under them and arrives late."""
        try:
            await self._claims.expect_late(claims)
        except PyMongoError as error:
            log.debug("not expected", why=str(error)[:200])

    async def _withdrawn(self, site: Site, transfer: Transfer) -> bool:
        """Return whether nothing is staged any more under a claim."""
        try:
            await site.provider.revoke(transfer.handle)
        except ProviderError as error:
            log.debug("staged bytes stay", path=transfer.job.work.path, why=str(error)[:200])
            return False
        return True

    async def _journal(self, claim: Claim, journal: Journal) -> bool:
        try:
            return await self._claims.journal(claim, journal)
        except PyMongoError as error:
            # Bytes go on while the database is away; only resuming loses ground.
            log.debug("journal not written", why=str(error)[:200])
            return False

    # What endings ask and tell.

    @property
    def running(self) -> int:
        """How many transfers have begun and have not ended."""
        return len(self._scheduler.running)

    def ended(self, finished: Finished) -> None:
        """Take note that a transfer was recorded, or that its claim was lost."""
        note = self.failed.add if finished.outcome in ("failed", "wrong") else self.failed.discard
        note(finished.job.work)
        if finished.facts is not None:
            site = self._sites.of(finished.job.work.project, finished.job.work.site)
            self._published.note(site.label, finished.job.where, finished.facts)
        self._scheduler.done(finished.job.work)

    async def site_failed(self, finished: Finished, error: SiteError) -> None:
        """Give the claim up, and let the site rest: whether it published is unknown."""
        work = finished.job.work
        site = self._sites.of(work.project, work.site)
        try:
            if finished.claim.id not in site.provider.left_at_work:
                await self._claims.give_up([finished.claim])
        except PyMongoError as problem:
            log.warning("a claim is given up later", why=str(problem)[:200])
        self._scheduler.park([work], self._scheduler.suspend(error, work))


def _place(project: str, site: Site, where: Location, marker: Marker) -> Place:
    return Place(marker.key(where.path), project, site.name, where.root, where.path)


async def _marker(site: Site, root: str) -> Marker:
    """Return a root's marker; a root that the settings lack fails each file when it is served."""
    try:
        return await site.marker(root)
    except PermanentFileError:
        return Marker(f"{site.name}?{root}")
    except FileError as error:  # another key for the same place would let two work there
        raise SiteError("marker", str(error)) from error
