"""Who lives and who is dead, by real processes; and whose cursor may be taken over."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import anyio
import psutil
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ExecutionTimeout, OperationFailure

from reactor.registry import Registry, host

Document = dict[str, Any]
Database = AsyncDatabase[Document]

# Appears as `Registry` does, says so, and lives until its input ends.
_REACTOR = """
import sys
import anyio
from pymongo import AsyncMongoClient
from reactor.registry import Registry

async def main(uri, database):
    async with AsyncMongoClient(uri) as client:
        registry = Registry(client[database], "studio")
        await registry.register()
        print(registry.process, await registry.cursor(), flush=True)
        sys.stdin.read()

anyio.run(main, *sys.argv[1:])
"""


class Other:
    """Another process's registry."""

    def __init__(self, uri: str, database: str) -> None:
        self.child = subprocess.Popen(
            [sys.executable, "-c", _REACTOR, uri, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.child.stdout is not None
        self.process, self.cursor = self.child.stdout.readline().decode().split()

    def kill(self) -> None:
        """End it as a power cut would, but do not ask how it ended: it stays a zombie."""
        self.child.kill()
        ended = psutil.Process(self.child.pid)
        while ended.status() != psutil.STATUS_ZOMBIE:
            pass

    def reap(self) -> None:
        self.child.communicate()


@pytest.fixture
def other(mongo_uri: str, database: Database) -> Iterator[Other]:
    other = Other(mongo_uri, database.name)
    yield other
    other.reap()


@pytest.fixture
async def ours(database: Database) -> Registry:
    registry = Registry(database, "studio")
    await registry.register()
    return registry


async def neighbour(database: Database, **differs: Any) -> Registry:
    """Register a process that is this one, but for what is said to differ."""
    registry = Registry(database, "studio")
    registry._identity |= differs
    await registry.register()
    return registry


async def test_a_process_that_lives_is_not_dead(ours: Registry, other: Other) -> None:
    assert await ours.dead() == frozenset()


async def test_a_process_that_was_killed_is_dead_before_anybody_asked_how_it_ended(
    ours: Registry, other: Other
) -> None:
    other.kill()

    assert await ours.dead() == {other.process}


async def test_each_reactor_that_serves_has_a_part_of_its_own(
    ours: Registry, database: Database
) -> None:
    assert (await ours.company()).part == (0, 1)
    await neighbour(database, serves=False)
    await neighbour(database, host="another")

    neighbours = [await neighbour(database) for _ in range(2)]

    parts = [(await one.company()).part for one in (ours, *neighbours)]
    assert {count for _, count in parts} == {4}
    assert len({index for index, _ in parts}) == 3


async def test_who_was_not_seen_for_a_while_has_no_part(ours: Registry, database: Database) -> None:
    silent = await neighbour(database)
    await database["reactors"].update_one(
        {"_id": silent.process}, [{"$set": {"seen": {"$subtract": ["$$NOW", 21_000]}}}]
    )

    company = await ours.company()

    assert company.part == (0, 1)
    assert len(company.alike) == 1


async def test_those_are_alike_that_work_for_one_site_at_the_same_ones(database: Database) -> None:
    common = Registry(database, "studio", sites=["vendor", "studio"])
    await common.register("common")
    same = Registry(database, "studio", sites=["studio", "vendor"])
    await same.register("same")
    await Registry(database, "studio", sites=["studio"]).register("fewer sites")
    await Registry(database, "home", sites=["studio", "vendor"]).register("another's")
    relaying = Registry(database, "studio", sites=["studio", "vendor"], relays=True)
    await relaying.register("relays")

    company, others = await common.company(), await same.company()

    assert set(company.alike) == {"common", "same"}
    assert others.alike == company.alike
    assert (company.ours, others.ours) == ("common", "same")
    assert company.part[1] == 5


async def test_a_process_that_ended_is_dead(ours: Registry, other: Other) -> None:
    other.child.kill()
    other.reap()

    assert await ours.dead() == {other.process}


async def test_a_process_id_that_another_process_has_now_is_no_life(
    ours: Registry, database: Database
) -> None:
    born: float = ours._identity["born"]

    before = await neighbour(database, born=born - 5)

    assert await ours.dead() == {before.process}


async def test_a_process_from_before_the_machine_was_started_is_dead(
    ours: Registry, database: Database
) -> None:
    before = await neighbour(database, boot="an earlier one")

    assert await ours.dead() == {before.process}


async def test_of_another_host_nothing_is_known(ours: Registry, database: Database) -> None:
    await neighbour(database, host="elsewhere", pid=2**22 + 1)

    assert await ours.dead() == frozenset()


async def test_nobody_dies_of_a_clock_that_is_put_right(
    ours: Registry, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = psutil.boot_time()
    monkeypatch.setattr("psutil._psplatform.boot_time", lambda: started + 3600)

    assert await (await neighbour(database)).dead() == frozenset()


async def test_who_leaves_is_forgotten(ours: Registry, database: Database) -> None:
    await ours.leave()

    assert await database["reactors"].count_documents({}) == 0


async def test_a_beat_says_what_is_done_and_keeps_the_start(
    ours: Registry, database: Database
) -> None:
    registered = await database["reactors"].find_one()
    assert registered is not None

    await ours.beat({"waiting": 7, "running": ["$x"]})

    found = await database["reactors"].find_one()
    assert found is not None
    assert (found["waiting"], found["running"]) == (7, ["$x"])
    assert found["started"] == registered["started"]
    assert found["seen"] >= registered["seen"]


async def test_the_cursor_of_a_process_that_ended_is_taken_over(
    ours: Registry, other: Other
) -> None:
    other.kill()

    assert await ours.cursor() == other.cursor


async def test_the_cursor_of_a_process_that_left_is_taken_over(
    ours: Registry, database: Database
) -> None:
    left = await neighbour(database)
    name = await left.cursor()
    await left.leave()

    assert await ours.cursor() == name


async def test_two_processes_that_live_have_cursors_of_their_own(
    ours: Registry, other: Other
) -> None:
    assert await ours.cursor() != other.cursor


@pytest.mark.parametrize("differs", [{"site": "vendor"}, {"host": "elsewhere"}], ids=str)
async def test_a_cursor_of_another_site_or_host_is_not_taken(
    ours: Registry, database: Database, differs: Document
) -> None:
    away = await neighbour(database, **differs)
    name = await away.cursor()
    await away.leave()

    assert await ours.cursor() != name


async def test_many_that_start_at_once_share_no_cursor(database: Database) -> None:
    for _ in range(3):
        left = await neighbour(database)
        await left.cursor()
    await database["reactors"].delete_many({})
    names: list[str] = []

    async def start() -> None:
        registry = Registry(database, "studio")
        await registry.register()
        names.append(await registry.cursor())

    async with anyio.create_task_group() as starts:
        for _ in range(8):
            starts.start_soon(start)

    assert len(set(names)) == 8
    assert await database["cursors"].count_documents({}) == 8


def test_a_host_has_one_name_for_all_its_processes() -> None:
    child = [sys.executable, "-c", "from reactor.registry import host; print(host())"]

    assert subprocess.check_output(child, text=True).strip() == host()


async def test_what_a_dead_process_had_begun_to_record_blocks_nobody_once_it_is_buried(
    client: AsyncMongoClient[Document], database: Database
) -> None:
    await database["Bunny"].insert_one({"_id": 1})
    async with client.start_session() as session:
        await session.start_transaction()
        await database["Bunny"].update_one({"_id": 1}, {"$set": {"by": "dead"}}, session=session)
        dead = Registry(database, "studio")
        await dead.register(session.session_id["id"])

        async def write() -> None:
            change = {"$set": {"by": "alive"}}
            await database["Bunny"].find_one_and_update({"_id": 1}, change, maxTimeMS=300)

        with pytest.raises(ExecutionTimeout):
            await write()
        await Registry(database, "studio").bury(frozenset({dead.process}))
        await write()

        with pytest.raises(OperationFailure):
            await session.commit_transaction()
