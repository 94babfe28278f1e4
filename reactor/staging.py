"""
Staging: the source's bytes into a staged file at the destination, hashed on the way, verified.

Nobody writes into another's staged file; what a dead owner left is taken over by renaming
(`Provider.adopt`) before it gets here. A handle that does not follow from its claim is in the
claim before the first byte is written: whoever takes over must be able to revoke it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import cast

import anyio
import structlog

from providers.base import (
    ChangedFileError,
    Copied,
    DiskProvider,
    Facts,
    FileError,
    Handle,
    Location,
    Reader,
    RevokedError,
    Sink,
)
from reactor.checksums import Hasher, algorithm_of, best_algorithm
from reactor.claims import Journal
from reactor.progress import Progress
from reactor.proof import Proof
from reactor.sites import Site
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

JOURNAL_EVERY = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Resumed:
    """Staged bytes that were taken over, and what their journal says of them."""

    handle: Handle
    journal: Journal


@dataclass(slots=True)
class Staging:
    """
    A file of these facts on its way from one site to another, staged under a claim.

    `mtime_ns` is the time that it will be published with.
    """

    where: Location
    source: Site
    destination: Site
    facts: Facts
    mtime_ns: int | None
    hash: str | None
    claim: str
    progress: Progress
    note: Callable[[Journal], Awaitable[bool]]
    handle: Handle = field(init=False)

    def __post_init__(self) -> None:
        self.handle = Handle(self.where, self.claim)

    async def run(self, resumed: Resumed | None) -> Proof:
        """Leave whole, durable, verified staged bytes at `handle`; return what was verified."""
        hasher = await self._begin(resumed)
        try:
            return await self._send(hasher)
        except RevokedError as error:
            if self.destination.provider.features.derived_handles:
                raise
            log.info("an upload was dropped by the service", path=self.where.path, why=str(error))
        await self.destination.provider.revoke(self.handle)
        self.progress.restart()
        return await self._send(await self._begin(None))

    async def _send(self, hasher: Hasher) -> Proof:
        try:
            await self._stream(hasher)
            return await self._verify(hasher)
        except FileError:
            await self.destination.provider.revoke(self.handle)
            raise

    async def _begin(self, resumed: Resumed | None) -> Hasher:
        """Have a handle to write to, and return a hasher that has seen what is staged there."""
        provider = self.destination.provider
        if resumed is not None:
            self.handle = resumed.handle
            if hasher := await self._seen(resumed):
                self.progress.resume(hasher.size)
                await self._write_down(hasher)
                return hasher
            await provider.revoke(resumed.handle)
        hasher = self._hasher()
        self.handle = await provider.stage(self.where, self.claim, self.facts.size, self.mtime_ns)
        if self.handle.token:
            await self._write_down(hasher)
        return hasher

    async def _write_down(self, hasher: Hasher) -> None:
        """Have the handle in the claim; where it has a token, nothing is staged without that."""
        written = await self.note(self._journal(hasher))
        if self.handle.token and not written:
            await self.destination.provider.revoke(self.handle)
            raise RevokedError(f"{self.where.path}: its claim could not be told of the upload")

    async def _seen(self, resumed: Resumed) -> Hasher | None:
        """
        Hash again, at the local end, what is staged; None where it is not what the journal says.

        Less may be staged than was noted: a service commits what it likes. What is staged
        beyond that is cut off; where it cannot be, the checksum of the whole will judge it.
        """
        journal, features = resumed.journal, self.destination.provider.features
        same_source = (journal.size, journal.mtime_ns) == (self.facts.size, self.facts.mtime_ns)
        if journal.hash != self.hash or not same_source:
            return None
        staged = await self.destination.provider.staged_size(resumed.handle)
        if staged is None or (staged < journal.offset and features.cuts_staged):
            return None
        size = journal.offset if features.cuts_staged else staged
        if size > journal.offset and features.published_checksum is None:
            return None
        if self.source.provider.features.local_paths:
            opened = self.source.provider.read(self.where)
        elif self.destination.provider.features.local_paths:
            opened = self.destination.provider.read_staged(resumed.handle)
        else:
            return None
        noted, seen = Hasher(), self._hasher()
        async with opened as reader:
            async for chunk in reader:
                await noted.update(chunk[: journal.offset - noted.size])
                await seen.update(chunk[: size - seen.size])
                if noted.size == journal.offset and seen.size == size:
                    break
        return seen if noted.checksum() == journal.prefix and seen.size == size else None

    async def _stream(self, hasher: Hasher) -> None:
        opened = self.source.provider.read(self.where, hasher.size)
        writing = self.destination.provider.write(self.handle, hasher.size)
        with plain_errors():
            async with self.source.blaming(opened) as reader, writing as sink:
                async with anyio.create_task_group() as notes:
                    noted = hasher.size
                    async for chunk in self.source.blamed_chunks(reader):
                        await self._pass(chunk, sink, hasher)
                        if hasher.size - noted >= JOURNAL_EVERY and hasher.size < self.facts.size:
                            noted = hasher.size
                            journal = self._journal(hasher)
                            notes.start_soon(self._note_when_down, sink, journal)
                await sink.flush()
                with self.source.blamed():
                    whole = hasher.size == self.facts.size and await self._is_at_rest(
                        reader, hasher
                    )
        if not whole:
            raise self._changed()

    async def _is_at_rest(self, reader: Reader, hasher: Hasher) -> bool:
        """
        Return whether what was read is one state of the source.

        Where the source's own service tells a checksum, that is held against the bytes.
        """
        told = self.facts.checksum
        algorithm = algorithm_of(told)
        if algorithm is None:
            return await reader.unchanged()
        if hasher.checksum(algorithm) != told:
            raise FileError(
                f"{self.where.path} came from {self.source.name!r} with other bytes than that site "
                "tells of; it is read again. If this repeats, check that storage"
            )
        return True

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

    async def _verify(self, hasher: Hasher) -> Proof:
        provider, handle = self.destination.provider, self.handle
        if algorithm := provider.features.published_checksum:
            if await provider.staged_size(handle) != self.facts.size:
                raise self._damaged()
            return Proof("size", hasher.checksum(), awaited=hasher.checksum(algorithm))
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
        features = self.destination.provider.features
        awaited = features.published_checksum or best_algorithm(features.checksums)
        return Hasher([awaited, algorithm_of(self.facts.checksum)])

    def _journal(self, hasher: Hasher) -> Journal:
        return Journal(
            offset=hasher.size,
            prefix=hasher.checksum(),
            source=self.source.name,
            size=self.facts.size,
            mtime_ns=self.facts.mtime_ns,
            hash=self.hash,
            token=self.handle.token,
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
