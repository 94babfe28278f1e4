"""
How transfers end: renew the claim, publish, record. Many at a time, in this order.

While one batch is being written the next one gathers: a single file waits for nothing, and
two thousand frames share a few transactions.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import structlog
from pymongo.errors import PyMongoError

from providers.base import Facts, FileError, ProviderError, RevokedError, SiteError
from reactor import edits
from reactor.backoff import FILE_RETRY, RECONNECT
from reactor.claims import Claim, Claims, Journal
from reactor.clock import DatabaseClock
from reactor.edits import FileEdit
from reactor.finished import Finished, line_of, tell
from reactor.gathering import Basket, Pace
from reactor.jobs import Job
from reactor.outcomes import AlreadyRight, ProvedWrong, Staged
from reactor.proof import Proof, same_algorithm
from reactor.recorder import Ending, Recorder
from reactor.results import Results
from reactor.sites import Site, Sites
from reactor.staging import JOURNAL_EVERY, damaged

log = structlog.stdlib.get_logger()

PUBLISH_BATCH = 500
RECORD_BATCH = 2_000
_TO_MEND = frozenset({"login", "settings", "provider"})
_PUBLISH_PATIENCE = 0.05
_RECORD_PATIENCE = 1.0

_T = TypeVar("_T")


class Listener(Protocol):
    """Who is told what became of a transfer, once its claim has ended."""

    @property
    def running(self) -> int:
        """How many transfers have begun and have not ended."""
        ...

    def ended(self, finished: Finished) -> None:
        """Take note that it was recorded, or that its claim was lost to another process."""
        ...

    async def site_failed(self, finished: Finished, error: SiteError) -> None:
        """Take note that the site failed while publishing; the claim stands."""
        ...


class Endings:
    """The last steps of all transfers of one process."""

    def __init__(
        self, recorder: Recorder, claims: Claims, sites: Sites, clock: DatabaseClock
    ) -> None:
        self._recorder = recorder
        self._claims = claims
        self._sites = sites
        self._clock = clock
        self.results = Results()
        self._to_publish: Basket[Finished] = Basket()
        self._to_record: Basket[Finished] = Basket()
        self._recording = 0

    def put(self, finished: Finished) -> None:
        """Take a transfer over, to publish it if it is staged and to record how it ended."""
        basket = self._to_publish if isinstance(finished.result, Staged) else self._to_record
        basket.put(finished)

    async def tell_site_error(self, jobs: Iterable[Job], error: SiteError) -> None:
        """
        Write into entries why nothing can come, where somebody has to mend it.

        Only what was tried tells it, and no try is counted: the file is not to blame.
        """
        if error.kind not in _TO_MEND:
            return
        told = [edits.noted(file, job.group, str(error)) for job in jobs for file in job.files]
        try:
            await self._recorder.edit(told)
        except PyMongoError as problem:
            log.debug("not told in documents", why=str(problem)[:200])

    async def publish_all(self, listener: Listener) -> None:
        """Publish what is staged, for ever."""
        pace = Pace(_PUBLISH_PATIENCE)
        while True:
            batch = await self._to_publish.take(
                PUBLISH_BATCH,
                pace.patience,
                lambda: listener.running - self._recording - len(self._to_record),
            )
            pace.begin(len(batch))
            still = await _until_answered(partial(self._claims.renew, _claims(batch)))
            for finished in batch:
                if finished.claim.id not in still:
                    await self._withdraw(finished)
                    listener.ended(finished)
            held = [finished for finished in batch if finished.claim.id in still]
            by_site: dict[str, list[Finished]] = {}
            for finished in held:
                by_site.setdefault(self._site_of(finished).label, []).append(finished)
            async with anyio.create_task_group() as together:
                for here in by_site.values():
                    together.start_soon(self._publish_at, self._site_of(here[0]), here, listener)
            pace.end()

    async def record_all(self, listener: Listener) -> None:
        """Record what ended, for ever."""
        pace = Pace(_RECORD_PATIENCE)
        while True:
            batch = await self._to_record.take(
                RECORD_BATCH, pace.patience, lambda: listener.running
            )
            self._recording = len(batch)
            pace.begin(len(batch))
            endings = [self._ending(finished) for finished in batch]
            recorded = await _until_answered(partial(self._recorder.record, endings))
            kept = {ending.claim.id for ending in recorded}
            for finished in batch:
                if finished.claim.id in kept:
                    tell(finished)
                    self.results.add(finished.outcome, finished.progress.size)
                else:
                    log.info("claim lost", path=finished.job.work.path, site=finished.job.work.site)
                listener.ended(finished)
            self._recording = 0
            pace.end()

    async def _publish_at(self, site: Site, batch: Sequence[Finished], listener: Listener) -> None:
        provider = site.provider
        if not provider.features.atomic_replace:
            batch = await self._held(batch, listener)
        staged = [(f, f.result) for f in batch if isinstance(f.result, Staged)]
        try:
            results = await provider.publish([(r.handle, r.mtime_ns) for _, r in staged])
        except ProviderError as error:
            results = [error] * len(staged)
        for (finished, _), result in zip(staged, results, strict=True):
            await self._after_publish(finished, result, listener)

    async def _after_publish(
        self, finished: Finished, result: Facts | ProviderError, listener: Listener
    ) -> None:
        match result:
            case Facts():
                self._site_of(finished).recovered()
                finished.facts = result
                await self._after_answer(finished, result, listener)
            case SiteError():
                await listener.site_failed(finished, result)
            case RevokedError():
                await self._after_loss(finished, listener)
            case FileError():
                await self._fail(finished, result, listener)
            case _:
                await self._fail(finished, FileError(str(result)), listener)

    async def _fail(self, finished: Finished, error: FileError, listener: Listener) -> None:
        """Record a failure, once nothing is staged any more: its claim ends with that."""
        if trouble := await self._withdraw(finished):
            await listener.site_failed(finished, trouble)
        else:
            finished.result = error
            self._to_record.put(finished)

    async def _after_answer(self, finished: Finished, facts: Facts, listener: Listener) -> None:
        """Record what was published, unless the site itself says that it is something else."""
        if isinstance(staged := finished.result, Staged) and staged.proof.awaited:
            told = same_algorithm(staged.proof.awaited, facts.checksum)
            if told and facts.checksum != staged.proof.awaited:
                await self._take_away(finished, listener)
                return
            if told:
                proof = Proof("checksum", staged.proof.awaited)  # which that site can tell again
                finished.result = replace(staged, proof=proof)
        await self._note_published(finished)
        self._to_record.put(finished)

    async def _after_loss(self, finished: Finished, listener: Listener) -> None:
        """
        End a transfer whose staged bytes are gone: another owner has revoked them, or they vanished.

        A claim that is still ours would otherwise be renewed for ever, with nothing under it.
        """
        if not await _until_answered(partial(self._claims.renew, [finished.claim])):
            listener.ended(finished)
            return
        await self._withdraw(finished)
        site = self._site_of(finished)
        finished.result = FileError(
            f"what was staged of {finished.job.where.path} at {site.name!r} vanished; it is sent "
            "again. If this repeats, look what tidies up there"
        )
        self._to_record.put(finished)

    async def _take_away(self, finished: Finished, listener: Listener) -> None:
        """
        Remove what was damaged on its way and is visible now; it was never recorded.

        Only under a claim that no lease can end (DESIGN §4.5): the next owner's file stays.
        """
        if not await _until_answered(partial(self._claims.hold, [finished.claim])):
            listener.ended(finished)
            return
        site = self._site_of(finished)
        try:
            await site.provider.remove(finished.job.where)
        except ProviderError as error:
            log.warning("damaged bytes stay where they are", site=site.label, why=str(error))
        finished.facts = None
        finished.result = damaged(finished.job.where, site)
        self._to_record.put(finished)

    async def _note_published(self, finished: Finished) -> None:
        """Spare whoever takes over from a crash right here from sending much again."""
        if finished.progress.size < JOURNAL_EVERY or not isinstance(finished.result, Staged):
            return
        proof = finished.result.proof
        journal = Journal(
            offset=finished.progress.size,
            hash=finished.result.variant.hash,
            size=finished.progress.size,
            published=proof.checksum or "",
            verified=proof.verified,
        )
        await _until_answered(partial(self._claims.journal, finished.claim, journal))

    async def _held(self, staged: Sequence[Finished], listener: Listener) -> Sequence[Finished]:
        """
        Return those whose claims no lease can end now; what they replace is unmarked first.

        Taking a final name away cannot be revoked (DESIGN §4.5): who lost the claim before
        this would delete what the next owner has published.
        """
        held = await _until_answered(partial(self._claims.hold, _claims(staged)))
        for finished in staged:
            if finished.claim.id not in held:
                await self._withdraw(finished)
                listener.ended(finished)
        kept = [finished for finished in staged if finished.claim.id in held]
        replacing = [f for f in kept if isinstance(f.result, Staged) and f.result.replaces]
        unmarked = [edits.reset(file, f.job.group) for f in replacing for file in f.job.files]
        if unmarked:
            await _until_answered(partial(self._recorder.edit, unmarked))
        return kept

    async def _withdraw(self, finished: Finished) -> SiteError | None:
        """Revoke what is staged; return why the site could not."""
        if isinstance(finished.result, Staged):
            try:
                await self._site_of(finished).provider.revoke(finished.result.handle)
            except SiteError as error:
                return error
            except ProviderError as error:
                log.debug("staged bytes stay", path=finished.job.work.path, why=str(error))
        return None

    def _site_of(self, finished: Finished) -> Site:
        return self._sites.of(finished.job.work.project, finished.job.work.site)

    def _ending(self, finished: Finished) -> Ending:
        match finished.result:
            case FileError() as error:
                written = list(_failed(finished.job, error))
            case ProvedWrong(variant, reason):
                written = [
                    edits.reset(file, finished.job.group, error=reason) for file in variant.files
                ]
            case Staged() | AlreadyRight() as done:
                facts = _recorded(done, finished.facts)
                written = [
                    edits.completion(file, finished.job.group, facts) for file in done.variant.files
                ]
        return Ending(finished.claim, tuple(written), self._attempt(finished))

    def _attempt(self, finished: Finished) -> dict[str, Any]:
        return {**line_of(finished), "at": self._clock.now(), "claim": finished.claim.id}


def _claims(batch: Iterable[Finished]) -> list[Claim]:
    return [finished.claim for finished in batch]


def _recorded(done: Staged | AlreadyRight, facts: Facts | None) -> dict[str, Any]:
    found: dict[str, Any] = {"verified": done.proof.verified}
    if done.proof.checksum:
        found["checksum"] = done.proof.checksum
    if facts is not None and facts.id:
        found["id"] = facts.id
    return found


def _failed(job: Job, error: FileError) -> Iterable[FileEdit]:
    for file in job.files:
        if error.permanent:
            yield edits.stopped(file, job.group, str(error), job.retry_count)
        else:
            wait = FILE_RETRY.delay(job.tries + 1, random.random())  # noqa: S311 - jitter
            yield edits.failure(file, job.group, str(error), int(wait * 1000))


async def _until_answered(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the database until it answers: verified bytes wait for it, however long it is gone."""
    failures = 0
    while True:
        try:
            return await ask()
        except PyMongoError as error:
            failures += 1
            wait = RECONNECT.delay(failures, random.random())  # noqa: S311 - jitter
            log.warning("database does not answer", why=str(error)[:200], retry_in=round(wait, 1))
            await anyio.sleep(wait)
