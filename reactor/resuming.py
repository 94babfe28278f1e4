"""
What a former owner has staged, and whether a transfer may go on with it.

It needs proof. Where an end is local, the prefix is hashed again there. Where none is, and both
services tell checksums by one algorithm, nothing is read twice: they tell it of the whole, which
is compared in the end. Otherwise the source's prefix is read again, which is half of what
sending it again would cost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import cast

from providers.base import Facts, FileError, Handle, Location, Provider, RevokedError
from providers.services import PartedProvider, StagedCopyProvider
from reactor.checksums import Hasher, best_algorithm
from reactor.claims import Former, Journal
from reactor.sites import Site


@dataclass(frozen=True, slots=True)
class Resumed:
    """Staged bytes that were taken over, and what their journal says of them."""

    handle: Handle
    journal: Journal


async def taken_over(
    provider: Provider, former: Former, handle: Handle, claim: str
) -> Resumed | None:
    """
    Have a claim go on with what a former owner staged; None where that cannot be.

    It is renamed where that owner is known to be dead. Else it is copied, as far as was noted: he
    may only be slow, and what he still writes goes into his own file.
    """
    journal, features = former.journal, provider.features
    if journal is None or not journal.offset or not features.resume:
        return None
    try:
        if former.over:
            return Resumed(await provider.adopt(handle, claim), journal)
        if features.copies_staged:
            copying = cast("StagedCopyProvider", provider)
            return Resumed(await copying.copy_staged(handle, claim, journal.offset), journal)
    except (RevokedError, FileError):
        return None  # it is gone, or cannot be had: all is sent again
    return None


@dataclass(frozen=True, slots=True)
class Seen:
    """
    What is kept of what was staged.

    `hasher` has seen it, but for `unseen` bytes at the front: then `expected` is the source's own
    checksum of the whole, which the destination has to tell, too.
    """

    hasher: Hasher
    unseen: int = 0
    expected: str = ""


@dataclass(frozen=True, slots=True)
class Resuming:
    """A source's file of these facts, meant by a document's `hash`, on its way to a site."""

    where: Location
    source: Site
    destination: Site
    facts: Facts
    hash: str | None

    async def seen(self, resumed: Resumed, hasher: Hasher) -> Seen | None:
        """
        Return what can be kept; None where it is not a beginning of the source's file.

        Less may be staged than was noted: a service commits what it likes. What is staged
        beyond that is cut off; where it cannot be, the checksum of the whole will judge it.
        `hasher` is a fresh one.
        """
        journal = resumed.journal
        same_source = (journal.size, journal.mtime_ns) == (self.facts.size, self.facts.mtime_ns)
        if journal.hash != self.hash or not same_source:
            return None
        size = await self._to_go_on_at(resumed.handle, journal.offset)
        if size is None:
            return None
        if expected := await self._told_by_source():
            return Seen(hasher, size, expected)
        noted = Hasher()
        async with self._prefix_at_hand(resumed) as prefix:
            async for chunk in prefix:
                await noted.update(chunk[: journal.offset - noted.size])
                await hasher.update(chunk[: size - hasher.size])
                if noted.size == journal.offset and hasher.size == size:
                    break
        holds = noted.checksum() == journal.prefix and hasher.size == size
        return Seen(hasher) if holds else None

    async def _to_go_on_at(self, handle: Handle, noted: int) -> int | None:
        """Return from where on the rest is sent; None where nothing that is staged can be kept."""
        provider = self.destination.provider
        if provider.features.parts:
            return await cast("PartedProvider", provider).goes_on_at(handle, noted) or None
        staged = await provider.staged_size(handle)
        if provider.features.cuts_staged:
            return None if staged is None or staged < noted else noted
        judged_whole = provider.features.published_checksum is not None
        return staged if judged_whole or (staged or 0) <= noted else None

    async def _told_by_source(self) -> str:
        """Return the source's checksum of the whole, where the destination can tell it, too."""
        source, features = self.source.provider, self.destination.provider.features
        if source.features.local_paths or features.local_paths:
            return ""
        published = features.published_checksum
        told = frozenset({published}) if published else features.checksums
        algorithm = best_algorithm(source.features.checksums & told)
        if algorithm is None:
            return ""
        return await source.checksum(self.where, algorithm) or ""

    @asynccontextmanager
    async def _prefix_at_hand(self, resumed: Resumed) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Open what is to be hashed again: at the local end, or else at the source."""
        source, destination = self.source.provider, self.destination.provider
        if destination.features.local_paths and not source.features.local_paths:
            async with destination.read_staged(resumed.handle) as reader:
                yield aiter(reader)
        else:
            async with source.read(self.where) as reader:
                yield aiter(reader)
