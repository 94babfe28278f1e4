"""Alternative sites hold the same bytes under another name: what is at one is at all."""

from __future__ import annotations

import anyio
import pytest

from tests.path.studio import Studio, some_bytes


@pytest.fixture
async def vendors(studio: Studio) -> Studio:
    """The studio's vendor has a second name."""
    studio.alternatives = {"vendor": ["vendor_web"], "vendor_web": []}
    return studio


@pytest.fixture
async def exposed(studio: Studio) -> Studio:
    """The studio's own disk has a second name, which nobody reaches from here."""
    studio.alternatives = {"studio": [], "vendor": [], "sftp": ["studio"]}
    return studio


async def test_alternatives_become_available_in_the_same_write(vendors: Studio) -> None:
    async with vendors.running():
        representation = await vendors.publish_file("a.exr", some_bytes())
        first = await vendors.until(representation, "vendor")
        second = await vendors.entry(representation, "vendor_web")

    assert first["created_dt"] == second["created_dt"]
    assert first["checksum"] == second["checksum"]
    assert len(await vendors.attempts()) == 1


async def test_what_is_wanted_only_at_an_alternative_is_brought_to_the_served_one(
    vendors: Studio,
) -> None:
    content = some_bytes()
    async with vendors.running():
        representation = await vendors.publish_file("a.exr", content, wanted=["vendor_web"])
        await vendors.until(representation, "vendor_web")
        await vendors.until(representation, "vendor")

    assert vendors.path("vendor", "a.exr").read_bytes() == content


async def test_a_file_published_at_the_own_site_is_marked_at_its_alternative(
    exposed: Studio,
) -> None:
    async with exposed.running():
        representation = await exposed.publish_file("a.exr", some_bytes(), wanted=[])
        await exposed.until(representation, "sftp")

    for attempt in await exposed.attempts():  # the watch may have been first
        assert (attempt["outcome"] in ("right", "found"), attempt["sent"]) == (True, 0)


async def test_a_marked_file_that_is_not_there_is_reset_at_all_alternatives(
    exposed: Studio,
) -> None:
    file = exposed.file("a.exr", some_bytes())
    element = exposed.files_entry("a.exr", wanted=["sftp"])
    file.unlink()

    async with exposed.running():
        representation = await exposed.publish(element)
        with anyio.fail_after(20):
            while "created_dt" in await exposed.entry(representation, "studio"):
                await anyio.sleep(0.01)

    assert "not there" in (await exposed.entry(representation, "studio"))["error"]
    assert "created_dt" not in await exposed.entry(representation, "sftp")
