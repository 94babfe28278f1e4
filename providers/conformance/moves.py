"""The steps that the suite's tests are made of."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar
from uuid import uuid4

import pytest

from providers.base import CHUNK, Facts, Handle, Location, Marker, Provider, ProviderError

MTIME_NS = 1_700_000_123_456_789_012
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 17)


class Conformance:
    """What all parts of the suite stand on: root `work` has its marker."""

    pytestmark: ClassVar = [pytest.mark.anyio]
    seconds: ClassVar[float] = 60.0
    """After so long a test has failed: a provider that hangs is told, and does not stop the suite."""

    @pytest.fixture
    def other(self, provider: Provider) -> Provider:
        """
        Return another entered provider of the same storage, as another process has it.

        Define it beside `provider`: what only one object knows would otherwise pass for shared.
        """
        return provider

    @pytest.fixture(autouse=True)
    async def work_marker(self, provider: Provider) -> Marker:
        """Make the marker of root `work`."""
        return await provider.make_marker("work")


def at(path: str, root: str = "work") -> Location:
    """Return a place below a root."""
    return Location(root, path)


def new_claim() -> str:
    """Return a claim id that nobody has used."""
    return uuid4().hex


def payload(size: int) -> bytes:
    """Return bytes that no other call returns."""
    return os.urandom(size)


async def write(provider: Provider, handle: Handle, content: bytes, offset: int = 0) -> None:
    """Write staged bytes in uneven chunks, until they are at the far side."""
    async with provider.write(handle, offset) as sink:
        for start in range(0, len(content), CHUNK - 7):
            await sink.write(content[start : start + CHUNK - 7])
        await sink.flush()


async def stage(
    provider: Provider, path: str, content: bytes, mtime_ns: int | None = None
) -> Handle:
    """Stage bytes under a claim of their own."""
    handle = await provider.stage(at(path), new_claim(), len(content), mtime_ns)
    await write(provider, handle, content)
    return handle


async def publish(provider: Provider, handle: Handle, mtime_ns: int | None = None) -> Facts:
    """Publish one handle, or raise why it was not published."""
    [outcome] = await provider.publish([(handle, mtime_ns)])
    if isinstance(outcome, ProviderError):
        raise outcome
    return outcome


async def put(
    provider: Provider, path: str, content: bytes, mtime_ns: int | None = MTIME_NS
) -> Facts:
    """Stage and publish bytes."""
    return await publish(provider, await stage(provider, path, content, mtime_ns), mtime_ns)


async def content_at(provider: Provider, path: str, offset: int = 0) -> bytes:
    """Return the published bytes from `offset` on."""
    async with provider.read(at(path), offset) as reader:
        return b"".join([chunk async for chunk in reader])


def difference(found: bytes, expected: bytes) -> str:
    """
    Say where bytes begin to differ; nothing where they are the same.

    `==` in an assertion is for what is short: pytest works out the whole difference where the
    variable `CI` is set, which takes longer than a test has for two chunks of noise.
    """
    if found == expected:
        return ""
    both = zip(found, expected, strict=False)
    start = next((n for n, (one, two) in enumerate(both) if one != two), len(expected))
    ours, theirs = (content[start : start + 16].hex(" ") for content in (expected, found))
    return f"{len(found)} bytes of {len(expected)}; from byte {start} on: {theirs}, not {ours}"


async def staged_content(provider: Provider, handle: Handle) -> bytes:
    """Return the staged bytes."""
    async with provider.read_staged(handle) as reader:
        return b"".join([chunk async for chunk in reader])


async def listed(provider: Provider, folder: str = "", after: str = "") -> dict[str, Facts]:
    """Return what is published below a folder of root `work`, in the order it is listed in."""
    found = provider.listing("work", folder, after)
    return {file.where.path: file.facts async for file in found}


def as_listed(provider: Provider, facts: Facts) -> Facts:
    """Return what a listing tells of a file with these facts."""
    if provider.features.lists_sizes_only:
        return replace(facts, mtime_ns=None, id=None, checksum=None)
    return facts
