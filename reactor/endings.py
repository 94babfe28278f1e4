"""
How transfers end: renew the claim, publish, record. Many at a time, in this order.

While one batch is being written the next one gathers: a single file waits for nothing, and
two thousand frames share a few transactions.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import partial
from typing import Any

import structlog
from pymongo.errors import PyMongoError

from providers.base import Facts, FileError, SiteError
from reactor import edits
from reactor.backoff import FILE_RETRY
from reactor.claims import Claims
from reactor.clock import DatabaseClock
from reactor.edits import FileEdit
from reactor.finished import Finished, Listener, line_of, tell
from reactor.gathering import Basket, Pace
from reactor.jobs import Job
from reactor.outcomes import AlreadyRight, ProvedWrong, Staged
from reactor.patience import until_answered
from reactor.publishing import Publishing
from reactor.recorder import Ending, Recorder
from reactor.results import Results
from reactor.sites import Sites

log = structlog.stdlib.get_logger()

PUBLISH_BATCH = 500
RECORD_BATCH = 2_000
_TO_MEND = frozenset({"login", "settings", "provider"})
_PUBLISH_PATIENCE = 0.05
_RECORD_PATIENCE = 1.0


class Endings:
    """The last steps of all transfers of one process."""

    def __init__(
        self, recorder: Recorder, claims: Claims, sites: Sites, clock: DatabaseClock
    ) -> None:
        self._recorder = recorder
        self._clock = clock
        self.results = Results()
        self._to_publish: Basket[Finished] = Basket()
        self._to_record: Basket[Finished] = Basket()
        self._publishing = Publishing(recorder, claims, sites, self._to_record)
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
            await self._publishing.publish(batch, listener)
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
            recorded = await until_answered(partial(self._recorder.record, endings))
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
