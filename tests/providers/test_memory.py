"""What is special about a site in memory."""

from __future__ import annotations

from uuid import uuid4

import pytest

from providers.base import Location, Provider, Setup, SiteError
from providers.conformance.moves import content_at, publish, put, stage
from providers.memory import KIND, MemoryOptions


def site(store: str, folder: str = "/work") -> Provider:
    return KIND.make(Setup("cache", {"work": folder}, MemoryOptions(store=store)))


async def test_two_sites_of_one_store_hold_the_same_files() -> None:
    store = uuid4().hex
    async with site(store) as one, site(store) as other:
        made = await one.make_marker("work")
        await put(one, "file.exr", b"shared")

        assert await other.marker("work") == made
        assert await content_at(other, "file.exr") == b"shared"


async def test_a_store_outlives_its_providers() -> None:
    store = uuid4().hex
    async with site(store) as one:
        await one.make_marker("work")
        await put(one, "file.exr", b"kept")

    async with site(store) as later:
        assert await content_at(later, "file.exr") == b"kept"


async def test_a_sink_left_open_cannot_change_what_was_published() -> None:
    async with site(uuid4().hex) as provider:
        await provider.make_marker("work")
        handle = await stage(provider, "file.exr", b"good")
        async with provider.write(handle, offset=4) as sink:
            await publish(provider, handle)
            await sink.write(b" and more")

        assert await content_at(provider, "file.exr") == b"good"


@pytest.mark.parametrize("folder", ["/work", "/other"])
async def test_other_stores_and_other_folders_are_other_places(folder: str) -> None:
    store = uuid4().hex
    async with site(store) as one, site(store if folder == "/other" else "", folder) as other:
        await one.make_marker("work")

        assert await other.marker("work") is None


async def test_nothing_is_staged_below_a_root_without_a_marker() -> None:
    async with site(uuid4().hex) as provider:
        with pytest.raises(SiteError, match="sitesync site init cache"):
            await stage(provider, "file.exr", b"x")


async def test_below_a_root_without_a_marker_no_file_is_believed_to_be_gone() -> None:
    async with site(uuid4().hex) as provider:
        with pytest.raises(SiteError):
            await provider.facts(Location("work", "file.exr"))
