"""
Staging: the source's bytes into a staged file at the destination, hashed on the way, verified.

Nobody writes into another's staged file; what a dead owner left is taken over by renaming
(`Provider.adopt`) before it gets here. A handle that does not follow from its claim is in the
claim before the first byte is written: whoever takes over must be able to revoke it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
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
from reactor.checksums import Hasher, algorithm_of, best_algorithm, by_preference
from reactor.claims import Journal
from reactor.progress import Progress
from reactor.proof import Proof
from reactor.resuming import Resumed, Resuming
from reactor.sites import Site
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

JOURNAL_EVERY = 32 * 1024 * 1024


@dataclass(slots=True)
class Staging:
    """
    A file of these facts on its way from one site to another, staged under a claim.

    `mtime_ns` is the time that it will be published with, `known` are checksums that a proved copy
    has had. `note` writes a journal into the claim, and returns whether it is there. Once it has
    run, `checksums` are all that its bytes have.
    """

    where: Location
    source: Site
    destination: Site
    facts: Facts
    mtime_ns: int | None
    hash: str | None
    known: frozenset[str]
    claim: str
    progress: Progress
    note: Callable[[Journal], Awaitable[bool]]
    handle: Handle = field(init=False)
    checksums: frozenset[str] = field(default=frozenset(), init=False)
    _unseen: int = field(default=0, init=False)  # bytes at the front that no hasher sees here
    _expected: str = field(default="", init=False)  # the source's own checksum; proves those, too

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

    async def verify_whole(self, content: bytes, told: str | None) -> Proof:
        """
        Return what is proved of a small file that was staged in one piece at `handle`.

        `told` is the destination's best checksum of it, where it was asked for with others'.
        """
        hasher = self._hasher()
        await hasher.update(content)
        try:
            return await self._verify(hasher, told)
        except FileError:
            await self.destination.provider.revoke(self.handle)
            raise

    async def _send(self, hasher: Hasher) -> Proof:
        try:
            await self._stream(hasher)
            return await self._verify(hasher)
        except FileError:
            await self.destination.provider.revoke(self.handle)
            raise

    async def _begin(self, resumed: Resumed | None) -> Hasher:
        """Have a handle to write to, and return a hasher that has seen what is staged, if any has."""
        provider = self.destination.provider
        if resumed is not None:
            if hasher := await self._resume(resumed):
                return hasher
            await provider.revoke(resumed.handle)
        hasher, self._unseen, self._expected = self._hasher(), 0, ""
        self.handle = Handle(self.where, self.claim)
        try:
            self.handle = await provider.stage(
                self.where, self.claim, self.facts.size, self.mtime_ns
            )
        except FileError:
            await provider.revoke(self.handle)  # what failed to be made may be there all the same
            raise
        if self.handle.token:
            await self._write_down(self._journal(hasher))
        return hasher

    async def _resume(self, resumed: Resumed) -> Hasher | None:
        self.handle = resumed.handle
        resuming = Resuming(self.where, self.source, self.destination, self.facts, self.hash)
        try:
            seen = await resuming.seen(resumed, self._hasher())
        except FileError:
            await self.destination.provider.revoke(resumed.handle)
            raise
        if seen is None:
            return None
        self._unseen, self._expected = seen.unseen, seen.expected
        self.progress.resume(self._offset(seen.hasher))
        kept = replace(resumed.journal, source=self.source.name, token=self.handle.token)
        await self._write_down(kept if seen.unseen else self._journal(seen.hasher))
        return seen.hasher

    async def _write_down(self, journal: Journal) -> None:
        """Have the handle in the claim; where it has a token, nothing is staged without that."""
        written = await self.note(journal)
        if self.handle.token and not written:
            await self.destination.provider.revoke(self.handle)
            raise RevokedError(f"{self.where.path}: its claim could not be told of the upload")

    async def _stream(self, hasher: Hasher) -> None:
        opened = self.source.provider.read(self.where, self._offset(hasher))
        writing = self.destination.provider.write(self.handle, self._offset(hasher))
        with plain_errors():
            async with opened as reader, writing as sink:
                if not self._is_expected(reader.facts):
                    raise self._changed()
                async with anyio.create_task_group() as notes:
                    noted = hasher.size
                    async for chunk in reader:
                        await self._pass(chunk, sink, hasher)
                        is_whole = self._offset(hasher) >= self.facts.size
                        if hasher.size - noted >= JOURNAL_EVERY and not is_whole:
                            noted = hasher.size
                            notes.start_soon(self._note_when_down, sink, self._journal(hasher))
                await sink.flush()
                whole = self._offset(hasher) == self.facts.size and await self._is_at_rest(
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
        if algorithm is None or self._unseen:
            return await reader.unchanged()
        if hasher.checksum(algorithm) != told:
            raise FileError(
                f"{self.where.path} came from {self.source.name!r} with other bytes than that site "
                "tells of; it is read again. If this repeats, check that storage"
            )
        return True

    def _is_expected(self, opened: Facts) -> bool:
        """Return whether what was opened is what was looked at: it may have been replaced since."""
        times = {opened.mtime_ns, self.facts.mtime_ns} - {None}
        return opened.size == self.facts.size and len(times) < 2

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

    async def _verify(self, hasher: Hasher, told: str | None = None) -> Proof:
        """Return what is proved of the staged bytes; of the whole, unless the service tells later."""
        provider, handle = self.destination.provider, self.handle
        self.checksums = frozenset((self._expected,)) if self._unseen else hasher.checksums
        ours = None if self._unseen else hasher.checksum()
        if algorithm := provider.features.published_checksum:
            await self._check_size()
            return Proof("size", ours, awaited=self._expected or hasher.checksum(algorithm))
        if self._expected:
            if await provider.checksum(handle, str(algorithm_of(self._expected))) != self._expected:
                raise self._damaged()
            return Proof("checksum", self._expected)
        algorithm = best_algorithm(provider.features.checksums)
        found = told
        if found is None and algorithm is not None:
            found = await provider.checksum(handle, algorithm)
        if found is not None and algorithm is not None:
            if found != hasher.checksum(algorithm):
                raise self._damaged()
            return Proof("checksum", found)  # which that site can tell again
        if provider.features.read_back:
            if await self._read_back() != ours:
                raise self._damaged()
            return Proof("checksum", ours)
        await self._check_size()
        return Proof("checksum" if provider.features.proves_writes else "size", ours)

    async def _check_size(self) -> None:
        if await self.destination.provider.staged_size(self.handle) != self.facts.size:
            raise self._damaged()

    async def _read_back(self) -> str:
        hasher = Hasher()
        async with self.destination.provider.read_staged(self.handle) as reader:
            async for chunk in reader:
                await hasher.update(chunk)
        return hasher.checksum()

    def _hasher(self) -> Hasher:
        features = self.destination.provider.features
        awaited = features.published_checksum or best_algorithm(features.checksums)
        told = (self.facts.checksum, *by_preference(self.known))
        return Hasher([awaited, *map(algorithm_of, told)])

    def _offset(self, hasher: Hasher) -> int:
        return self._unseen + hasher.size

    def _journal(self, hasher: Hasher) -> Journal:
        return Journal(
            offset=self._offset(hasher),
            prefix="" if self._unseen else hasher.checksum(),
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


def sends_together(source: Site, destination: Site) -> bool:
    """Return whether small files go from a disk of this machine to a site in few steps for many."""
    features = destination.provider.features
    return (
        source.own
        and source.provider.features.local_paths
        and features.bundles
        and not features.local_paths
        and not (source.throttle.is_limited or destination.throttle.is_limited)
    )


async def copy_on_disk(
    source: Site, destination: Site, handle: Handle, advance: Callable[[int], None], kept: int
) -> Copied:
    """Leave a whole, durable copy, made by the kernel behind what is `kept`, hashed at both ends."""
    disk = cast("DiskProvider", source.provider)
    onto = cast("DiskProvider", destination.provider)
    path = partial(disk.local_path, handle.where)
    return await onto.stage_from_disk(path, handle, advance, kept)


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
