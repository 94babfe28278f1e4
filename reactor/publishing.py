"""
Making staged bytes visible: only under claims that are still ours, and never what is damaged.

Where a site cannot replace a file in one step, its documents are unmarked before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import anyio
import structlog

from providers.base import Facts, FileError, ProviderError, RevokedError, SiteError
from reactor import edits
from reactor.claims import Claim, Claims, Journal
from reactor.finished import Finished, Listener
from reactor.gathering import Basket
from reactor.outcomes import Staged
from reactor.patience import until_answered
from reactor.proof import Proof, same_algorithm
from reactor.recorder import Recorder
from reactor.refusals import REFUSALS, is_refusal, why
from reactor.sites import Site, Sites
from reactor.staging import JOURNAL_EVERY, damaged

log = structlog.stdlib.get_logger()


class Publishing:
    """Publishes staged transfers of one process; what came of each goes on to be recorded."""

    def __init__(
        self, recorder: Recorder, claims: Claims, sites: Sites, to_record: Basket[Finished]
    ) -> None:
        self._recorder = recorder
        self._claims = claims
        self._sites = sites
        self._to_record = to_record

    async def publish(self, batch: Sequence[Finished], listener: Listener) -> None:
        """Renew the claims of what is staged, and publish under those that are still ours."""
        still = await until_answered(partial(self._claims.renew, _claims(batch)))
        held = await self._only(still, batch, listener)
        by_site: dict[str, list[Finished]] = {}
        for finished in held:
            by_site.setdefault(self._site_of(finished).label, []).append(finished)
        async with anyio.create_task_group() as together:
            for here in by_site.values():
                together.start_soon(self._publish_at, self._site_of(here[0]), here, listener)

    async def _only(
        self, still: Collection[str], batch: Sequence[Finished], listener: Listener
    ) -> list[Finished]:
        """Return those whose claims are still ours, by id; of the others nothing stays staged."""
        for finished in batch:
            if finished.claim.id not in still:
                await self._withdraw(finished)
                listener.ended(finished)
        return [finished for finished in batch if finished.claim.id in still]

    async def _publish_at(self, site: Site, batch: Sequence[Finished], listener: Listener) -> None:
        provider = site.provider
        if not provider.features.atomic_replace:
            batch = await self._replacing(batch, listener)
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
        if not await until_answered(partial(self._claims.renew, [finished.claim])):
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
        if not await until_answered(partial(self._claims.hold, [finished.claim])):
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
        await until_answered(partial(self._claims.journal, finished.claim, journal))

    async def _replacing(
        self, staged: Sequence[Finished], listener: Listener
    ) -> Sequence[Finished]:
        """
        Return those whose claims no lease can end now; what they replace is unmarked first.

        Taking a final name away cannot be revoked (DESIGN §4.5): who lost the claim before
        this would delete what the next owner has published. Where a document keeps its mark,
        what it promises stays.
        """
        held = await until_answered(partial(self._claims.hold, _claims(staged)))
        kept = await self._only(held, staged, listener)
        replacing = [f for f in kept if isinstance(f.result, Staged) and f.result.replaces]
        marked = await until_answered(partial(self._unmark, replacing))
        for finished in [one for one in kept if one.claim.id in marked]:
            await self._fail(finished, _keeps_its_mark(finished, marked), listener)
        return [finished for finished in kept if finished.claim.id not in marked]

    async def _unmark(self, replacing: Sequence[Finished]) -> dict[str, str]:
        """Unmark what is about to be taken away; return by claim why documents refuse that."""
        if not replacing:
            return {}
        reset = [edits.reset(file, f.job.group) for f in replacing for file in f.job.files]
        try:
            refused = (await self._recorder.edit(reset)).refused
        except REFUSALS as error:
            if not is_refusal(error):
                raise
            if len(replacing) > 1:
                half = len(replacing) // 2
                first = await self._unmark(replacing[:half])
                return first | await self._unmark(replacing[half:])
            return {replacing[0].claim.id: why(error)}
        return {
            finished.claim.id: refused[file.representation]
            for finished in replacing
            for file in finished.job.files
            if file.representation in refused
        }

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


def _claims(batch: Iterable[Finished]) -> list[Claim]:
    return [finished.claim for finished in batch]


def _keeps_its_mark(finished: Finished, reasons: Mapping[str, str]) -> FileError:
    work = finished.job.work
    return FileError(
        f"{work.path} cannot be replaced at {work.site!r}: it is taken away before the new one "
        f"comes there, and its document refuses to say so ({reasons[finished.claim.id]})"
    )
