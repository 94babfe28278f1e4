"""
From a source to staged, verified bytes: by the kernel, by the service, or streamed through here.

What was staged and is not right is revoked before anybody hears of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

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

    async def by_kernel(self, source: Site, variant: Variant) -> Sent:
        """Let the kernel copy; that the source is the published file is checked afterwards."""
        self.progress.begin(source.name, variant.size or 0, "disk")
        try:
            handle, copied = await copy_on_disk(
                self.where, source, self.destination, self.claim, self.progress.advance
            )
        except MissingFileError as error:
            await source.marker(self.where.root)  # a missing disk is not the file's fault
            raise self._missing(source) from error
        except FileError:
            # What failed to be made may be there all the same, of a disk that is failing.
            await self.destination.provider.revoke(Handle(self.where, self.claim))
            raise
        return await self.checked(source, variant, handle, copied)

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

    async def sent_whole(self, source: Site, variant: Variant, file: SmallFile) -> Sent:
        """Return what was staged in one piece, unless it is not what the source should hold."""
        staging = self._staging(source, variant, file.facts)
        try:
            is_the_published(source, self.where, file.facts, variant)
        except FileError:
            await self.destination.provider.revoke(staging.handle)
            raise
        proof = await staging.verify_whole(file.content)
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
