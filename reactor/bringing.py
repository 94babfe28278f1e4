"""
From a source to staged, verified bytes: by the kernel, by the service, or streamed through here.

What was staged and is not right is revoked before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, cast

import anyio
import structlog

from providers.base import (
    Copied,
    Facts,
    FileError,
    Handle,
    Location,
    MissingFileError,
    RevokedError,
)
from providers.services import CopyingProvider, CopyRefusedError
from providers.small import SmallFile
from reactor.checksums import algorithm_of
from reactor.claims import Journal
from reactor.jobs import Variant
from reactor.progress import Progress
from reactor.proof import Proof, is_the_published
from reactor.resuming import Resumed
from reactor.sites import Site
from reactor.staging import Staging, copy_on_disk, damaged
from reactor.tasks import plain_errors

# Of a kernel's copy; a smaller one is made again sooner than a journal is worth it.
JOURNALLED_BYTES = 64 * 1024 * 1024

log = structlog.stdlib.get_logger()


class Sent(NamedTuple):
    """Staged bytes, what was proved of them, all checksums they have, the facts of their source."""

    handle: Handle
    proof: Proof
    checksums: frozenset[str]
    facts: Facts


@dataclass(slots=True)
class Bringing:
    """One file on its way to one site, under a claim. `note` writes its journal."""

    where: Location
    claim: str
    destination: Site
    progress: Progress
    note: Callable[[Journal], Awaitable[bool]]

    async def by_kernel(self, source: Site, variant: Variant, resumed: Resumed | None) -> Sent:
        """
        Let the kernel copy, going on from what a dead owner has staged, or revoking it.

        That the source is the published file is checked afterwards.
        """
        self.progress.begin(source.name, variant.size or 0, "disk")
        if resumed is not None and (kept := await self._kept(resumed, variant)):
            self.progress.done = kept
            copied = await self._copied(source, variant, kept)
            if copied.source_checksum == copied.staged_checksum:
                return await self.checked(source, variant, resumed.handle, copied)
            log.info("what a dead owner staged is of no use", path=self.where.path)
            await self.destination.provider.revoke(resumed.handle)
            self.progress.restart()
        copied = await self._copied(source, variant, 0)
        return await self.checked(source, variant, Handle(self.where, self.claim), copied)

    async def by_service(self, source: Site, variant: Variant) -> Sent | None:
        """Let the service copy by itself; None where it does not, and bytes have to be sent."""
        facts = await self.facts(source, variant)
        self.progress.begin(source.name, facts.size, "service")
        try:
            handle, copied = await self._copy(source, variant, facts)
        except CopyRefusedError as error:
            log.debug("the service does not copy", path=self.where.path, why=str(error)[:200])
            return None
        return await self.checked(source, variant, handle, copied)

    async def by_stream(
        self, source: Site, variant: Variant, facts: Facts, resumed: Resumed | None
    ) -> Sent:
        """Stream from site to site, going on from what a dead owner has staged, or revoking it."""
        self.progress.begin(source.name, facts.size, "stream")
        staging = self._staging(source, variant, facts)
        proof = await staging.run(resumed)
        return Sent(staging.handle, proof, staging.checksums, facts)

    async def sent_whole(
        self, source: Site, variant: Variant, file: SmallFile, told: str | None
    ) -> Sent:
        """Return what was staged in one piece, unless it is not what the source should hold."""
        staging = self._staging(source, variant, file.facts)
        try:
            is_the_published(source, self.where, file.facts, variant)
        except FileError:
            await self.destination.provider.revoke(staging.handle)
            raise
        proof = await staging.verify_whole(file.content, told)
        return Sent(staging.handle, proof, staging.checksums, file.facts)

    async def checked(self, source: Site, variant: Variant, handle: Handle, copied: Copied) -> Sent:
        """Return what was copied, unless it is not what the source holds, or should hold."""
        try:
            if copied.source_checksum != copied.staged_checksum:
                raise damaged(self.where, self.destination)
            is_the_published(source, self.where, copied.source, variant)
        except FileError:
            await self.destination.provider.revoke(handle)
            raise
        self.progress.size = copied.source.size
        told = copied.staged_checksum if algorithm_of(copied.staged_checksum) else None
        known = frozenset((told,)) if told else frozenset[str]()
        return Sent(handle, Proof("checksum", told), known, copied.source)

    def _staging(self, source: Site, variant: Variant, facts: Facts) -> Staging:
        return Staging(
            where=self.where,
            source=source,
            destination=self.destination,
            facts=facts,
            mtime_ns=kept_mtime(facts, variant),
            hash=variant.hash,
            known=variant.checksums,
            claim=self.claim,
            progress=self.progress,
            note=self.note,
        )

    async def _copied(self, source: Site, variant: Variant, kept: int) -> Copied:
        """
        Let the kernel copy all, or what comes after the bytes that are kept.

        A journal is on its way to the claim meanwhile; the copy never waits for the database.
        """
        handle = Handle(self.where, self.claim)
        copies = partial(
            copy_on_disk, source, self.destination, handle, self.progress.advance, kept
        )
        try:
            if (variant.size or 0) <= JOURNALLED_BYTES:
                return await copies()
            copied: Copied | None = None
            with plain_errors():
                async with anyio.create_task_group() as beside:
                    beside.start_soon(self._note_copying, source, variant)
                    copied = await copies()
                    beside.cancel_scope.cancel()
        except MissingFileError as error:
            await self.destination.provider.revoke(handle)  # of what was kept
            await source.marker(self.where.root)  # a missing disk is not the file's fault
            raise self._missing(source) from error
        except FileError:
            # What failed to be made may be there all the same, of a disk that is failing.
            await self.destination.provider.revoke(handle)
            raise
        assert copied is not None  # noqa: S101 - cancelled only once it has come
        return copied

    async def _note_copying(self, source: Site, variant: Variant) -> None:
        """
        Write the journal of a copy that the kernel makes, before anything of it is durable.

        That is harmless: it names the file, and proves nothing. Whoever goes on with what is
        staged hashes both ends whole; whoever streams finds no checksum in it, and begins anew.
        """
        size = variant.size or 0
        await self.note(Journal(offset=size, source=source.name, size=size, hash=variant.hash))

    async def _kept(self, resumed: Resumed, variant: Variant) -> int:
        """
        Return how many bytes a dead owner has staged of this very file; what is of none is revoked.

        The kernel copies in order: their number tells how far it came. After a power cut it may
        lie, which the checksums of both whole ends show.
        """
        journal, provider = resumed.journal, self.destination.provider
        is_of_it = (journal.hash, journal.size) == (variant.hash, variant.size)
        if is_of_it and (kept := await provider.staged_size(resumed.handle)):
            return kept
        await provider.revoke(resumed.handle)
        return 0

    async def _copy(self, source: Site, variant: Variant, facts: Facts) -> tuple[Handle, Copied]:
        service = cast("CopyingProvider", self.destination.provider)
        mtime = kept_mtime(facts, variant)
        handle = await service.begin_copy(self.where, self.claim, facts.size, mtime)
        noted = Journal(source=source.name, hash=variant.hash, token=handle.token)
        if handle.token and not await self.note(noted):
            await service.revoke(handle)
            raise RevokedError(f"{self.where.path}: its claim could not be told of the copy")
        try:
            copied = await service.copy(source.provider, facts, handle, self.progress.advance)
        except (CopyRefusedError, FileError):
            await service.revoke(handle)
            raise
        return handle, copied

    async def facts(self, source: Site, variant: Variant) -> Facts:
        """Return the facts of the source's file, which is the published one as far as they tell."""
        facts = await source.provider.facts(self.where)
        if facts is None:
            raise self._missing(source)
        is_the_published(source, self.where, facts, variant)
        return facts

    def _missing(self, source: Site) -> MissingFileError:
        return MissingFileError(
            f"{self.where.path} is marked available at {source.name!r} but is not there; "
            f"bring it back, or reset it with `sitesync site reset {source.name}`"
        )


def kept_mtime(facts: Facts, variant: Variant) -> int | None:
    """Return the source's time, or the publisher's own where the source keeps a coarser one."""
    if facts.mtime_ns is None or variant.mtime_ns is None:
        return variant.mtime_ns if facts.mtime_ns is None else facts.mtime_ns
    same_second = facts.mtime_ns // 10**9 == variant.mtime_ns // 10**9
    coarse = facts.mtime_ns % 10**9 == 0
    return variant.mtime_ns if coarse and same_second else facts.mtime_ns
