"""Reading what is there now, for many notices at a time."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from reactor import queries
from reactor.events import Key, Notice, Origin
from reactor.model import Topology
from reactor.reader import Reader
from tests.reactor.conftest import Faults

Document = dict[str, Any]
Database = AsyncDatabase[Document]

TOPOLOGY = Topology("Bunny", "studio", ("studio",), {"studio": []}, frozenset({"studio"}))
SETTLED = {"path": "{root}/a", "sites": [{"name": "studio", "created_dt": 1}]}
UNSETTLED = {"path": "{root}/b", "sites": [{"name": "studio"}]}


@pytest.fixture
async def reader(database: Database) -> Reader:
    await database["Bunny"].insert_many(
        [
            {"_id": number, "type": "representation", "files": [SETTLED, UNSETTLED]}
            for number in (1, 2)
        ]
    )
    return Reader(database)


def notice(number: int, *, thorough: bool = False, origin: Origin = Origin.STREAM) -> Notice:
    return Notice(Key("Bunny", number), origin, thorough)


async def test_each_notice_is_answered_in_turn(reader: Reader) -> None:
    notices = [notice(2), notice(1, origin=Origin.SCAN), notice(3)]

    events = await reader.events(TOPOLOGY, notices)

    assert [(event.key, event.origin) for event in events] == [
        (one.key, one.origin) for one in notices
    ]


async def test_only_thorough_notices_bring_settled_files(reader: Reader) -> None:
    events = await reader.events(TOPOLOGY, [notice(1), notice(2, thorough=True)])

    found = [event.representation for event in events]
    assert [[file.position for file in one.files] for one in found if one] == [[1], [0, 1]]


async def test_a_document_that_is_gone_is_told_as_gone(reader: Reader) -> None:
    [event] = await reader.events(TOPOLOGY, [notice(3)])

    assert event.representation is None


async def test_projects_are_the_collections_of_the_studio(
    reader: Reader, database: Database
) -> None:
    await database["system.views"].find_one()
    await database.create_collection("a_view", viewOn="Bunny", pipeline=[])

    assert "Bunny" in await reader.projects()
    assert "system.views" not in await reader.projects()


async def test_the_indexes_are_partial_and_made_once(reader: Reader, database: Database) -> None:
    assert [await reader.make_indexes("Bunny") for _ in range(2)] == [None, None]

    made = await database["Bunny"].index_information()
    for name in queries.INDEXES:
        assert made[name]["partialFilterExpression"] == {"type": "representation"}


async def test_why_an_index_cannot_be_made_is_told(
    reader: Reader, database: Database, client: AsyncMongoClient[Document]
) -> None:
    await database["Bunny"].create_index([("other", 1)], name="sitesync_path")

    assert "sitesync_path" in str(await reader.make_indexes("Bunny"))


async def test_an_index_that_an_election_interrupted_is_not_taken_for_impossible(
    faults: Faults,
) -> None:
    reader = Reader(faults.database)
    await faults.database.create_collection("Bunny")
    stepped_down = {"code": 189, "errmsg": "Primary stepped down while waiting for replication"}

    async with faults.failing("createIndexes", writeConcernError=stepped_down):
        with pytest.raises(PyMongoError, match="stepped down"):
            await reader.make_indexes("Bunny")

    assert await reader.make_indexes("Bunny") is None


async def test_only_wanted_files_that_were_tried_are_read(database: Database) -> None:
    tried = {"name": "studio", "tries": 2}
    sites = [
        [{"name": "studio"}],
        [tried],
        [{**tried, "created_dt": 1}],
        [{**tried, "name": "vendor"}, {"name": "studio"}],
        [["studio"], tried],
        {"studio": {"tries": 2}},
    ]
    files = [{"path": f"{{root}}/{number}", "sites": one} for number, one in enumerate(sites)]
    documents = [files, files[:1], None]
    await database["Bunny"].insert_many(
        [
            {"_id": number, "type": "representation", "files": one}
            for number, one in enumerate(documents)
        ]
    )

    found = [one async for one in Reader(database).tried("Bunny", "studio")]

    assert [(one.id, [file.position for file in one.files]) for one in found] == [(0, [1, 4])]


async def test_files_are_found_by_the_ids_that_sites_gave_them(database: Database) -> None:
    def element(name: str, *entries: Document) -> Document:
        return {"path": f"{{root}}/{name}", "sites": [*entries]}

    drive, other = {"name": "drive", "id": "id-1"}, {"name": "other", "id": "id-1"}
    await database["Bunny"].insert_many(
        [
            {"type": "representation", "files": [element("a", drive), element("b", other)]},
            {"type": "representation", "files": [element("a", drive)]},
            {"type": "representation", "files": [element("c", {"name": "drive", "id": "id-2"})]},
            {"type": "version", "files": [element("d", drive)]},
        ]
    )

    found = await Reader(database).named_with_ids("Bunny", {"drive"}, {"id-1", "id-9"})

    assert found == ["{root}/a"]
