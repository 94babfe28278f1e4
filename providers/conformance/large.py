"""A file beyond what 32 bits count, all zeros but for a few places: only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import pytest

from providers.base import CHUNK, Provider
from providers.checksums import ALGORITHMS, Digest
from providers.conformance.moves import MTIME_NS, Conformance, at, difference, new_claim, publish

SIZE = 5 * 1024**3 + 1
_OUTSIDE = 2**32 + 5
_MARKS = {0: b"begin", 2**31 - 2: b"half way", 2**32 - 3: b"across", SIZE - 3: b"end"}


class LargeConformance(Conformance):
    """5 GiB and one byte, held in nobody's memory."""

    pytestmark: ClassVar = [pytest.mark.anyio, pytest.mark.large]
    seconds: ClassVar[float] = 4 * 3600.0

    async def test_5_gib_and_a_byte_arrive_whole(self, provider: Provider) -> None:
        promised = provider.features.checksums & ALGORITHMS.keys()
        digests: dict[str, Digest] = {name: ALGORITHMS[name]() for name in promised or {"xxh128"}}
        handle = await provider.stage(at("cache.abc"), new_claim(), SIZE)

        async with provider.write(handle) as sink:
            for chunk in _chunks():
                for digest in digests.values():
                    digest.update(chunk)
                await sink.write(chunk)
            await sink.flush()
        assert await provider.staged_size(handle) == SIZE
        published = await publish(provider, handle, MTIME_NS)

        expected = {name: f"{name}:{digest.hexdigest()}" for name, digest in digests.items()}
        assert published.size == SIZE
        assert await self._read_from(provider, _OUTSIDE) == SIZE - _OUTSIDE
        for name in promised:
            assert await provider.checksum(at("cache.abc"), name) == expected[name]
        if not promised:
            assert await _read_back(provider) == expected["xxh128"]
        await provider.remove(at("cache.abc"))

    async def _read_from(self, provider: Provider, offset: int) -> int:
        """Return how many bytes are read from an offset on, each of them checked."""
        position = offset
        async with provider.read(at("cache.abc"), offset) as reader:
            async for chunk in reader:
                assert not difference(chunk, _bytes_at(position, len(chunk)))
                position += len(chunk)
        return position - offset


def _bytes_at(start: int, length: int) -> bytes:
    """Return what the file holds from a position on."""
    held = bytearray(length)
    for position, mark in _MARKS.items():
        for number, byte in enumerate(mark[: SIZE - position]):
            if start <= position + number < start + length:
                held[position + number - start] = byte
    return bytes(held)


def _chunks() -> Iterator[bytes]:
    for start in range(0, SIZE, CHUNK):
        yield _bytes_at(start, min(CHUNK, SIZE - start))


async def _read_back(provider: Provider) -> str:
    digest = ALGORITHMS["xxh128"]()
    async with provider.read(at("cache.abc")) as reader:
        async for chunk in reader:
            digest.update(chunk)
    return f"xxh128:{digest.hexdigest()}"
