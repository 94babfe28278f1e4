"""Providers that break one promise each, and under each name the test that has to notice it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from operator import attrgetter
from typing import ClassVar
from uuid import uuid4

import anyio
import pytest
from anyio.lowlevel import checkpoint

from providers.base import (
    CHUNK,
    Facts,
    Handle,
    Listed,
    Location,
    Marker,
    MissingFileError,
    ProviderError,
    Setup,
    Unlisted,
)
from providers.conformance.suite import ProviderConformance
from providers.memory import Memory, MemoryOptions
from providers.memory.streams import MemoryReader, MemorySink

Handles = Sequence[tuple[Handle, int | None]]
Published = Sequence[Facts | ProviderError]


class Honest(Memory):
    """What all others are but for one thing."""


class ForgetsRevocations(Memory):
    async def revoke(self, handle: Handle) -> None:
        del handle
        await checkpoint()


class RevokesForItselfAlone(Memory):
    """Keeps in the object what has to be kept at the site."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._revoked: set[str] = set()

    async def revoke(self, handle: Handle) -> None:
        await checkpoint()
        self._revoked.add(handle.claim)

    async def publish(self, handles: Handles) -> Published:
        for handle, _ in handles:
            if handle.claim in self._revoked:
                await super().revoke(handle)
        return await super().publish(handles)


class PublishesLate(Memory):
    """Looks whether it was revoked, then takes its time."""

    async def publish(self, handles: Handles) -> Published:
        staged = {handle.claim: bytes(self._bytes(handle)) for handle, _ in handles}
        await anyio.sleep(0.01)
        for handle, _ in handles:
            key = self._key(handle)
            self._store.staged.setdefault(key, bytearray(staged[handle.claim]))
        return await super().publish(handles)


class IgnoresOffsets(Memory):
    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[MemoryReader]:
        del offset
        async with super().read(where, 0) as reader:
            yield reader


class AppendsAlways(Memory):
    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        del offset
        await checkpoint()
        yield MemorySink(self._bytes(handle))


class TellsNoTimes(Memory):
    async def publish(self, handles: Handles) -> Published:
        return await super().publish([(handle, None) for handle, _ in handles])


class RoundsTimes(Memory):
    async def publish(self, handles: Handles) -> Published:
        rounded = [(handle, at and at // 10**9 * 10**9) for handle, at in handles]
        return await super().publish(rounded)


class WrongChecksums(Memory):
    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        told = await super().checksum(where, algorithm)
        return told and told[:-1] + ("0" if told[-1] != "0" else "1")


class AlwaysTheSameChecksum(Memory):
    features = replace(Memory.features, checksums=frozenset({"crc32c"}))

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        del where, algorithm
        await checkpoint()
        return "crc32c:00000000"


class WrongSizes(Memory):
    async def facts(self, where: Location) -> Facts | None:
        facts = await super().facts(where)
        return facts and replace(facts, size=facts.size + 1)


class ReplacesInTwoSteps(Memory):
    async def publish(self, handles: Handles) -> Published:
        for handle, _ in handles:
            self._bytes(handle)
            await self.remove(handle.where)
            await anyio.sleep(0.001)
        return await super().publish(handles)


class NotesNoChange(Memory):
    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[MemoryReader]:
        async with super().read(where, offset) as reader:
            reader._unchanged = lambda: True
            yield reader


class FoldsCase(Memory):
    def _find(self, where: Location):  # type: ignore[no-untyped-def]  # noqa: ANN202 - a private type
        for place, file in self._store.published.items():
            if place.path.casefold() == where.path.casefold():
                return file
        return super()._find(where)


class ListsInAnyOrder(Memory):
    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        files = [file async for file in super().listing(root, folder, after, unlisted)]
        for file in sorted(files, key=attrgetter("facts.mtime_ns"), reverse=True)[::-1][1:]:
            yield file
        for file in files[:1]:
            yield file


class ListsWhatIsStaged(Memory):
    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        async for file in super().listing(root, folder, after, unlisted):
            yield file
        for staged, content in self._store.staged.items():
            yield Listed(Location(root, staged.name), Facts(len(content)))


class RaisesWhatItMeets(Memory):
    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[MemoryReader]:
        try:
            async with super().read(where, offset) as reader:
                yield reader
        except MissingFileError as error:
            raise KeyError(where.path) from error


class ChangesItsMind(Memory):
    _calls: ClassVar[list[int]] = []

    @property
    def features(self):  # type: ignore[override,no-untyped-def]  # noqa: ANN201 - it lies about this, too
        self._calls.append(1)
        return replace(Memory.features, transfers=len(self._calls))


class MakesMarkersAgain(Memory):
    async def make_marker(self, root: str) -> Marker:
        await checkpoint()
        made = Marker(uuid4().hex)
        self._store.markers[self._setup.root(root)] = made
        return made


class ServesUnmarkedRoots(Memory):
    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        self._store.markers.setdefault(self._setup.root(where.root), Marker("any"))
        return await super().stage(where, claim, size, mtime_ns)


class TokensForDerivedHandles(Memory):
    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        return replace(await super().stage(where, claim, size, mtime_ns), token="needed")


class PublishesWhatWasCancelled(Memory):
    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        try:
            async with super().write(handle, offset) as sink:
                yield sink
        except BaseException:
            self._publish(handle, None)
            raise


class DropsWhatIsLarge(Memory):
    """Loses what one call writes beyond a chunk."""

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        async with super().write(handle, offset) as sink:
            whole = sink.write

            async def write(chunk: bytes) -> None:
                await whole(chunk[:CHUNK])

            sink.write = write  # type: ignore[method-assign]
            yield sink


class NeverAnswers(Memory):
    async def facts(self, where: Location) -> Facts | None:
        await anyio.sleep_forever()
        return await super().facts(where)


NOTICED: dict[type[Memory], str] = {
    ForgetsRevocations: "test_what_the_next_owner_has_published_stays[closed]",
    RevokesForItselfAlone: "test_what_the_next_owner_has_published_stays[closed]",
    PublishesLate: "test_of_a_publication_and_a_revocation_at_once_either_counts_whole",
    IgnoresOffsets: "test_reading_starts_at_the_offset[1]",
    AppendsAlways: "test_writing_goes_on_at_an_offset_and_cuts_what_lay_beyond",
    TellsNoTimes: "test_the_time_is_kept_at_its_resolution",
    RoundsTimes: "test_times_are_told_apart_at_the_resolution_it_says",
    WrongChecksums: "test_the_checksums_it_promises_are_those_of_the_bytes[1]",
    AlwaysTheSameChecksum: "test_a_checksum_it_promises_tells_files_apart",
    WrongSizes: "test_facts_tell_the_size[1]",
    ReplacesInTwoSteps: "test_at_every_moment_of_a_replacement_a_whole_file_stands_there",
    NotesNoChange: "test_a_reader_notices_that_its_file_was_replaced",
    FoldsCase: "test_names_that_differ_in_case_are_one_where_the_marker_says_so",
    ListsInAnyOrder: "test_a_listing_is_in_the_order_of_whole_paths",
    ListsWhatIsStaged: "test_staged_bytes_are_not_visible",
    RaisesWhatItMeets: "test_a_missing_file_is_told_by_its_name",
    ChangesItsMind: "test_its_features_make_sense_and_stay_what_they_are",
    MakesMarkersAgain: "test_a_marker_is_made_once",
    ServesUnmarkedRoots: "test_nothing_is_staged_below_a_root_without_a_marker",
    TokensForDerivedHandles: "test_a_derived_handle_is_the_one_that_staging_returned",
    PublishesWhatWasCancelled: "test_cancelled_in_mid_write_nothing_is_published",
    DropsWhatIsLarge: "test_bytes_may_come_in_pieces_of_any_size",
    NeverAnswers: "test_there_are_no_facts_of_a_file_that_is_not_there",
}


def _suite(kind: type[Memory]) -> type[ProviderConformance]:
    """Return the suite over providers of one kind."""

    class Suite(ProviderConformance):
        seconds = 2.0 if kind is NeverAnswers else ProviderConformance.seconds

        @pytest.fixture
        def setup(self) -> Setup:
            roots = {"work": "/work", "bare": "/bare"}
            return Setup("tried", roots, MemoryOptions(store=uuid4().hex))

        @pytest.fixture
        async def provider(self, setup: Setup) -> AsyncIterator[Memory]:
            async with kind(setup) as entered:
                yield entered

        @pytest.fixture
        async def other(self, setup: Setup) -> AsyncIterator[Memory]:
            async with kind(setup) as entered:
                yield entered

    return Suite


_ALL: tuple[type[Memory], ...] = (Honest, *NOTICED)
for _kind in _ALL:
    globals()[f"Test{_kind.__name__}"] = _suite(_kind)
