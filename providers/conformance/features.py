"""Honest features: what a provider says that it can do is what it does."""

from __future__ import annotations

import re
from typing import cast

import anyio
import anyio.lowlevel
import pytest

from providers.base import (
    CHUNK,
    ChangedFileError,
    DiskProvider,
    Facts,
    Handle,
    Provider,
    ProviderError,
    RevokedError,
)
from providers.checksums import ALGORITHMS, checksum_of
from providers.conformance.moves import (
    MTIME_NS,
    Conformance,
    as_listed,
    at,
    content_at,
    difference,
    listed,
    new_claim,
    payload,
    publish,
    put,
    stage,
    write,
)
from providers.conformance.needs import needs
from providers.space import SpaceProvider

_CHECKSUM = re.compile(r"[a-z0-9-]+:[0-9a-f]{8,}")
_SECOND = 10**9
_IN_2040 = 2_208_988_800 * _SECOND


class FeatureConformance(Conformance):
    """`Features`, each of its words held against the storage."""

    async def test_its_features_make_sense_and_stay_what_they_are(self, provider: Provider) -> None:
        before = provider.features

        await put(provider, "file.exr", payload(10))

        assert provider.features == before
        assert before.transfers >= 1
        assert before.bundle >= 1
        assert before.mtime_resolution_ns is None or before.mtime_resolution_ns >= 1
        assert all(re.fullmatch("[a-z0-9-]+", name) for name in before.checksums)

    async def test_the_room_that_it_tells_is_a_part_of_all(self, provider: Provider) -> None:
        needs(provider, "space")
        assert isinstance(provider, SpaceProvider)

        space = await provider.space("work")

        assert space is None or 0 <= space.free <= space.total

    async def test_as_many_transfers_at_once_as_it_says_are_served(
        self, provider: Provider
    ) -> None:
        contents = {f"shot/{n}.exr": payload(1000 + n) for n in range(provider.features.transfers)}

        async with anyio.create_task_group() as tasks:
            for path, content in contents.items():
                tasks.start_soon(put, provider, path, content)

        for path, content in contents.items():
            assert not difference(await content_at(provider, path), content)

    async def test_others_see_at_once_what_was_published(
        self, provider: Provider, other: Provider
    ) -> None:
        content = payload(CHUNK + 1)

        published = await put(provider, "shot/file.exr", content)

        assert await other.facts(at("shot/file.exr")) == published
        assert not difference(await content_at(other, "shot/file.exr"), content)
        assert await listed(other) == {"shot/file.exr": as_listed(provider, published)}

    async def test_others_see_at_once_what_was_replaced_and_removed(
        self, provider: Provider, other: Provider
    ) -> None:
        await put(provider, "file.exr", b"old")
        await content_at(other, "file.exr")
        newer = await put(provider, "file.exr", b"newer", MTIME_NS + 10 * _SECOND)

        assert await other.facts(at("file.exr")) == newer
        assert await content_at(other, "file.exr") == b"newer"
        await provider.remove(at("file.exr"))
        assert await other.facts(at("file.exr")) is None
        assert await listed(other) == {}

    async def test_what_a_handle_is_made_of_revokes_for_anybody(
        self, provider: Provider, other: Provider
    ) -> None:
        handle = await stage(provider, "shot/file.exr", payload(10))
        token = "" if provider.features.derived_handles else handle.token
        assert bool(token) != provider.features.derived_handles

        await other.revoke(Handle(at("shot/file.exr"), handle.claim, token))

        with pytest.raises(RevokedError):
            await publish(provider, handle)

    async def test_what_was_flushed_is_gone_on_with_by_another_after_an_unclean_end(
        self, provider: Provider, other: Provider
    ) -> None:
        needs(provider, "resume", "cuts_staged")
        content = payload(3 * CHUNK)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))
        with anyio.CancelScope() as scope:
            async with provider.write(handle) as sink:
                await sink.write(content[:CHUNK])
                await sink.flush()
                await sink.write(content[CHUNK : CHUNK + 100])
                scope.cancel()
                await anyio.sleep_forever()

        staged = await other.staged_size(handle)
        assert staged is not None
        assert CHUNK <= staged <= CHUNK + 100
        taken_over = await other.adopt(handle, new_claim())
        start = CHUNK if other.features.cuts_staged else staged
        await write(other, taken_over, content[start:], offset=start)
        await publish(other, taken_over)
        assert not difference(await content_at(other, "file.exr"), content)

    async def test_bytes_are_gone_on_with_several_times(self, provider: Provider) -> None:
        needs(provider, "resume", "cuts_staged")
        content = payload(2 * CHUNK + 100)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))

        for start, end in ((0, 7), (7, CHUNK + 3), (CHUNK + 3, len(content))):
            await write(provider, handle, content[start:end], offset=start)
            assert await provider.staged_size(handle) == end

        await publish(provider, handle)
        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_a_checksum_it_promises_tells_files_apart(self, provider: Provider) -> None:
        await put(provider, "one.exr", b"content")
        await put(provider, "two.exr", b"c0ntent")
        await put(provider, "same.exr", b"content")

        for name in provider.features.checksums:
            one, two, same = [
                await provider.checksum(at(f"{path}.exr"), name) for path in ("one", "two", "same")
            ]
            assert one is not None
            assert _CHECKSUM.fullmatch(one)
            assert one.startswith(f"{name}:")
            assert one == same != two

    async def test_a_checksum_among_the_facts_is_that_of_the_bytes(
        self, provider: Provider
    ) -> None:
        content = payload(CHUNK + 1)
        facts = await put(provider, "file.exr", content)
        algorithm = (facts.checksum or "").partition(":")[0]

        known = checksum_of(algorithm, [content]) if algorithm in ALGORITHMS else facts.checksum
        assert facts.checksum == known

    async def test_times_are_told_apart_at_the_resolution_it_says(self, provider: Provider) -> None:
        needs(provider, "mtime_resolution_ns")
        resolution = provider.features.mtime_resolution_ns
        assert resolution is not None
        whole = MTIME_NS - MTIME_NS % resolution

        kept = [
            (await put(provider, f"{n}.exr", payload(1), whole + n * resolution)).mtime_ns
            for n in range(3)
        ]

        assert kept == [whole, whole + resolution, whole + 2 * resolution]

    @pytest.mark.parametrize("mtime_ns", [_SECOND, _IN_2040])
    async def test_times_far_away_are_kept(self, provider: Provider, mtime_ns: int) -> None:
        needs(provider, "mtime_resolution_ns")
        resolution = provider.features.mtime_resolution_ns
        assert resolution is not None

        facts = await put(provider, "file.exr", payload(1), mtime_ns)

        assert facts.mtime_ns is not None
        assert abs(facts.mtime_ns - mtime_ns) < resolution

    async def test_names_that_differ_in_case_are_one_where_the_marker_says_so(
        self, provider: Provider
    ) -> None:
        marker = await provider.make_marker("work")
        await put(provider, "Shot/File.exr", b"as it is spelled")

        found = await provider.facts(at("shot/file.exr"))

        assert (found is not None) == marker.folds_case
        one, two = marker.key("Shot/File.exr"), marker.key("shot/file.exr")
        assert (one == two) == marker.folds_case

    async def test_a_reader_passes_no_mix_of_two_files_for_a_whole_one(
        self, provider: Provider, other: Provider
    ) -> None:
        tells_times = provider.features.mtime_resolution_ns is not None
        old, new = payload(4 * CHUNK), payload(4 * CHUNK + (not tells_times))
        await put(provider, "file.exr", old)
        newer = await stage(other, "file.exr", new)
        chunks: list[bytes] = []
        unchanged = False
        try:
            async with provider.read(at("file.exr")) as reader:
                async for chunk in reader:
                    if not chunks:
                        await publish(other, newer, MTIME_NS + 10 * _SECOND)
                    chunks.append(chunk)
                unchanged = await reader.unchanged()
        except ProviderError as error:
            assert isinstance(error, ChangedFileError), error  # noqa: PT017 - it need not be raised

        assert not unchanged
        assert not difference(await content_at(provider, "file.exr"), new)

    async def test_at_every_moment_of_replacements_one_whole_content_is_read(
        self, provider: Provider, other: Provider
    ) -> None:
        needs(provider, "atomic_replace")
        contents = [payload(2000 + n) for n in range(8)]
        await put(provider, "file.exr", contents[0])
        handles = [await stage(provider, "file.exr", content) for content in contents[1:]]
        seen: list[bytes] = []

        async def look() -> None:
            while True:
                try:
                    seen.append(await content_at(other, "file.exr"))
                except ChangedFileError:
                    await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            for n, handle in enumerate(handles, 1):
                await publish(provider, handle, MTIME_NS + n * _SECOND)
            tasks.cancel_scope.cancel()

        assert set(seen) <= set(contents)

    async def test_a_disk_of_this_machine_has_the_bytes_where_it_says(
        self, provider: Provider
    ) -> None:
        needs(provider, "local_paths")
        content = payload(1000)
        await put(provider, "shot/file.exr", content)

        path = cast("DiskProvider", provider).local_path(at("shot/file.exr"))

        assert not difference(path.read_bytes(), content)
        assert path.is_relative_to(cast("DiskProvider", provider).root_path("work"))

    async def test_publishing_tells_the_size_of_what_was_staged(self, provider: Provider) -> None:
        sizes = (0, 1, CHUNK + 1)
        handles = [await stage(provider, f"{size}.exr", payload(size)) for size in sizes]

        outcomes = await provider.publish([(handle, MTIME_NS) for handle in handles])

        told = [outcome.size if isinstance(outcome, Facts) else outcome for outcome in outcomes]
        assert told == [*sizes]
