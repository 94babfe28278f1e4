"""From one remote site to another, in one pass, without a copy of one's own."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.lowlevel import checkpoint
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor import app, staging
from reactor.app import Reactor
from reactor.model import Work
from reactor.sites import Site
from tests.path.remotes import Remote, copied_to, element_at, held_at, published_at, remote
from tests.path.studio import PATIENCE, PROJECT, Studio, some_bytes, studio_of

Document = dict[str, Any]
MIB = 1024 * 1024
NAMES = ("studio", "drive", "archive", "vendor")


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], tmp_path: Path
) -> AsyncIterator[Studio]:
    """A studio with a disk of its own and three remote sites, which relays."""
    providers = {name: Remote(name) for name in NAMES[1:]}
    settings: Document = {"names": NAMES, "always": ("drive", "archive"), "relay": True}
    async with studio_of(client, database.name, tmp_path, providers=providers, **settings) as made:
        yield made


def files_of_its_own(studio: Studio) -> list[str]:
    return [path.name for path in studio.path("studio").rglob("*") if path.is_file()]


def site(reactor: Reactor, name: str) -> Site:
    return reactor.sites.of(PROJECT, name)


async def test_a_file_goes_from_one_remote_site_to_another_and_leaves_no_copy_on_the_way(
    studio: Studio,
) -> None:
    content = some_bytes(3 * MIB)
    async with studio.running():
        published = await published_at(studio, "drive", "shot/a.exr", content, ["vendor"])
        entry = await studio.until(published, "vendor")

    assert await held_at(studio, "vendor", "shot/a.exr") == content
    assert entry["verified"] == "checksum"
    assert files_of_its_own(studio) == [".sitesync-root"]
    [attempt] = await studio.attempts(site="vendor")
    assert (attempt["source"], attempt["how"]) == ("drive", "stream")


async def test_a_process_that_does_not_relay_leaves_it_to_others(studio: Studio) -> None:
    studio.relay = False
    published = await published_at(studio, "drive", "a.exr", some_bytes(), ["vendor"])

    await studio.run_until_idle()

    assert "created_dt" not in await studio.entry(published, "vendor")
    assert await studio.attempts(site="vendor") == []


async def test_both_directions_at_once_do_not_wait_for_each_other(studio: Studio) -> None:
    there = [
        await element_at(studio, "drive", f"to/{n}.exr", some_bytes(2 * MIB), ["vendor"])
        for n in range(12)
    ]
    back = [
        await element_at(studio, "vendor", f"back/{n}.exr", some_bytes(2 * MIB), ["drive"])
        for n in range(12)
    ]
    reactor = studio.reactor()
    for name in ("drive", "vendor"):
        site(reactor, name).limit = 1
    await studio.publish(*there, *back)

    with anyio.fail_after(PATIENCE):
        await reactor.run(until_idle=True, stop=anyio.Event())

    outcomes = [(one["site"], one["outcome"]) for one in await studio.attempts()]
    bound = [("vendor", "available"), ("drive", "available"), ("archive", "available")]
    assert sorted(outcomes) == sorted(bound[:2] * 12 + bound[2:] * 24)


async def test_never_more_transfers_at_a_site_than_it_may_have(studio: Studio) -> None:
    small = [
        await element_at(studio, "drive", f"{n}.exr", some_bytes(), ["vendor"]) for n in range(40)
    ]
    reactor, most = studio.reactor(), 0
    for name in ("drive", "vendor", "archive"):
        site(reactor, name).limit = 2

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, *(site(reactor, n).slots.borrowed_tokens for n in NAMES[1:]))
            await checkpoint()

    await studio.publish(*small)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch)
        with anyio.fail_after(PATIENCE):
            await reactor.run(until_idle=True, stop=anyio.Event())
        tasks.cancel_scope.cancel()

    assert most == 2
    assert len(await studio.attempts(site="vendor", outcome="available")) == 40


async def test_what_comes_to_the_own_site_anyway_goes_on_from_there(studio: Studio) -> None:
    drive = studio.providers["drive"]
    assert isinstance(drive, Remote)
    drive.stalls_after = 2 * MIB
    content = some_bytes(4 * MIB)
    async with studio.running():
        published = await published_at(studio, "drive", "a.exr", content, ["studio", "vendor"])
        with anyio.fail_after(PATIENCE):
            await drive.stalls.wait()
        drive.go_on.set()
        await studio.until(published, "vendor")

    assert drive.reads["a.exr"] == 1
    assert [one["source"] for one in await studio.attempts(site="vendor")] == ["studio"]
    assert await held_at(studio, "vendor", "a.exr") == content


async def test_a_source_that_fails_is_left_for_another_and_is_asked_last_from_then_on(
    studio: Studio,
) -> None:
    drive = studio.providers["drive"]
    assert isinstance(drive, Remote)
    elements = [
        await element_at(studio, "drive", f"{n}.exr", some_bytes(), ["vendor"]) for n in range(3)
    ]
    for element in elements:
        await copied_to(studio, "archive", element)
    drive.broken = True

    async with studio.running() as reactor:
        published = await studio.publish(*elements)
        for position in range(3):
            await studio.until(published, "vendor", position=position)

        assert site(reactor, "drive").suspension is not None
    attempts = await studio.attempts(site="vendor")
    assert {one["source"] for one in attempts} == {"archive"}
    assert {one["chosen"] for one in attempts} == {"what is better fails or rests"}
    for position in range(3):
        assert "tries" not in await studio.entry(published, "vendor", position)


async def test_where_a_source_is_lost_in_the_middle_another_goes_on_from_there(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "JOURNAL_EVERY", 5 * MIB)
    drive = studio.providers["drive"]
    assert isinstance(drive, Remote)
    drive.stalls_after = 6 * MIB
    content = some_bytes(8 * MIB)
    element = await element_at(studio, "drive", "a.exr", content, ["vendor"])
    await copied_to(studio, "archive", element)
    async with studio.running():
        published = await studio.publish(element)
        with anyio.fail_after(PATIENCE):
            await drive.stalls.wait()
            while not await studio.state["claims"].count_documents({"journal.offset": 5 * MIB}):
                await anyio.sleep(0.01)
        drive.broken = True
        drive.go_on.set()
        await studio.until(published, "vendor")

    [attempt] = await studio.attempts(site="vendor")
    assert (attempt["source"], attempt["sent"]) == ("archive", 3 * MIB)
    assert await held_at(studio, "vendor", "a.exr") == content


async def test_where_the_only_source_left_has_no_transfer_to_spare_nothing_is_tried_in_vain(
    studio: Studio,
) -> None:
    drive = studio.providers["drive"]
    assert isinstance(drive, Remote)
    content = some_bytes()
    element = await element_at(studio, "archive", "a.exr", content, ["vendor"])
    element["sites"].insert(0, {"name": "drive", "created_dt": "a date"})  # and is not there
    reactor, stop = studio.reactor(), anyio.Event()
    archive = site(reactor, "archive")
    archive.limit = 1
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: reactor.run(until_idle=False, stop=stop))
        await archive.slots.acquire()
        published = await studio.publish(element)
        with anyio.fail_after(PATIENCE):
            while not reactor.sites.ways.has_failed(work(element), "drive"):
                await anyio.sleep(0.01)
            await reactor.scheduler.wait_idle()
        assert "tries" not in await studio.entry(published, "vendor")
        archive.slots.release()
        entry = await studio.until(published, "vendor")
        assert "error" not in entry
        stop.set()

    assert await held_at(studio, "vendor", "a.exr") == content


def work(element: Document) -> Work:
    return Work(PROJECT, "vendor", element["path"])


@pytest.mark.parametrize("tell", ["both", "neither", "source"])
async def test_a_relayed_transfer_that_was_cut_goes_on_where_it_was(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tell: str
) -> None:
    monkeypatch.setattr(staging, "JOURNAL_EVERY", 5 * MIB)
    monkeypatch.setattr(app, "GRACE_SECONDS", 0.5)
    studio.always = ("drive",)
    drive = remote(studio, "drive", checksums=tell != "neither")
    vendor = remote(studio, "vendor", checksums=tell == "both")
    for made in (drive, vendor):
        await made.make_marker("work")
    content = some_bytes(8 * MIB)
    drive.stalls_after = 5 * MIB
    async with studio.running():
        published = await published_at(studio, "drive", "a.exr", content, ["vendor"])
        with anyio.fail_after(PATIENCE):
            await drive.stalls.wait()
            while not await studio.state["claims"].count_documents({"journal.offset": 5 * MIB}):
                await anyio.sleep(0.01)
    drive.stalls_after, drive.offsets = None, []

    await studio.run_until_idle()
    entry = await studio.entry(published, "vendor")

    assert await held_at(studio, "vendor", "a.exr") == content
    [attempt] = await studio.attempts(site="vendor")
    assert (attempt["bytes"], attempt["sent"]) == (8 * MIB, 3 * MIB)
    assert entry["verified"] == ("checksum" if tell == "both" else "size")
    assert drive.offsets[-3:] == ([5 * MIB] if tell == "both" else [0, 5 * MIB])


async def test_a_staged_prefix_that_is_not_the_sources_is_not_gone_on_with(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "JOURNAL_EVERY", 5 * MIB)
    monkeypatch.setattr(app, "GRACE_SECONDS", 0.5)
    studio.always = ("drive",)
    drive, vendor = studio.providers["drive"], studio.providers["vendor"]
    assert isinstance(drive, Remote)
    assert isinstance(vendor, Remote)
    content = some_bytes(8 * MIB)
    drive.stalls_after = 5 * MIB
    async with studio.running():
        published = await published_at(studio, "drive", "a.exr", content, ["vendor"])
        with anyio.fail_after(PATIENCE):
            await drive.stalls.wait()
            while not await studio.state["claims"].count_documents({"journal.offset": 5 * MIB}):
                await anyio.sleep(0.01)
    drive.stalls_after = None
    for staged in vendor._store.staged.values():
        staged[:4] = b"rot!"

    async with studio.running():
        entry = await studio.until(published, "vendor", "error")
        assert "differs from what was sent" in entry["error"]
        await studio.documents.update_one(
            {"_id": published}, {"$unset": {"files.0.sites.1.tries": 1}}
        )
        await studio.until(published, "vendor")

    assert await held_at(studio, "vendor", "a.exr") == content


async def services(studio: Studio) -> tuple[Remote, Remote]:
    """Let drive and vendor be two sites of one service that copies by itself."""
    both = remote(studio, "drive", copies=True), remote(studio, "vendor", copies=True)
    for made in both:
        await made.make_marker("work")
    return both


async def test_what_the_service_copies_by_itself_does_not_come_here(studio: Studio) -> None:
    await services(studio)
    content = some_bytes(3 * MIB)
    element = await element_at(studio, "archive", "a.exr", content, ["vendor"])
    await copied_to(studio, "drive", element)

    async with studio.running():
        published = await studio.publish(element)
        entry = await studio.until(published, "vendor")

    assert await held_at(studio, "vendor", "a.exr") == content
    assert entry["verified"] == "checksum"
    [attempt] = await studio.attempts(site="vendor")
    chosen = (attempt["source"], attempt["how"], attempt["chosen"])
    assert chosen == ("drive", "service", "its service copies by itself")


async def test_what_the_service_refuses_to_copy_is_sent(studio: Studio) -> None:
    _, vendor = await services(studio)
    vendor.refuses = True
    content = some_bytes()
    async with studio.running():
        published = await published_at(studio, "drive", "a.exr", content, ["vendor"])
        await studio.until(published, "vendor")

    assert await held_at(studio, "vendor", "a.exr") == content
    assert [one["how"] for one in await studio.attempts(site="vendor")] == ["stream"]
    assert not vendor._store.staged


async def test_a_copy_that_differs_from_its_original_is_never_published(studio: Studio) -> None:
    _, vendor = await services(studio)
    vendor.rots = True
    async with studio.running():
        published = await published_at(studio, "drive", "a.exr", some_bytes(), ["vendor"])
        entry = await studio.until(published, "vendor", "error")

    assert "differs from what was sent" in entry["error"]
    assert not vendor._store.published
    assert not vendor._store.staged


async def test_how_fast_files_come_is_measured_by_those_that_come(studio: Studio) -> None:
    async with studio.running() as reactor:
        published = await published_at(studio, "drive", "a.exr", some_bytes(2 * MIB), ["vendor"])
        await studio.until(published, "vendor")

        assert reactor.sites.ways.rate(("drive", "vendor"), time.monotonic())
        assert reactor.sites.ways.rate(("vendor", "drive"), time.monotonic()) is None
