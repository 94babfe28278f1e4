"""
Staging: the source's bytes into a staged file at the destination, hashed on the way, verified.

Nobody writes into another's staged file; what a dead owner left is taken over by renaming
(`Provider.adopt`) before it gets here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast

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
from reactor.checksums import Hasher, best_algorithm
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


@dataclass(slots=True)
class Staging:
    """A file of these facts on its way from one site to another, staged under a claim."""

    where: Location
    source: Site
    destination: Site
    facts: Facts
    hash: str | None
    claim: str
    progress: Progress
    note: Callable[[Journal], Awaitable[None]]

    async def run(self, resumed: Resumed | None) -> tuple[Handle, Proof]:
        """Return the handle of whole, durable, verified staged bytes, and what was verified."""
        handle = Handle(self.where, self.claim)  # what failed to be made may be there all the same
        try:
            handle, hasher = await self._begin(resumed)
            await self._stream(handle, hasher)
            return handle, await self._verify(handle, hasher)
        except FileError:
            await self.destination.provider.revoke(handle)
            raise

    async def _begin(self, resumed: Resumed | None) -> tuple[Handle, Hasher]:
        """Return a handle to write to, and a hasher that has seen what is staged there."""
        hasher = self._hasher()
        provider = self.destination.provider
        if resumed is not None:
            if await self._prefix_holds(resumed, hasher):
                self.progress.resume(hasher.size)
                await self.note(self._journal(hasher, resumed.handle.token))
                return resumed.handle, hasher
            await provider.revoke(resumed.handle)
            hasher = self._hasher()
        handle = await provider.stage(self.where, self.claim, self.facts.size)
        if handle.token:
            await self.note(self._journal(hasher, handle.token))
        return handle, hasher

    async def _prefix_holds(self, resumed: Resumed, hasher: Hasher) -> bool:
        """Hash the staged prefix again, at the local end, and compare it with the journal."""
        journal = resumed.journal
        same_source = (journal.size, journal.mtime_ns) == (self.facts.size, self.facts.mtime_ns)
        if journal.hash != self.hash or not same_source:
            return False
        staged = await self.destination.provider.staged_size(resumed.handle)
        if staged is None or staged < journal.offset:
            return False
        if self.source.provider.features.local_paths:
            opened = self.source.provider.read(self.where)
        elif self.destination.provider.features.local_paths:
            opened = self.destination.provider.read_staged(resumed.handle)
        else:
            return False
        async with opened as reader:
            async for chunk in reader:
                await hasher.update(chunk[: journal.offset - hasher.size])
                if hasher.size == journal.offset:
                    break
        return hasher.checksum() == journal.prefix

    async def _stream(self, handle: Handle, hasher: Hasher) -> None:
        opened = self.source.provider.read(self.where, hasher.size)
        writing = self.destination.provider.write(handle, hasher.size)
        with plain_errors():
            async with self.source.blaming(opened) as reader, writing as sink:
                if not self._is_expected(reader.facts):
                    raise self._changed()
                async with anyio.create_task_group() as notes:
                    noted = hasher.size
                    async for chunk in self.source.blamed_chunks(reader):
                        await self._pass(chunk, sink, hasher)
                        if hasher.size - noted >= JOURNAL_EVERY and hasher.size < self.facts.size:
                            noted = hasher.size
                            journal = self._journal(hasher, handle.token)
                            notes.start_soon(self._note_when_down, sink, journal)
                await sink.flush()
                with self.source.blamed():
                    whole = hasher.size == self.facts.size and await reader.unchanged()
        if not whole:
            raise self._changed()

    def _is_expected(self, opened: Facts) -> bool:
        """Return whether what was opened is what was looked at: it may have been replaced since."""
        return (opened.size, opened.mtime_ns) == (self.facts.size, self.facts.mtime_ns)

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
        algorithm = best_algorithm(provider.features.checksums)
        found = await provider.checksum(handle, algorithm) if algorithm else None
        if found is not None and algorithm is not None:
            if found != hasher.checksum(algorithm):
                raise self._damaged()
            return Proof("checksum", hasher.checksum())
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
        return Hasher([algorithm] if algorithm else [])

    def _journal(self, hasher: Hasher, token: str) -> Journal:
        return Journal(
            offset=hasher.size,
            prefix=hasher.checksum(),
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
