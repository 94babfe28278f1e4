"""
One transfer up to the moment before its bytes become visible (DESIGN §5).

The order has no exception: revoke what former owners staged, look at the target, stage,
verify. Renewing the claim, publishing and recording follow in `reactor.endings`, for many
transfers at a time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import anyio

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    FileError,
    Handle,
    Location,
    SiteError,
)
from providers.small import SmallFile
from reactor.bringing import Bringing, Sent, kept_mtime
from reactor.claims import Claim, Journal
from reactor.jobs import Job, Variant
from reactor.known import hold_against_known
from reactor.outcomes import AlreadyRight, NotNowError, Outcome, ProvedWrong, Staged
from reactor.progress import Progress
from reactor.proof import Proof, bytes_prove, facts_prove
from reactor.resuming import Resumed, taken_over
from reactor.sites import Site, Sites, service_copies
from reactor.sourcing import Choice
from reactor.staging import kernel_copies, sends_together

Journalled = Callable[[Claim, Journal], Awaitable[bool]]


@dataclass(slots=True)
class Transfer:
    """One claimed job, carried out. Raises `SiteError` or `FileError`; a claim is left as it is."""

    job: Job
    claim: Claim
    sites: Sites
    journalled: Journalled
    progress: Progress
    cleared: bool = field(default=False, init=False)  # no former owner can publish any more
    staged: Staged | None = field(default=None, init=False)  # together with others
    seated: Site | None = field(default=None, init=False)  # a source whose transfer is held, too
    _noted: Journal = field(default=Journal(), init=False)
    _adopted: Resumed | None = field(default=None, init=False)

    @property
    def destination(self) -> Site:
        """The site that the bytes are for."""
        return self._site(self.job.work.site)

    @property
    def handle(self) -> Handle:
        """What this claim has staged, if anything."""
        if self._adopted is not None:
            return self._adopted.handle
        return Handle(self.job.where, self.claim.id, self._noted.token)

    @property
    def first_source(self) -> Site | None:
        """The best site to bring it from, as far as is known before anything was tried."""
        choices = self._choices(self.job.variants[0])
        return self._site(choices[0].name) if choices else None

    @property
    def relay_source(self) -> Site | None:
        """The first source, where both ends are remote: both sites' transfers are to be held."""
        source = None if self.destination.own else self.first_source
        return None if source is None or source.own else source

    @property
    def fresh_source(self) -> Site | None:
        """The disk to read from, where nothing was staged before: others may come along."""
        if self.claim.former or len(self.job.variants) > 1:
            return None
        source = self.first_source
        if source is None or not source.is_open:
            return None
        together = kernel_copies(source, self.destination) or sends_together(
            source, self.destination
        )
        return source if together else None

    async def accept_fresh(self, source: Site, copied: Copied) -> None:
        """Keep what was copied together with others; unless it is right, `run` does it again."""
        variant = self.job.variants[0]
        handle = Handle(self.job.where, self.claim.id)
        self.progress.begin(source.name, copied.source.size, "disk")
        with contextlib.suppress(FileError):
            sent = await self._bringing.checked(source, variant, handle, copied)
            self.staged = await self._accept(source, variant, sent, None)
            self.progress.advance(copied.source.size)
            self.cleared = True

    async def accept_sent(self, source: Site, file: SmallFile, told: str | None) -> None:
        """
        Keep what was staged together with others; unless it is right, `run` does it again.

        `told` is the destination's checksum of it, where that is known.
        """
        variant = self.job.variants[0]
        self.progress.begin(source.name, file.facts.size, "stream")
        with contextlib.suppress(FileError):
            sent = await self._bringing.sent_whole(source, variant, file, told)
            self.staged = await self._accept(source, variant, sent, None)
            self.progress.advance(file.facts.size)
            self.cleared = True

    async def run(self) -> Outcome:
        """Return verified staged bytes, or the proof that nothing has to be sent."""
        try:
            return await self._run()
        except FileError:
            await self._discard(self.destination)
            raise
        except NotNowError:
            if self._adopted is not None:
                await self._note(replace(self._adopted.journal, token=self._adopted.handle.token))
                self.progress.journalled = True
            raise

    async def _run(self) -> Outcome:
        destination = self.destination
        await self._clear_former(destination)
        found = await destination.provider.facts(self.job.where)
        if found is not None:
            for variant in self.job.variants:
                if proof := await self._prove(destination, found, variant):
                    await self._discard(destination)
                    return AlreadyRight(variant, proof)
        outcome = await self._bring(destination, found)
        if outcome is None:
            await self._discard(destination)
            return self._wrong(found)
        return outcome

    def _site(self, name: str) -> Site:
        return self.sites.of(self.job.work.project, name)

    @property
    def _bringing(self) -> Bringing:
        where, claim = self.job.where, self.claim.id
        return Bringing(where, claim, self.destination, self.progress, self._note)

    async def _note(self, journal: Journal) -> bool:
        self._noted = journal
        return await self.journalled(self.claim, journal)

    def _choices(self, variant: Variant) -> list[Choice]:
        begun = self._adopted.journal.source if self._adopted else ""
        return self.sites.sources(self.job.work, variant.sources, variant.size or 0, begun)

    async def _bring(self, destination: Site, found: Facts | None) -> Outcome | None:
        """Return staged bytes from the first source that can serve; None where there is none."""
        trouble: FileError | SiteError | NotNowError | None = None
        for variant in self.job.variants:
            for choice in self._choices(variant):
                source = self._site(choice.name)
                self.progress.chosen = choice.why.value
                try:
                    return await self._stage(destination, source, variant, found)
                except NotNowError as error:
                    trouble = error
                except FileError as error:
                    self.sites.ways.failed(self.job.work, choice.name)
                    trouble = trouble if isinstance(trouble, NotNowError) else error
                except SiteError as error:
                    if error.site != choice.name:
                        raise
                    self.sites.suspend(source, error)
                    if self._adopted is None:
                        self._adopted = Resumed(self.handle, self._noted)  # the next may go on
                    trouble = trouble if isinstance(trouble, NotNowError) else error
        if trouble is not None:
            raise trouble
        return None

    async def _stage(
        self, destination: Site, source: Site, variant: Variant, found: Facts | None
    ) -> Staged:
        await source.open()
        began = time.monotonic()
        sent = await self._sent(destination, source, variant)
        staged = await self._accept(source, variant, sent, found)
        now = time.monotonic()
        way = (source.label, destination.label)
        self.sites.ways.moved(way, self.progress.sent, now - began, now)
        self.sites.ways.served(self.job.work)
        source.recovered()
        return staged

    async def _sent(self, destination: Site, source: Site, variant: Variant) -> Sent:
        """Return staged bytes; what was begun is gone on with, but by no service."""
        bringing = self._bringing
        if kernel_copies(source, destination):
            return await bringing.by_kernel(source, variant, self._handed_over())
        async with self._reading(source):
            if service_copies(source, destination):
                await self._discard(destination)
                if sent := await bringing.by_service(source, variant):
                    return sent
            facts = await bringing.facts(source, variant)
            return await bringing.by_stream(source, variant, facts, self._handed_over())

    def _handed_over(self) -> Resumed | None:
        """Return what was adopted: whoever goes on with it revokes it where it is of no use."""
        resumed, self._adopted = self._adopted, None
        if resumed is not None:
            self._noted = Journal(token=resumed.handle.token)
        return resumed

    @contextlib.asynccontextmanager
    async def _reading(self, source: Site) -> AsyncGenerator[None]:
        """
        Hold one of the source's transfers.

        Whoever holds that of a remote destination waits for no other's: it is held already, or it
        is free, or this is not the time for it.
        """
        if source is self.seated:
            yield
        elif self.destination.own or source.own:
            async with source.reading():
                yield
        else:
            try:
                source.slots.acquire_nowait()
            except anyio.WouldBlock:
                raise NotNowError from None
            try:
                yield
            finally:
                source.slots.release()

    async def _accept(
        self, source: Site, variant: Variant, sent: Sent, found: Facts | None
    ) -> Staged:
        """Return what was staged, unless its bytes are known not to be the published ones."""
        try:
            await hold_against_known(self.destination, source, variant, sent)
        except FileError:
            await self.destination.provider.revoke(sent.handle)
            raise
        mtime = kept_mtime(sent.facts, variant)
        return Staged(variant, sent.handle, sent.proof, mtime, replaces=found is not None)

    async def _prove(self, destination: Site, found: Facts, variant: Variant) -> Proof | None:
        if variant.size is not None and found.size != variant.size:
            return None
        if proof := facts_prove(destination, found, variant):
            return proof
        if proof := self._published_before(variant, found):
            return proof
        sources = [self._site(name) for name in variant.sources]
        return await bytes_prove(destination, self.job.where, variant, sources)

    def _published_before(self, variant: Variant, found: Facts) -> Proof | None:
        """
        Return a proof where the last owner verified and published exactly this.

        Only the very last one's word counts: an owner after it may have published, too.
        """
        journal = self.claim.former[-1].journal if self.claim.former else None
        if journal is None or not journal.published or journal.hash != variant.hash:
            return None
        return Proof(journal.verified, journal.published) if journal.size == found.size else None

    def _wrong(self, found: Facts | None) -> ProvedWrong:
        """Decide about a place that is marked at an alternative, without a source to send from."""
        variant = self.job.variants[0]
        marked = ", ".join(variant.witnesses)
        if found is None:
            return ProvedWrong(variant, f"it is marked at {marked} but is not there")
        if variant.size is not None and found.size != variant.size:
            return ProvedWrong(
                variant, f"it has {found.size} bytes at {marked}, {variant.size} were published"
            )
        raise ChangedFileError(
            f"{self.job.where.path} is marked at {marked}, but its time or bytes are not those that "
            "were published; if it is the right file, set trust_size = true on that site"
        )

    async def _clear_former(self, destination: Site) -> None:
        """Take over the best of what dead owners staged, and revoke all else."""
        for former in reversed(self.claim.former):
            handle = Handle(
                Location(former.root, former.path),
                former.claim,
                former.journal.token if former.journal else "",
            )
            if self._adopted and handle.token and handle.token == self._adopted.handle.token:
                continue  # an upload that went from owner to owner, and is ours now
            taken = None
            if self._adopted is None and former.site == destination.name:
                taken = await taken_over(destination.provider, former, handle, self.claim.id)
            if taken is not None:
                self._adopted = taken
                # At once: whoever takes over from here on finds it under this claim.
                await self._note(replace(taken.journal, token=taken.handle.token, published=""))
            if taken is None or not former.over:
                await destination.provider.revoke(handle)
        self.cleared = True

    async def _discard(self, destination: Site) -> None:
        if self._adopted is not None:
            await destination.provider.revoke(self._adopted.handle)
            self._adopted = None
