"""Scans on a real database: they top the queue up, and nothing holds them up for ever."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import AutoReconnect

import reactor.reader
from reactor.claims import Claim, Place
from reactor.commands import RequestTransfer
from reactor.events import Notice, Origin
from reactor.model import Topology, Work
from reactor.turns import in_turn
from tests.reactor.sources.scanned_studio import LIMIT, PATIENCE, PROJECT, SHARE, Studio

Document = dict[str, Any]


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> AsyncGenerator[Studio]:
    yield Studio(client, database, "one")
    await client.drop_database(f"{database.name}_state")


@pytest.fixture
def other(
    studio: Studio, client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> Studio:
    """Another process of the same studio."""
    return Studio(client, database, "other")


async def test_what_is_wanted_at_served_sites_is_found(studio: Studio) -> None:
    await studio.publish([1, 2], "vendor")
    await studio.publish([3], "drive")
    await studio.publish([4])
    await studio.publish([5], "stranger")

    found = await studio.scans.unfinished(studio.topology)

    assert found == 3
    assert sorted(map(str, studio.seen)) == ["1", "2", "3"]
    assert {notice.origin for notice in studio.noticed} == {Origin.SCAN}


async def test_an_unfinished_scan_fills_the_queue_up_to_its_share_only(studio: Studio) -> None:
    await studio.publish(range(500), "vendor")

    await studio.scans.unfinished(studio.topology)

    assert len(studio.scheduler.queue) == SHARE


async def test_of_documents_with_many_files_few_are_read_at_a_time(studio: Studio) -> None:
    await studio.publish(range(90), "vendor", files=50)

    await studio.scans.unfinished(studio.topology)

    assert len(studio.seen) == 20
    assert len(studio.scheduler.queue) == LIMIT


async def test_what_was_left_is_found_when_there_is_room_again(studio: Studio) -> None:
    await studio.publish(range(700), "vendor", "drive")

    async with studio.scanning():
        await studio.scans.settled()
        await studio.scheduler.wait_idle()

    brought = {(work.site, work.path) for work in studio.hands.brought}
    assert len(brought) == 1_400


async def test_one_site_that_is_suspended_holds_up_no_other(studio: Studio) -> None:
    await studio.publish(range(800), "drive")
    await studio.publish(range(800, 1_100), "vendor")
    studio.hands.suspended.add("drive")

    async with studio.scanning():
        await studio.scans.settled()
        await studio.scheduler.wait_idle()

    assert {work.site for work in studio.hands.brought} == {"vendor"}
    assert len(studio.hands.brought) == 300
    assert len(studio.scheduler.queue) >= SHARE


async def test_when_a_suspended_site_is_back_the_rest_is_found(studio: Studio) -> None:
    await studio.publish(range(800), "drive")
    studio.hands.suspended.add("drive")
    async with studio.scanning():
        await studio.scans.settled()
        await studio.scheduler.wait_idle()
        studio.hands.suspended.clear()
        site = studio.scheduler._sites.of(PROJECT, "drive")
        site.recovered()
        for work in list(studio.scheduler.queue.waiting()):
            studio.scheduler.queue.add(work, 0)
        studio.scheduler._wake.set()
        while len({work.path for work in studio.hands.brought}) < 800:
            await anyio.sleep(0.01)


async def test_names_that_fell_out_of_the_queue_are_found_again(studio: Studio) -> None:
    await studio.publish(range(3 * LIMIT), "vendor")
    for number in range(3 * LIMIT):
        work = Work(PROJECT, "vendor", f"{{root[work]}}/{number}.0")
        studio.scheduler.request(RequestTransfer(work), Origin.STREAM)
    studio.scans._anew = studio.scans._asked = False
    studio.scans._due[PROJECT] = anyio.current_time() + 1_000

    async with studio.scanning():
        while len({work.path for work in studio.hands.brought}) < 3 * LIMIT:
            await anyio.sleep(0.01)


async def test_what_is_paused_is_not_looked_for(studio: Studio) -> None:
    await studio.publish([1], "vendor")
    await studio.publish([2], "drive")
    studio.pauses.replace([{"project": PROJECT, "site": "vendor"}])

    await studio.scans.unfinished(studio.topology)

    assert studio.seen == [2]


async def test_what_waits_for_a_site_that_cannot_be_served_is_told_so_once(
    studio: Studio,
) -> None:
    reached = frozenset(("studio", "drive"))
    broken = {"vendor": "it has no root"}
    studio.topology = replace(studio.topology, reachable=reached, problems=broken)
    await studio.publish(range(150), "vendor")

    found = [await studio.scans.unfinished(studio.topology) for _ in range(2)]

    assert found == [150, 0]
    [told] = await studio.documents.distinct("files.sites.error")
    assert told == "it has no root"


async def test_a_request_while_a_scan_waits_for_room_begins_anew(studio: Studio) -> None:
    await studio.publish(range(10, 900), "vendor")
    studio.hands.busy = True
    async with studio.scanning():
        await studio.until_seen(2 * SHARE)
        await studio.publish([1], "vendor")
        studio.scheduler.queue.discard_project(PROJECT)
        studio.scans.request()
        while 1 not in studio.seen:
            await anyio.sleep(0.01)


async def test_a_project_is_scanned_again_when_its_interval_is_over(studio: Studio) -> None:
    studio.topology = replace(studio.topology, interval=0.05)
    await studio.publish([0])
    async with studio.scanning():
        await studio.scans.settled()
        await studio.publish([1], "vendor")
        await studio.until_seen(1)


async def test_projects_of_one_interval_are_looked_up_together(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"Show{number}" for number in range(20)]
    for name in names:
        await studio.database[name].insert_one({"type": "project"})
    interval = 0.4

    def topology_of(name: str) -> Topology:
        return replace(studio.topology, project=name, interval=interval)

    monkeypatch.setattr(studio.scans, "_topology_of", topology_of)
    listed: list[float] = []
    projects = studio.reader.projects

    async def counted() -> list[str]:
        listed.append(anyio.current_time())
        return await projects()

    monkeypatch.setattr(studio.reader, "projects", counted)
    async with studio.scanning():
        while len(listed) < 4:
            await anyio.sleep(0.01)

    apart = [later - earlier for earlier, later in pairwise(listed)]
    assert min(apart) > interval / 2


async def test_a_project_that_is_gone_is_not_waited_for(studio: Studio) -> None:
    studio.topology = replace(studio.topology, interval=0.05)
    await studio.publish([0])
    async with studio.scanning():
        await studio.scans.settled()
        await studio.database.drop_collection(PROJECT)
        while studio.scans._due:
            await anyio.sleep(0.01)


async def test_a_full_scan_looks_thoroughly_at_what_is_odd(studio: Studio) -> None:
    await studio.publish([1])
    await studio.publish([2], "vendor")
    await studio.documents.insert_one(
        {
            "_id": 3,
            "type": "representation",
            "files": [{"path": "{root}/a", "sites": {"studio": {}}}],
        }
    )

    found = await studio.scans.full(studio.topology)

    assert found == 1
    [notice] = studio.noticed
    assert (notice.key.representation, notice.thorough) == (3, True)
    migrated = await studio.documents.find_one({"_id": 3})
    assert migrated is not None
    assert migrated["files"][0]["sites"] == [{"name": "studio"}]


async def test_a_full_scan_that_was_asked_for_finds_what_is_wanted_too(studio: Studio) -> None:
    await studio.publish([1], "vendor")
    studio.scans.request(full=True)

    async with studio.scanning():
        await studio.scans.settled()

    assert studio.seen == [1]


@pytest.fixture
async def odd(studio: Studio) -> None:
    """Nine documents with something to mend, which a scan meets in batches of two."""
    await studio.documents.insert_many(
        [
            {"_id": number, "type": "representation", "files": [{"path": number}]}
            for number in range(9)
        ]
    )


async def test_a_full_scan_that_was_cut_goes_on_where_it_was(
    studio: Studio, odd: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactor.reader, "_BATCH", 2)
    plain = studio.dispatch

    async def failing(notices: Iterable[Notice]) -> None:
        if len(studio.seen) == 4 and not cuts:
            cuts.append("cut")
            raise AutoReconnect("the primary is gone")
        await plain(notices)

    cuts: list[str] = []
    monkeypatch.setattr(studio.scans, "_dispatch", failing)

    await studio.scans.full(studio.topology)

    assert cuts
    assert studio.seen == list(range(9))


async def test_a_cursor_that_is_killed_costs_no_second_scan(
    studio: Studio, odd: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reactor.reader, "_BATCH", 1)
    plain = studio.dispatch

    async def killing(notices: Iterable[Notice]) -> None:
        await plain(notices)
        if len(studio.seen) == 2:
            pipeline = [{"$currentOp": {"idleCursors": True, "allUsers": True}}]
            async for operation in await studio.database.client.admin.aggregate(pipeline):
                cursor = operation.get("cursor", {}).get("cursorId")
                if cursor and operation["ns"] == f"{studio.database.name}.{PROJECT}":
                    await studio.database.command("killCursors", PROJECT, cursors=[cursor])

    monkeypatch.setattr(studio.scans, "_dispatch", killing)

    await studio.scans.full(studio.topology)

    assert studio.seen == list(range(9))


async def test_a_project_is_scanned_fully_by_one_process_at_a_time(
    studio: Studio, other: Studio, odd: None
) -> None:
    async with in_turn(other.claims, f"scan of {PROJECT}"):
        assert await studio.scans.full(studio.topology) == 0

    assert await studio.scans.full(studio.topology) == 9


async def test_a_patient_scan_waits_for_its_turn(
    studio: Studio, other: Studio, odd: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = anyio.Event()
    take = studio.claims.take

    async def asked(places: Sequence[Place]) -> dict[str, Claim]:
        taken = await take(places)
        if not taken:
            refused.set()
        return taken

    monkeypatch.setattr(studio.claims, "take", asked)
    studio.scans.patient = True
    theirs = in_turn(other.claims, f"scan of {PROJECT}")
    with anyio.fail_after(PATIENCE):
        async with anyio.create_task_group() as tasks, theirs:
            tasks.start_soon(studio.scans.full, studio.topology)
            await refused.wait()
            assert studio.seen == []

    assert studio.seen == list(range(9))
