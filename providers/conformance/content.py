"""Bytes and facts: what was put is what is read, and what is told of it is true."""

from __future__ import annotations

import anyio
import pytest

from providers.base import CHUNK, MissingFileError, Provider, ProviderError
from providers.checksums import ALGORITHMS, checksum_of
from providers.conformance.moves import (
    MTIME_NS,
    SIZES,
    Conformance,
    at,
    content_at,
    difference,
    new_claim,
    payload,
    publish,
    put,
    stage,
    staged_content,
)
from providers.conformance.needs import needs


class ContentConformance(Conformance):
    """Streams, facts, times, ranges, checksums."""

    @pytest.mark.parametrize("size", SIZES)
    async def test_published_bytes_are_those_that_were_written(
        self, provider: Provider, size: int
    ) -> None:
        content = payload(size)

        await put(provider, "shot/file.exr", content)

        assert not difference(await content_at(provider, "shot/file.exr"), content)

    @pytest.mark.parametrize("size", SIZES)
    async def test_staged_bytes_can_be_read_back_before_they_are_published(
        self, provider: Provider, size: int
    ) -> None:
        needs(provider, "reads_staged")
        content = payload(size)

        handle = await stage(provider, "file.exr", content)

        assert not difference(await staged_content(provider, handle), content)

    async def test_bytes_may_come_in_pieces_of_any_size(self, provider: Provider) -> None:
        content = payload(3 * CHUNK + 700)
        sizes = (0, 1, 2 * CHUNK + 1, 0, 7, *[13] * 50, CHUNK)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))

        async with provider.write(handle) as sink:
            position = 0
            for size in sizes:
                await sink.write(content[position : position + size])
                position += size
            await sink.write(content[position:])
            await sink.flush()
        await publish(provider, handle)

        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_what_was_written_after_a_flush_arrives_too(self, provider: Provider) -> None:
        content = payload(2 * CHUNK)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))

        async with provider.write(handle) as sink:
            for start in range(0, len(content), CHUNK // 2):
                await sink.write(content[start : start + CHUNK // 2])
                await sink.flush()
        await publish(provider, handle)

        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_a_flush_beside_the_writing_loses_nothing(self, provider: Provider) -> None:
        content = payload(4 * CHUNK)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))

        async with provider.write(handle) as sink, anyio.create_task_group() as beside:
            for start in range(0, len(content), CHUNK):
                await sink.write(content[start : start + CHUNK])
                beside.start_soon(sink.flush)
        await publish(provider, handle)

        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_a_reader_yields_bytes_and_no_empty_ones(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(2 * CHUNK + 1))

        async with provider.read(at("file.exr")) as reader:
            chunks = [chunk async for chunk in reader]

        assert all(type(chunk) is bytes and chunk for chunk in chunks)
        assert max(map(len, chunks)) <= 16 * CHUNK

    @pytest.mark.parametrize("offset", [0, 1, CHUNK, 2 * CHUNK + 4, 2 * CHUNK + 5])
    async def test_reading_starts_at_the_offset(self, provider: Provider, offset: int) -> None:
        content = payload(2 * CHUNK + 5)
        await put(provider, "file.exr", content)

        assert not difference(await content_at(provider, "file.exr", offset), content[offset:])

    @pytest.mark.parametrize("size", [0, 1, CHUNK + 1])
    async def test_facts_tell_the_size(self, provider: Provider, size: int) -> None:
        await put(provider, "file.exr", payload(size))

        facts = await provider.facts(at("file.exr"))

        assert facts is not None
        assert facts.size == size

    async def test_publishing_returns_the_facts_of_the_published_file(
        self, provider: Provider
    ) -> None:
        published = await put(provider, "file.exr", payload(10))

        assert await provider.facts(at("file.exr")) == published

    @pytest.mark.parametrize("size", [0, 1, 2 * CHUNK + 1])
    async def test_publishing_tells_the_checksum_that_it_promises(
        self, provider: Provider, size: int
    ) -> None:
        needs(provider, "published_checksum")
        algorithm = provider.features.published_checksum
        assert algorithm is not None
        content = payload(size)

        published = await put(provider, "file.exr", content)

        assert published.checksum == checksum_of(algorithm, [content])

    async def test_the_time_is_kept_at_its_resolution(self, provider: Provider) -> None:
        needs(provider, "mtime_resolution_ns")
        resolution = provider.features.mtime_resolution_ns
        assert resolution is not None

        facts = await put(provider, "file.exr", payload(10), MTIME_NS)

        assert facts.mtime_ns is not None
        assert abs(facts.mtime_ns - MTIME_NS) < resolution

    async def test_a_time_need_not_be_given(self, provider: Provider) -> None:
        assert (await put(provider, "file.exr", payload(10), mtime_ns=None)).size == 10

    async def test_there_are_no_facts_of_a_file_that_is_not_there(self, provider: Provider) -> None:
        assert await provider.facts(at("no/such/file.exr")) is None

    async def test_reading_a_file_that_is_not_there_says_so(self, provider: Provider) -> None:
        with pytest.raises(MissingFileError):
            await content_at(provider, "no/such/file.exr")

    async def test_a_folder_is_not_a_file_to_read(self, provider: Provider) -> None:
        await put(provider, "folder/file.exr", payload(1))

        with pytest.raises(ProviderError):
            await content_at(provider, "folder")

    async def test_a_reader_knows_the_facts_of_its_opening(self, provider: Provider) -> None:
        published = await put(provider, "file.exr", payload(CHUNK + 1))

        async with provider.read(at("file.exr")) as reader:
            assert reader.facts == published
            assert await reader.unchanged()

    async def test_a_reader_notices_that_its_file_was_replaced(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(10))
        newer = await stage(provider, "file.exr", payload(11))

        async with provider.read(at("file.exr")) as reader:
            await publish(provider, newer, MTIME_NS + 10**10)

            assert not await reader.unchanged()

    async def test_a_reader_notices_that_its_file_was_removed(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(10))

        async with provider.read(at("file.exr")) as reader:
            await provider.remove(at("file.exr"))

            assert not await reader.unchanged()

    @pytest.mark.parametrize("size", [0, 1, 2 * CHUNK + 1])
    async def test_the_checksums_it_promises_are_those_of_the_bytes(
        self, provider: Provider, size: int
    ) -> None:
        content = payload(size)
        await put(provider, "file.exr", content)
        promised = provider.features.checksums & ALGORITHMS.keys()

        told = {name: await provider.checksum(at("file.exr"), name) for name in promised}

        assert told == {name: checksum_of(name, [content]) for name in promised}

    async def test_the_checksums_it_promises_hold_for_staged_bytes(
        self, provider: Provider
    ) -> None:
        if provider.features.published_checksum:
            # Then `test_publishing_tells_the_checksum_that_it_promises` has them.
            pytest.skip("features.published_checksum is set: only what is published is hashed")
        content = payload(CHUNK + 1)
        handle = await stage(provider, "file.exr", content)
        promised = provider.features.checksums & ALGORITHMS.keys()

        told = {name: await provider.checksum(handle, name) for name in promised}

        assert told == {name: checksum_of(name, [content]) for name in promised}

    async def test_a_checksum_that_it_cannot_make_is_none(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(10))

        assert await provider.checksum(at("file.exr"), "parity") is None
