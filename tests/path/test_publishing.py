"""From a published representation to verified copies and true documents."""

from __future__ import annotations

import os
from datetime import datetime

import anyio

from providers.base import Handle, Location, Setup
from providers.memory import Memory, MemoryOptions
from reactor.model import source_hash
from tests.path.studio import PROJECT, Studio, some_bytes


async def test_a_published_file_arrives_verified_and_its_document_says_so(studio: Studio) -> None:
    content = some_bytes()
    async with studio.running():
        representation = await studio.publish_file("Show/shot/x.0001.exr", content)
        entry = await studio.until(representation, "vendor")

    copy = studio.path("vendor", "Show/shot/x.0001.exr")
    document = await studio.documents.find_one({"_id": representation})
    assert copy.read_bytes() == content
    assert entry["verified"] == "checksum"
    assert entry["checksum"].startswith("xxh128:")
    assert entry["source_hash"] == source_hash(document["files"][0]["hash"])
    assert isinstance(entry["created_dt"], datetime)


async def test_the_copy_keeps_the_time_of_the_published_file(studio: Studio) -> None:
    file = studio.file("a.exr", some_bytes())
    os.utime(file, ns=(1_700_000_000_123_456_000, 1_700_000_000_123_456_000))

    await studio.publish(studio.files_entry("a.exr"))
    await studio.run_until_idle()

    assert studio.path("vendor", "a.exr").stat().st_mtime_ns == file.stat().st_mtime_ns


async def test_ten_publishes_while_no_reactor_ran_are_all_there_after_start(
    studio: Studio,
) -> None:
    await studio.run_until_idle()
    published = [await studio.publish_file(f"{i}.exr", some_bytes()) for i in range(10)]

    reactor = await studio.run_until_idle()

    for representation in published:
        assert "created_dt" in await studio.entry(representation, "vendor")
    assert not reactor.has_failures


async def test_a_second_look_changes_nothing(studio: Studio) -> None:
    representation = await studio.publish_file("a.exr", some_bytes())
    await studio.run_until_idle()
    before = await studio.documents.find_one({"_id": representation})

    await studio.run_until_idle()

    assert await studio.documents.find_one({"_id": representation}) == before
    assert len(await studio.attempts()) == 1


async def test_no_claim_and_no_staged_file_is_left(studio: Studio) -> None:
    await studio.publish(
        *[studio.files_entry(studio.file(f"{i}.exr", some_bytes()).name) for i in range(30)]
    )

    await studio.run_until_idle()

    assert await studio.state["claims"].count_documents({}) == 0
    assert not list(studio.folder.rglob(".sitesync-*.part"))


async def test_one_path_in_several_representations_is_sent_once(studio: Studio) -> None:
    studio.file("tex.png", some_bytes())
    first = await studio.publish(studio.files_entry("tex.png"))
    second = await studio.publish(studio.files_entry("tex.png"))

    await studio.run_until_idle()

    assert len(await studio.attempts()) == 1
    for representation in (first, second):
        assert "created_dt" in await studio.entry(representation, "vendor")


async def test_a_hero_version_republished_at_the_same_path_is_sent_again_everywhere(
    studio: Studio,
) -> None:
    old, new = some_bytes(), some_bytes()
    async with studio.running():
        representation = await studio.publish_file("hero.ma", old)
        await studio.until(representation, "vendor")

        studio.file("hero.ma", new)
        changed = studio.files_entry("hero.ma")
        await studio.documents.update_one(
            {"_id": representation},
            {"$set": {"files.0.hash": changed["hash"], "files.0.size": changed["size"]}},
        )
        with anyio.fail_after(20):
            while studio.path("vendor", "hero.ma").read_bytes() != new:
                await anyio.sleep(0.01)
        await studio.until_attempts(2)

    entry = await studio.entry(representation, "vendor")
    assert entry["source_hash"] == source_hash(changed["hash"])
    assert "created_dt" in entry


async def test_bytes_that_are_right_already_are_not_sent(studio: Studio) -> None:
    content = some_bytes()
    file = studio.file("a.exr", content)
    copy = studio.file("a.exr", content, at="vendor")
    os.utime(copy, ns=(file.stat().st_mtime_ns, file.stat().st_mtime_ns))

    await studio.publish(studio.files_entry("a.exr"))
    await studio.run_until_idle()

    (attempt,) = await studio.attempts()
    assert (attempt["outcome"], attempt["sent"]) == ("right", 0)


async def test_other_bytes_of_the_same_size_are_replaced(studio: Studio) -> None:
    content = some_bytes()
    studio.file("a.exr", content)
    studio.file("a.exr", some_bytes(), at="vendor")

    await studio.publish(studio.files_entry("a.exr"))
    await studio.run_until_idle()

    assert studio.path("vendor", "a.exr").read_bytes() == content


async def test_a_file_published_elsewhere_comes_to_the_own_site(studio: Studio) -> None:
    content = some_bytes()
    studio.file("a.exr", content, at="vendor")
    representation = await studio.publish(
        studio.files_entry("a.exr", at="vendor", wanted=["studio"])
    )

    await studio.run_until_idle()

    assert studio.path("studio", "a.exr").read_bytes() == content
    assert "created_dt" in await studio.entry(representation, "studio")


async def test_sites_of_always_accessible_on_get_an_entry_and_the_file(studio: Studio) -> None:
    studio.names, studio.always = ("studio", "vendor", "backup"), ("backup",)
    await studio.make_markers()
    content = some_bytes()

    async with studio.running():
        representation = await studio.publish_file("a.exr", content)
        await studio.until(representation, "backup")

    assert studio.path("backup", "a.exr").read_bytes() == content


async def test_the_old_mapping_of_sites_is_served_and_becomes_the_list(studio: Studio) -> None:
    content = some_bytes()
    studio.file("a.exr", content)
    element = studio.files_entry("a.exr")
    element["sites"] = {"studio": {"created_dt": datetime.now()}, "vendor": {}}  # noqa: DTZ005 - so does OpenPype
    representation = await studio.publish(element)

    await studio.run_until_idle()

    document = await studio.documents.find_one({"_id": representation})
    assert [entry["name"] for entry in document["files"][0]["sites"]] == ["studio", "vendor"]
    assert studio.path("vendor", "a.exr").read_bytes() == content


async def test_an_empty_file_arrives(studio: Studio) -> None:
    representation = await studio.publish_file("empty.txt", b"")

    await studio.run_until_idle()

    assert studio.path("vendor", "empty.txt").read_bytes() == b""
    assert "created_dt" in await studio.entry(representation, "vendor")


async def test_entries_of_sites_that_the_settings_lack_are_left_alone(studio: Studio) -> None:
    representation = await studio.publish_file(
        "a.exr", some_bytes(), wanted=["vendor", "some-artist"]
    )

    await studio.run_until_idle()

    assert await studio.entry(representation, "some-artist") == {"name": "some-artist"}


async def test_a_dropped_project_is_forgotten(studio: Studio) -> None:
    async with studio.running() as reactor:
        await studio.publish_file("a.exr", some_bytes())
        await studio.until_attempts(1)

        await studio.documents.drop()

    assert not [work for work in reactor.scheduler.queue.waiting() if work.project == PROJECT]


async def test_two_spellings_of_one_path_are_one_place(studio: Studio) -> None:
    content = some_bytes()
    studio.file("shot/a.exr", content)
    first, second = studio.files_entry("shot/a.exr"), studio.files_entry("shot/a.exr")
    second["path"] = "{root[work]}/shot//a.exr"

    async with studio.running() as reactor:
        representation = await studio.publish(first, second)
        await studio.until(representation, "vendor", position=0)
        reactor.scans.request()
        await studio.until(representation, "vendor", position=1)

    outcomes = sorted(attempt["outcome"] for attempt in await studio.attempts())
    assert outcomes == ["available", "right"]
    assert studio.path("vendor", "shot/a.exr").read_bytes() == content


async def test_a_destination_is_told_size_and_time_before_the_first_byte(studio: Studio) -> None:
    file = studio.file("a.exr", some_bytes(700))
    os.utime(file, ns=(1_700_000_000_123_456_000, 1_700_000_000_123_456_000))
    told: list[tuple[int, int | None]] = []

    class Noting(Memory):
        async def stage(
            self, where: Location, claim: str, size: int, mtime_ns: int | None = None
        ) -> Handle:
            told.append((size, mtime_ns))
            return await super().stage(where, claim, size, mtime_ns)

    studio.providers["vendor"] = Noting(Setup("vendor", {"work": "/"}, MemoryOptions(store="told")))
    await studio.provider("vendor").make_marker("work")

    await studio.publish(studio.files_entry("a.exr"))
    await studio.run_until_idle()

    assert told == [(700, 1_700_000_000_123_456_000)]
