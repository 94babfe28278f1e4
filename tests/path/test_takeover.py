"""
A reactor that is paused anywhere, and another that takes its work over in the meantime.

The pause is exact: the first reactor's disk waits at one step until the test lets it go on.
What the second does in between is what the model checker explored (protocol_findings.md).
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Copied, Facts, Handle, ProviderError, RevokedError, Setup
from providers.local_drive import LocalDrive, LocalDriveOptions
from reactor import bringing
from reactor.app import Reactor
from reactor.claims import Claim, Place
from reactor.model import source_hash
from tests.path.studio import PATIENCE, Studio, some_bytes, studio_of

HALF = 4 * 1024 * 1024
EPOCH = datetime.fromtimestamp(0, UTC)


class PausedDisk(LocalDrive):
    """A disk whose owner is paused just before, or just after, it publishes."""

    def __init__(self, setup: Setup, *, after: bool) -> None:
        super().__init__(setup)
        self._after = after
        self.paused = anyio.Event()
        self.go_on = anyio.Event()
        self.results: Sequence[Facts | ProviderError] = ()

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        if self._after:
            self.results = await super().publish(handles)
        self.paused.set()
        await self.go_on.wait()
        if not self._after:
            self.results = await super().publish(handles)
        return self.results


@asynccontextmanager
async def _paused(studio: Studio, *, after: bool = False) -> AsyncGenerator[PausedDisk]:
    """Run a reactor until it is paused at the publish; it goes on when the block ends."""
    roots = {"work": str(studio.path("vendor"))}
    disk = PausedDisk(Setup("vendor", roots, LocalDriveOptions()), after=after)
    studio.providers["vendor"] = disk
    first = studio.reactor()
    del studio.providers["vendor"]
    stop = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: first.run(until_idle=False, stop=stop))
        with anyio.fail_after(PATIENCE):
            await disk.paused.wait()
        await studio.state["claims"].update_many({}, {"$set": {"expires": EPOCH}})
        yield disk
        disk.go_on.set()
        await _until_idle(first)
        stop.set()


async def _until_idle(reactor: Reactor) -> None:
    with anyio.fail_after(PATIENCE):
        await reactor.scheduler.wait_idle()


async def _judge(studio: Studio, representation: ObjectId, content: bytes) -> dict[str, Any]:
    """Say that the document is true: available, of its hash, with the right bytes."""
    document = await studio.documents.find_one({"_id": representation})
    entry = await studio.entry(representation, "vendor")
    assert "created_dt" in entry
    assert entry.get("source_hash") == source_hash(document["files"][0]["hash"])
    assert studio.path("vendor", "a.exr").read_bytes() == content
    assert not list(studio.folder.rglob(".sitesync-*.part"))
    assert await studio.state["claims"].count_documents({}) == 0
    return entry


async def test_what_a_paused_owner_staged_is_revoked_before_the_place_is_used(
    studio: Studio,
) -> None:
    content = some_bytes()
    representation = await studio.publish_file("a.exr", content)

    async with _paused(studio) as disk:
        await studio.run_until_idle()
        await _judge(studio, representation, content)

    assert isinstance(disk.results[0], ProviderError)
    await _judge(studio, representation, content)
    assert [a["outcome"] for a in await studio.attempts()] == ["available"]


async def test_an_owner_paused_after_publishing_cannot_record(studio: Studio) -> None:
    content = some_bytes()
    representation = await studio.publish_file("a.exr", content)

    async with _paused(studio, after=True):
        await studio.run_until_idle()
        recorded = await _judge(studio, representation, content)

    assert await _judge(studio, representation, content) == recorded
    assert [a["outcome"] for a in await studio.attempts()] == ["right"]


@pytest.mark.parametrize("pause", ["before", "after"])
async def test_a_hero_republished_during_the_pause_ends_with_the_new_bytes(
    studio: Studio, pause: str
) -> None:
    old, new = some_bytes(), some_bytes()
    representation = await studio.publish_file("a.exr", old)

    async with _paused(studio, after=pause == "after"):
        studio.file("a.exr", new)
        changed = studio.files_entry("a.exr")
        await studio.documents.update_one(
            {"_id": representation}, {"$set": {"files.0.hash": changed["hash"]}}
        )
        await studio.run_until_idle()
        await _judge(studio, representation, new)

    await _judge(studio, representation, new)


async def test_a_record_for_a_hash_that_is_no_more_is_not_written(studio: Studio) -> None:
    old, new = some_bytes(), some_bytes()
    representation = await studio.publish_file("a.exr", old)
    async with _paused(studio) as disk:
        await studio.state["claims"].update_many({}, {"$set": {"expires": EPOCH}})
        studio.file("a.exr", new)
        changed = studio.files_entry("a.exr")
        await studio.state["pauses"].insert_one({"_id": "all", "project": None, "site": None})
        await studio.documents.update_one(
            {"_id": representation}, {"$set": {"files.0.hash": changed["hash"]}}
        )
        disk.go_on.set()
        with anyio.fail_after(PATIENCE):
            while await studio.state["claims"].count_documents({}):
                await anyio.sleep(0.01)
        assert "created_dt" not in await studio.entry(representation, "vendor")
        await studio.state["pauses"].delete_one({"_id": "all"})
        await studio.until(representation, "vendor")

    await _judge(studio, representation, new)


async def test_what_was_read_before_the_place_was_claimed_is_not_put_over_a_later_version(
    client: AsyncMongoClient[dict[str, Any]],
    database: AsyncDatabase[dict[str, Any]],
    tmp_path: Path,
) -> None:
    names = ("studio", "vendor", "archive")
    async with studio_of(client, database.name, tmp_path, names=names) as studio:
        for site in ("vendor", "archive"):
            old = studio.file("a.exr", b"old", at=site)
            os.utime(old, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))
        element = studio.files_entry("a.exr", at="vendor", wanted=["studio"])
        element["sites"].append({"name": "archive", "created_dt": EPOCH})
        representation = await studio.publish(element)

        async with _paused_before_claiming(studio):
            studio.file("a.exr", b"new", at="vendor")
            later = studio.files_entry("a.exr", at="vendor", wanted=["studio"])
            await studio.documents.update_one({"_id": representation}, {"$set": {"files.0": later}})
            await studio.run_until_idle()
            assert "created_dt" in await studio.entry(representation, "studio")

        assert studio.path("studio", "a.exr").read_bytes() == b"new"
        assert await studio.state["claims"].count_documents({}) == 0


@pytest.mark.parametrize("staged", ["as copied", "lost in a power cut"])
async def test_a_copy_goes_on_where_its_dead_owner_came_to(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, staged: str
) -> None:
    monkeypatch.setattr(bringing, "JOURNALLED_BYTES", 0)
    content = some_bytes(2 * HALF)
    representation = await studio.publish_file("a.exr", content)

    async with _dead_half_way(studio) as part:
        if staged != "as copied":
            part.write_bytes(bytes(HALF))
        await studio.run_until_idle()
        entry = await _judge(studio, representation, content)

    assert entry["verified"] == "checksum"
    assert "tries" not in entry
    (attempt,) = await studio.attempts()
    assert attempt["outcome"] == "available"
    assert attempt["sent"] == (HALF if staged == "as copied" else HALF + len(content))


async def test_a_copy_of_another_version_is_not_gone_on_with(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bringing, "JOURNALLED_BYTES", 0)
    representation = await studio.publish_file("a.exr", some_bytes(2 * HALF))
    content = some_bytes(2 * HALF)

    async with _dead_half_way(studio):
        studio.file("a.exr", content)
        changed = studio.files_entry("a.exr")
        await studio.documents.update_one(
            {"_id": representation}, {"$set": {"files.0.hash": changed["hash"]}}
        )
        await studio.run_until_idle()
        await _judge(studio, representation, content)

    (attempt,) = await studio.attempts()
    assert attempt["sent"] == len(content)


class HalfWayDisk(LocalDrive):
    """A disk on which a copy comes to its half, and no further."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.over = anyio.Event()

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        await self.stage(handle.where, handle.claim, HALF)
        async with self.write(handle, kept) as sink:
            await sink.write(source().read_bytes()[:HALF])
        progress(HALF)
        await self.over.wait()
        raise RevokedError("its owner is dead")


@asynccontextmanager
async def _dead_half_way(studio: Studio) -> AsyncGenerator[Path]:
    """Run a reactor until its copy is half done, and take it for dead; give what is staged."""
    disk = HalfWayDisk(Setup("vendor", {"work": str(studio.path("vendor"))}, LocalDriveOptions()))
    studio.providers["vendor"] = disk
    first, stop = studio.reactor(), anyio.Event()
    del studio.providers["vendor"]
    claims = studio.state["claims"]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: first.run(until_idle=False, stop=stop))
        with anyio.fail_after(PATIENCE):
            while not await claims.count_documents({"journal.offset": {"$gt": 0}}):
                await anyio.sleep(0.01)
            while not (parts := [*studio.path("vendor").rglob("*.part")]):
                await anyio.sleep(0.01)
            while parts[0].stat().st_size < HALF:
                await anyio.sleep(0.01)
        await claims.update_many({}, {"$set": {"over": True, "expires": EPOCH}})
        yield parts[0]
        disk.over.set()
        await _until_idle(first)
        stop.set()


@asynccontextmanager
async def _paused_before_claiming(studio: Studio) -> AsyncGenerator[None]:
    """Run a reactor that is paused once it has read what to do; it goes on when the block ends."""
    first, stop = studio.reactor(), anyio.Event()
    take, paused, go_on = first._claims.take, anyio.Event(), anyio.Event()

    async def take_later(places: Sequence[Place]) -> dict[str, Claim]:
        if any(place.site for place in places):
            paused.set()
            await go_on.wait()
        return await take(places)

    first._claims.take = take_later  # type: ignore[method-assign]  # as SIGSTOP would stop it there
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: first.run(until_idle=False, stop=stop))
        with anyio.fail_after(PATIENCE):
            await paused.wait()
        yield
        go_on.set()
        await _until_idle(first)
        stop.set()


async def test_two_reactors_share_the_work_and_do_nothing_twice(studio: Studio) -> None:
    elements: list[dict[str, Any]] = []
    for number in range(60):
        studio.file(f"{number}.exr", some_bytes())
        elements.append(studio.files_entry(f"{number}.exr"))

    async with studio.running(), studio.running():
        representation = await studio.publish(*elements)
        for position in range(60):
            await studio.until(representation, "vendor", position=position)

    outcomes = [attempt["outcome"] for attempt in await studio.attempts()]
    assert outcomes == ["available"] * 60
