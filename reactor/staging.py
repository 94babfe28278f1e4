"""
Staging: the source's bytes into a staged file at the destination, hashed on the way, verified.

Nobody writes into another's staged file; what a dead owner left is taken over by renaming
(`Provider.adopt`) before it gets here.

What is gone on with needs proof. Where an end is local, the prefix is hashed again there. Where
none is, and both services tell checksums by one algorithm, nothing is read twice: they tell it of
the whole, which is compared in the end. Otherwise the source's prefix is read again, which is
half of what sending it again would cost.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, cast

import anyio

from providers.base import (
    ChangedFileError,
    Copied,
    DiskProvider,
    Facts,
    FileError,
    Handle,
    Location,
    Sink,
)
from reactor.checksums import Hasher, algorithm_of, best_algorithm, by_preference
from reactor.claims import Journal
from reactor.progress import Progress
from reactor.proof import Proof
from reactor.sites import Site
from reactor.tasks import plain_errors

JOURNAL_EVERY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Resumed:
    """Staged bytes that were taken over, and what their journal says of them."""

    handle: Handle
    journal: Journal


class Verified(NamedTuple):
    """
    Whole, durable staged bytes, what was verified of them, and all checksums that they have.

    The proof's checksum is by the algorithm in which their site can tell it again.
    """

    handle: Handle
    proof: Proof
    checksums: frozenset[str]


@dataclass(slots=True)
class Staging:
    """
    A file of these facts on its way from one site to another, staged under a claim.

    It is hashed by the algorithms of those checksums that are `known` of it, too.
    """

    where: Location
    source: Site
    destination: Site
    facts: Facts
    hash: str | None
    known: frozenset[str]
    claim: str
    progress: Progress
    note: Callable[[Journal], Awaitable[None]]
    _unseen: int = field(default=0, init=False)  # bytes at the front that no hasher sees here
    _expected: str = field(default="", init=False)  # the source's own checksum; proves those, too

    async def run(self, resumed: Resumed | None) -> Verified:
        """Return staged bytes, verified."""
        handle, hasher = await self._begin(resumed)
        try:
            await self._stream(handle, hasher)
            proof = await self._verify(handle, hasher)
            told = frozenset(filter(None, [proof.checksum])) if self._unseen else hasher.checksums
            return Verified(handle, proof, told)
        except FileError:
            await self.destination.provider.revoke(handle)
            raise

    async def _begin(self, resumed: Resumed | None) -> tuple[Handle, Hasher]:
        """Return a handle to write to, and a hasher that has seen what is staged there, if any has."""
        provider = self.destination.provider
        if resumed is not None:
            try:
                hasher = await self._resume(resumed)
            except FileError:
                await provider.revoke(resumed.handle)
                raise
            if hasher is not None:
                self.progress.resume(self._offset(hasher))
                kept = replace(resumed.journal, source=self.source.name, token=resumed.handle.token)
                await self.note(kept)
                return resumed.handle, hasher
            await provider.revoke(resumed.handle)
        hasher = self._hasher()
        handle = await provider.stage(self.where, self.claim, self.facts.size)
        if handle.token:
            await self.note(self._journal(hasher, handle.token))
        return handle, hasher

    async def _resume(self, resumed: Resumed) -> Hasher | None:
        """Return a hasher to go on with, where what is staged is a beginning of the source's file."""
        journal, hasher = resumed.journal, self._hasher()
        same_source = (journal.size, journal.mtime_ns) == (self.facts.size, self.facts.mtime_ns)
        if journal.hash != self.hash or not same_source:
            return None
        staged = await self.destination.provider.staged_size(resumed.handle)
        if staged is None or staged < journal.offset:
            return None
        self._expected = await self._told_by_source()
        if self._expected:
            self._unseen = journal.offset
            return hasher
        async with self._prefix_at_hand(resumed) as prefix:
            async for chunk in prefix:
                await hasher.update(chunk[: journal.offset - hasher.size])
                if hasher.size == journal.offset:
                    break
        return hasher if hasher.checksum() == journal.prefix else None

    async def _told_by_source(self) -> str:
        """Return the source's checksum of the whole, where the destination can tell it, too."""
        source, destination = self.source.provider, self.destination.provider
        if source.features.local_paths or destination.features.local_paths:
            return ""
        algorithm = best_algorithm(source.features.checksums & destination.features.checksums)
        if algorithm is None:
            return ""
        with self.source.blamed():
            return await source.checksum(self.where, algorithm) or ""

    @asynccontextmanager
    async def _prefix_at_hand(self, resumed: Resumed) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Open what is to be hashed again: at the local end, or else at the source."""
        source, destination = self.source.provider, self.destination.provider
        if destination.features.local_paths and not source.features.local_paths:
            async with destination.read_staged(resumed.handle) as reader:
                yield aiter(reader)
        else:
            async with self.source.blaming(source.read(self.where)) as reader:
                yield self.source.blamed_chunks(reader)

    async def _stream(self, handle: Handle, hasher: Hasher) -> None:
        opened = self.source.provider.read(self.where, self._offset(hasher))
        writing = self.destination.provider.write(handle, self._offset(hasher))
        with plain_errors():
            async with self.source.blaming(opened) as reader, writing as sink:
                async with anyio.create_task_group() as notes:
                    noted = hasher.size
                    async for chunk in self.source.blamed_chunks(reader):
                        await self._pass(chunk, sink, hasher)
                        is_whole = self._offset(hasher) >= self.facts.size
                        if hasher.size - noted >= JOURNAL_EVERY and not is_whole:
                            noted = hasher.size
                            journal = self._journal(hasher, handle.token)
                            notes.start_soon(self._note_when_down, sink, journal)
                await sink.flush()
                with self.source.blamed():
                    whole = self._offset(hasher) == self.facts.size and await reader.unchanged()
        if not whole:
            raise self._changed()

    async def _pass(self, chunk: bytes, sink: Sink, hasher: Hasher) -> None:
        await self.source.throttle.passing(len(chunk))
        await self.destination.throttle.passing(len(chunk))
        await hasher.update(chunk)
        await sink.write(chunk)
        self.progress.advance(len(chunk))

    async def _note_when_down(self, sink: Sink, journal: Journal) -> None:
        """Write a journal once its bytes are down, so that a crash there cannot belie it."""
        await sink.flush()
        await self.note(journal)
        self.progress.journalled = True

    async def _verify(self, handle: Handle, hasher: Hasher) -> Proof:
        provider = self.destination.provider
        if self._expected:
            found = await provider.checksum(handle, self._expected.partition(":")[0])
            if found != self._expected:
                raise self._damaged()
            return Proof("checksum", found)
        algorithm = best_algorithm(provider.features.checksums)
        found = await provider.checksum(handle, algorithm) if algorithm else None
        if found is not None and algorithm is not None:
            if found != hasher.checksum(algorithm):
                raise self._damaged()
            return Proof("checksum", found)
        if provider.features.read_back:
            if await self._read_back(handle) != hasher.checksum():
                raise self._damaged()
            return Proof("checksum", hasher.checksum())
        if await provider.staged_size(handle) != self.facts.size:
            raise self._damaged()
        return Proof("size", hasher.checksum())

    async def _read_back(self, handle: Handle) -> str:
        hasher = Hasher()
        async with self.destination.provider.read_staged(handle) as reader:
            async for chunk in reader:
                await hasher.update(chunk)
        return hasher.checksum()

    def _hasher(self) -> Hasher:
        algorithm = best_algorithm(self.destination.provider.features.checksums)
        known = map(algorithm_of, by_preference(self.known))
        return Hasher([*([algorithm] if algorithm else []), *known])

    def _offset(self, hasher: Hasher) -> int:
        return self._unseen + hasher.size

    def _journal(self, hasher: Hasher, token: str) -> Journal:
        return Journal(
            offset=self._offset(hasher),
            prefix="" if self._unseen else hasher.checksum(),
            source=self.source.name,
            size=self.facts.size,
            mtime_ns=self.facts.mtime_ns,
            hash=self.hash,
            token=token,
        )

    def _changed(self) -> ChangedFileError:
        return ChangedFileError(
            f"{self.where.path} changed at {self.source.name!r} while it was read; "
            "it is sent again when its publisher has finished"
        )

    def _damaged(self) -> FileError:
        return damaged(self.where, self.destination)


def kernel_copies(source: Site, destination: Site) -> bool:
    """Return whether both ends are disks of this machine, without a limit to keep to."""
    return all(
        end.provider.features.local_paths and not end.throttle.is_limited
        for end in (source, destination)
    )


async def copy_on_disk(
    where: Location, source: Site, destination: Site, claim: str, advance: Callable[[int], None]
) -> tuple[Handle, Copied]:
    """Return the handle of a whole, durable copy made by the kernel, hashed at both ends."""
    handle = Handle(where, claim)
    disk = cast("DiskProvider", source.provider)
    onto = cast("DiskProvider", destination.provider)
    copied = await onto.stage_from_disk(partial(disk.local_path, where), handle, advance)
    return handle, copied


async def copy_together(
    source: Site, destination: Site, handles: Sequence[Handle]
) -> Sequence[Copied | None]:
    """Return what `DiskProvider.stage_small` staged of them."""
    disk = cast("DiskProvider", source.provider)
    return await cast("DiskProvider", destination.provider).stage_small(disk, handles)


def damaged(where: Location, destination: Site) -> FileError:
    """Return the error for staged bytes that are not what was sent."""
    return FileError(
        f"{where.path} at {destination.name!r} differs from what was sent; it is sent again. "
        "If this repeats, check that storage"
    )
