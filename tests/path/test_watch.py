"""What people do on the own site's disk by hand, and what the documents say afterwards."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import ObjectId

from reactor.app import Reactor
from reactor.model import OnMissing, Policy
from reactor.watching import root as root_watch
from tests.path.studio import PATIENCE, Studio, openpype_hash, some_bytes

Document = dict[str, Any]


def policy(on_missing: OnMissing = "restore", grace: float = 0.2, limit: int = 500) -> Policy:
    return Policy(on_missing, grace, limit)


@asynccontextmanager
async def watching(studio: Studio) -> AsyncGenerator[Reactor]:
    """A reactor whose watch is proved to live and has surveyed the root once."""
    async with studio.running() as reactor:
        await until(lambda: modes(reactor) == {"live"})
        await until(lambda: reactor.watches.surveyed)
        yield reactor


def modes(reactor: Reactor) -> set[str]:
    return {document["mode"] for document in reactor.watches.as_documents()}


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():
            await anyio.sleep(0.02)


async def until_entry(
    studio: Studio, representation: ObjectId, site: str, holds: Callable[[Document], bool]
) -> Document:
    with anyio.fail_after(PATIENCE):
        while not holds(entry := await studio.entry(representation, site)):
            await anyio.sleep(0.02)
    return entry


async def synced(studio: Studio, *names: str) -> list[ObjectId]:
    """Publish files, and return when the reactor has brought them to the vendor."""
    published = [await studio.publish_file(name, some_bytes()) for name in names]
    for representation in published:
        await studio.until(representation, "vendor")
    return published


async def left_alone(studio: Studio, representation: ObjectId, site: str) -> None:
    """Assert that an entry stays available for as long as it takes to see another change."""
    before = await studio.entry(representation, site)
    [other] = await synced(studio, f"other-{ObjectId()}.exr")
    studio.path("studio", (await path_of(studio, other))).unlink()
    await until_entry(studio, other, "studio", lambda entry: "created_dt" not in entry)
    assert await studio.entry(representation, site) == before


async def path_of(studio: Studio, representation: ObjectId) -> str:
    document = await studio.documents.find_one({"_id": representation})
    name: str = document["files"][0]["path"]
    return name.partition("/")[2]


def available(entry: Document) -> bool:
    return "created_dt" in entry


def wanted(entry: Document) -> bool:
    return bool(entry) and "created_dt" not in entry


async def forget(studio: Studio, representation: ObjectId, *sites: str) -> None:
    """Take sites' entries out, as if the file had never been there."""
    await studio.documents.update_one(
        {"_id": representation}, {"$pull": {"files.0.sites": {"name": {"$in": list(sites)}}}}
    )


async def test_a_file_copied_by_hand_is_marked_with_its_alternatives_once_it_is_proved(
    studio: Studio, tmp_path: Path
) -> None:
    studio.names = ("studio", "vendor", "mirror")
    studio.alternatives = {"studio": ("mirror",)}
    await studio.make_markers()
    async with watching(studio):
        [published] = await synced(studio, "a.exr")
        await studio.until(published, "mirror")
        shutil.move(studio.path("studio", "a.exr"), tmp_path / "kept.exr")
        await forget(studio, published, "studio", "mirror")

        shutil.copyfile(tmp_path / "kept.exr", studio.path("studio", "a.exr"))
        entry = await until_entry(studio, published, "studio", available)

        assert entry["verified"] == "checksum"
        assert (await studio.entry(published, "mirror"))["created_dt"] == entry["created_dt"]


async def test_other_bytes_of_the_same_size_are_not_marked(studio: Studio) -> None:
    studio.policy = policy()
    async with watching(studio):
        [published] = await synced(studio, "a.exr")
        await forget(studio, published, "studio")

        studio.file("a.exr", some_bytes())

        await left_alone(studio, published, "vendor")
        assert await studio.entry(published, "studio") == {}


async def test_where_size_is_trusted_a_file_of_the_published_size_is_marked(
    studio: Studio,
) -> None:
    studio.trusted = ("studio",)
    async with watching(studio):
        studio.file("a.exr", some_bytes())
        element = studio.files_entry("a.exr", wanted=[])
        studio.path("studio", "a.exr").unlink()
        element["sites"] = [{"name": "elsewhere", "created_dt": element["sites"][0]["created_dt"]}]
        published = await studio.publish(element)

        studio.file("a.exr", some_bytes())
        entry = await until_entry(studio, published, "studio", available)

    assert entry["verified"] == "size"


async def test_a_folder_moved_in_is_seen_with_all_its_files(studio: Studio, tmp_path: Path) -> None:
    async with watching(studio):
        names = [f"shot/v001/x.{number}.exr" for number in range(30)]
        published = await synced(studio, *names)
        shutil.move(studio.path("studio", "shot"), tmp_path / "shot")
        for representation in published:
            await forget(studio, representation, "studio")

        shutil.move(tmp_path / "shot", studio.path("studio", "shot"))
        for representation in published:
            await until_entry(studio, representation, "studio", available)


async def test_a_file_that_vanishes_is_brought_back(studio: Studio) -> None:
    studio.policy = policy("restore")
    async with watching(studio):
        [published] = await synced(studio, "a.exr")
        content = studio.path("studio", "a.exr").read_bytes()

        studio.path("studio", "a.exr").unlink()
        await until_entry(studio, published, "studio", wanted)
        await until_entry(studio, published, "studio", available)

    assert studio.path("studio", "a.exr").read_bytes() == content


async def test_a_file_that_vanishes_is_brought_back_though_its_document_changes_meanwhile(
    studio: Studio,
) -> None:
    """Another site's copy is recorded within the grace: no event on the disk will tell it again."""
    studio.policy = policy(grace=1.0)
    async with watching(studio) as reactor:
        [published] = await synced(studio, "a.exr")
        studio.path("studio", "a.exr").unlink()
        await until(lambda: any(watch._sightings._held for watch in reactor.watches._watches))
        elsewhere = {"name": "elsewhere", "created_dt": datetime.now(UTC)}
        await studio.documents.update_one(
            {"_id": published}, {"$push": {"files.0.sites": elsewhere}}
        )

        await until(lambda: studio.path("studio", "a.exr").exists())


async def test_a_file_that_vanishes_is_forgotten_where_that_is_the_policy(studio: Studio) -> None:
    studio.policy = policy("forget")
    async with watching(studio):
        [published] = await synced(studio, "a.exr")

        studio.path("studio", "a.exr").unlink()
        await until_entry(studio, published, "studio", lambda entry: entry == {})

        assert available(await studio.entry(published, "vendor"))


async def test_a_whole_folder_that_vanishes_is_noticed_by_each_of_its_files(
    studio: Studio, tmp_path: Path
) -> None:
    studio.policy = policy("forget")
    async with watching(studio):
        published = await synced(studio, *(f"shot/x.{number}.exr" for number in range(5)))

        shutil.move(studio.path("studio", "shot"), tmp_path / "gone")

        for representation in published:
            await until_entry(studio, representation, "studio", lambda entry: entry == {})


async def test_a_document_that_names_no_place_below_a_folder_does_not_end_the_watch(
    studio: Studio, tmp_path: Path
) -> None:
    studio.policy = policy("forget")
    async with watching(studio):
        [published] = await synced(studio, "shot/x.exr")
        document = await studio.documents.find_one({"_id": published})
        flawed = {**document["files"][0], "path": "{root[work]}/shot/{frame}.exr"}
        await studio.publish(flawed)

        shutil.move(studio.path("studio", "shot"), tmp_path / "gone")

        await until_entry(studio, published, "studio", lambda entry: entry == {})


async def test_a_file_that_is_away_for_a_moment_is_not_reset(studio: Studio) -> None:
    studio.policy = policy(grace=1.0)
    async with watching(studio):
        [published] = await synced(studio, "shot/a.exr")
        before = await studio.entry(published, "studio")
        folder = studio.path("studio", "shot")

        folder.rename(folder.with_name("away"))
        await anyio.sleep(0.4)  # long enough to be noticed, and shorter than the grace
        folder.with_name("away").rename(folder)

        await anyio.sleep(1.2)  # longer than the grace
        assert await studio.entry(published, "studio") == before


async def test_a_hero_republished_under_the_watch_ends_with_the_new_bytes_everywhere(
    studio: Studio,
) -> None:
    studio.policy = policy(grace=2.0)
    async with watching(studio):
        [published] = await synced(studio, "hero/a.exr")
        folder, new = studio.path("studio", "hero"), some_bytes()

        folder.rename(folder.with_name("hero.old"))
        file = studio.file("hero/a.exr", new)
        await studio.documents.update_one(
            {"_id": published}, {"$set": {"files.0.hash": openpype_hash(file)}}
        )
        shutil.rmtree(folder.with_name("hero.old"))

        await until(lambda: studio.path("vendor", "hero/a.exr").read_bytes() == new)
        await until_entry(studio, published, "vendor", available)
        entry = await studio.entry(published, "studio")
        assert available(entry)
        assert "error" not in entry


async def test_a_file_that_is_changed_in_place_is_told_and_is_no_source(studio: Studio) -> None:
    studio.policy = policy()
    async with watching(studio):
        [published] = await synced(studio, "a.exr")
        sent = studio.path("vendor", "a.exr").read_bytes()

        studio.file("a.exr", b"an artist saved over it")
        entry = await until_entry(studio, published, "studio", wanted)
        await studio.documents.update_one(
            {"_id": published},
            {"$push": {"files.0.sites": {"name": "third", "created_dt": None}}},
        )

        assert "changed after it was published" in entry["error"]
        assert studio.path("studio", "a.exr").read_bytes() == b"an artist saved over it"
        assert studio.path("vendor", "a.exr").read_bytes() == sent


async def test_bytes_that_come_back_are_marked_again(studio: Studio) -> None:
    studio.policy = policy()
    async with watching(studio):
        [published] = await synced(studio, "a.exr")
        content = studio.path("studio", "a.exr").read_bytes()
        studio.file("a.exr", b"an artist saved over it")
        await until_entry(studio, published, "studio", wanted)

        studio.file("a.exr", content)
        entry = await until_entry(studio, published, "studio", available)

    assert "error" not in entry


async def test_many_files_that_vanish_at_once_are_believed_by_nobody(studio: Studio) -> None:
    studio.policy = policy(limit=3)
    async with watching(studio) as reactor:
        published = await synced(studio, *(f"shot/x.{number}.exr" for number in range(8)))
        before = [await studio.entry(representation, "studio") for representation in published]

        shutil.rmtree(studio.path("studio", "shot"))
        await until(lambda: reactor.watches.as_documents()[0]["vanished"] == 8)
        await anyio.sleep(0.5)  # longer than the grace

        after = [await studio.entry(representation, "studio") for representation in published]
        assert after == before


async def test_a_root_that_is_gone_resets_nothing(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.policy = policy()
    monkeypatch.setattr(root_watch, "CANARY_SECONDS", 0.3)
    monkeypatch.setattr(root_watch, "CANARY_PATIENCE", 1.0)
    async with watching(studio) as reactor:
        [published] = await synced(studio, "a.exr")
        before = await studio.entry(published, "studio")
        root = studio.path("studio")

        root.rename(root.with_name("unmounted"))
        root.mkdir()
        await until(lambda: modes(reactor) == {"surveyed"})
        assert await studio.entry(published, "studio") == before

        root.rmdir()
        root.with_name("unmounted").rename(root)
        await until(lambda: modes(reactor) == {"live"})
        await left_alone(studio, published, "studio")


async def test_a_name_that_no_document_can_hold_does_not_end_the_watch(studio: Studio) -> None:
    studio.policy = policy("forget")
    async with watching(studio) as reactor:
        [published] = await synced(studio, "a.exr")
        strange = os.fsencode(studio.path("studio")) + b"/\xff\xfe.exr"
        os.close(os.open(strange, os.O_CREAT))
        await until(lambda: modes(reactor) == {"surveyed"})
        await until(lambda: modes(reactor) == {"live"})

        studio.path("studio", "a.exr").unlink()
        await until_entry(studio, published, "studio", lambda entry: entry == {})


async def test_what_happened_while_no_reactor_ran_is_found_at_its_start(studio: Studio) -> None:
    studio.policy = policy("forget")
    async with watching(studio):
        gone, moved = await synced(studio, "gone.exr", "moved.exr")
    await forget(studio, moved, "studio")
    studio.path("studio", "gone.exr").unlink()

    async with studio.running():
        await until_entry(studio, gone, "studio", lambda entry: entry == {})
        await until_entry(studio, moved, "studio", available)
