"""
One transfer up to the moment before its bytes become visible (DESIGN §5).

The order has no exception: revoke what former owners staged, look at the target, stage,
verify. Renewing the claim, publishing and recording follow in `reactor.endings`, for many
transfers at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    FileError,
    Handle,
    Location,
    MissingFileError,
    RevokedError,
    SiteError,
)
from reactor.claims import Claim, Former, Journal
from reactor.jobs import Job, Variant
from reactor.progress import Progress
from reactor.proof import (
    Proof,
    bytes_prove,
    facts_prove,
    is_the_published,
    same_algorithm,
)
from reactor.sites import Site, Sites
from reactor.staging import Resumed, Staging, copy_on_disk, damaged, kernel_copies

Journalled = Callable[[Claim, Journal], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Staged:
    """Verified bytes that only have to be published. `replaces` tells that a file is there."""

    variant: Variant
    handle: Handle
    proof: Proof
    mtime_ns: int | None
    replaces: bool


class _Sent(NamedTuple):
    """Staged bytes, what was proved of them, and the facts of their source."""

    handle: Handle
    proof: Proof
    facts: Facts


@dataclass(frozen=True, slots=True)
class AlreadyRight:
    """The bytes under the final name are proved to be the wanted ones."""

    variant: Variant
    proof: Proof


@dataclass(frozen=True, slots=True)
class ProvedWrong:
    """Alternatives are marked, but the bytes at their place are not the published ones."""

    variant: Variant
    reason: str


Outcome = Staged | AlreadyRight | ProvedWrong


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
    _adopted: Resumed | None = field(default=None, init=False)
    _staging: Staging | None = field(default=None, init=False)

    @property
    def destination(self) -> Site:
        """The site that the bytes are for."""
        return self._site(self.job.work.site)

    @property
    def handle(self) -> Handle:
        """What is staged, or would be, under this claim."""
        return self._staging.handle if self._staging else Handle(self.job.where, self.claim.id)

    @property
    def fresh_source(self) -> Site | None:
        """The disk to copy from, where nothing was staged before: others may come along."""
        variant = self.job.variants[0]
        if self.claim.former or len(self.job.variants) > 1 or not variant.sources:
            return None
        source = self._site(variant.sources[0])
        return source if source.is_open and kernel_copies(source, self.destination) else None

    async def accept_fresh(self, source: Site, copied: Copied) -> None:
        """Keep what was copied together with others; unless it is right, `run` does it again."""
        variant = self.job.variants[0]
        handle = Handle(self.job.where, self.claim.id)
        self.progress.begin(source.name, copied.source.size)
        with contextlib.suppress(FileError):
            sent = await self._checked(source, variant, handle, copied)
            self.staged = await self._accept(source, variant, sent, None)
            self.progress.advance(copied.source.size)
            self.cleared = True

    async def run(self) -> Outcome:
        """Return verified staged bytes, or the proof that nothing has to be sent."""
        try:
            return await self._run()
        except FileError:
            await self._discard(self.destination)
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
            return self._wrong(found)
        return outcome

    def _site(self, name: str) -> Site:
        return self.sites.of(self.job.work.project, name)

    async def _bring(self, destination: Site, found: Facts | None) -> Outcome | None:
        """Return staged bytes from the first source that can serve; None where there is none."""
        trouble: FileError | SiteError | None = None
        for variant in self.job.variants:
            for name in variant.sources:
                try:
                    return await self._stage(destination, self._site(name), variant, found)
                except FileError as error:
                    trouble = error
                except SiteError as error:
                    if error.site != name:
                        raise
                    trouble = error  # the next source may be within reach
        if trouble is not None:
            raise trouble
        return None

    async def _stage(
        self, destination: Site, source: Site, variant: Variant, found: Facts | None
    ) -> Staged:
        await source.open()
        send = self._copy if kernel_copies(source, destination) else self._send
        return await self._accept(source, variant, await send(destination, source, variant), found)

    async def _accept(
        self, source: Site, variant: Variant, sent: _Sent, found: Facts | None
    ) -> Staged:
        """Return what was staged, unless its bytes are known not to be the published ones."""
        known = [one for one in variant.checksums if same_algorithm(one, sent.proof.checksum)]
        if known and sent.proof.checksum not in known:
            await self.destination.provider.revoke(sent.handle)
            raise ChangedFileError(
                f"{self.job.where.path} at {source.name!r} is not the file that was published: "
                f"its bytes have {sent.proof.checksum}, not {', '.join(sorted(known))}; "
                "publish it again, or bring back the right file"
            )
        mtime = _kept_mtime(sent.facts, variant)
        return Staged(variant, sent.handle, sent.proof, mtime, replaces=found is not None)

    async def _copy(self, destination: Site, source: Site, variant: Variant) -> _Sent:
        """Let the kernel copy; that the source is the published file is checked afterwards."""
        await self._discard(destination)
        self.progress.begin(source.name, variant.size or 0)
        try:
            handle, copied = await copy_on_disk(
                self.job.where, source, destination, self.claim.id, self.progress.advance
            )
        except MissingFileError as error:
            with source.blamed():
                await source.marker(self.job.where.root)  # a missing disk is not the file's fault
            raise self._missing(source) from error
        return await self._checked(source, variant, handle, copied)

    async def _checked(
        self, source: Site, variant: Variant, handle: Handle, copied: Copied
    ) -> _Sent:
        """Return what the kernel copied, unless its source was not the published file."""
        try:
            if copied.source_checksum != copied.staged_checksum:
                raise damaged(self.job.where, self.destination)
            is_the_published(source, self.job.where, copied.source, variant)
        except FileError:
            await self.destination.provider.revoke(handle)
            raise
        self.progress.size = copied.source.size
        return _Sent(handle, Proof("checksum", copied.staged_checksum), copied.source)

    async def _send(self, destination: Site, source: Site, variant: Variant) -> _Sent:
        """Stream from site to site, going on from what a dead owner has staged."""
        with source.blamed():
            facts = await source.provider.facts(self.job.where)
        if facts is None:
            raise self._missing(source)
        is_the_published(source, self.job.where, facts, variant)
        self.progress.begin(source.name, facts.size)
        self._staging = staging = Staging(
            where=self.job.where,
            source=source,
            destination=destination,
            facts=facts,
            mtime_ns=_kept_mtime(facts, variant),
            hash=variant.hash,
            claim=self.claim.id,
            progress=self.progress,
            note=partial(self.journalled, self.claim),
        )
        resumed, self._adopted = self._adopted, None
        async with source.reading():
            proof = await staging.run(resumed)
        return _Sent(staging.handle, proof, facts)

    def _missing(self, source: Site) -> MissingFileError:
        return MissingFileError(
            f"{self.job.where.path} is marked available at {source.name!r} but is not there; "
            f"bring it back, or reset it with `sitesync site reset {source.name}`"
        )

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
            if self._adopted is None and self._may_adopt(destination, former):
                try:
                    adopted = await destination.provider.adopt(handle, self.claim.id)
                except RevokedError:
                    continue
                assert former.journal is not None  # noqa: S101 - _may_adopt says so
                self._adopted = Resumed(adopted, former.journal)
            else:
                await destination.provider.revoke(handle)
        self.cleared = True

    def _may_adopt(self, destination: Site, former: Former) -> bool:
        return (
            former.over
            and former.journal is not None
            and former.journal.offset > 0
            and former.site == destination.name
            and destination.provider.features.resume
        )

    async def _discard(self, destination: Site) -> None:
        if self._adopted is not None:
            await destination.provider.revoke(self._adopted.handle)
            self._adopted = None


def _kept_mtime(facts: Facts, variant: Variant) -> int | None:
    """Return the source's time, or the publisher's own where the source keeps a coarser one."""
    if facts.mtime_ns is None or variant.mtime_ns is None:
        return variant.mtime_ns if facts.mtime_ns is None else facts.mtime_ns
    same_second = facts.mtime_ns // 10**9 == variant.mtime_ns // 10**9
    coarse = facts.mtime_ns % 10**9 == 0
    return variant.mtime_ns if coarse and same_second else facts.mtime_ns
