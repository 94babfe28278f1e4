"""The server is asked for the files that handlers have something to say about, by its indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from handlers.table import HANDLERS
from reactor import queries
from reactor.commands import Complain, KeepTransfers
from reactor.documents import parse_representation
from reactor.events import ChangeEvent, Key, Origin
from reactor.model import Representation, Topology
from reactor.queries import Due
from reactor.reader import Reader
from tests.reactor.studio_documents import PAST, PROJECT, REPRESENTATIONS, TOPOLOGIES

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]

TOPOLOGY = Topology(
    project=PROJECT,
    own="studio",
    served=("studio", "vendor"),
    alternatives={"studio": [], "vendor": ["vendor_web"], "vendor_web": []},
    reachable=frozenset({"studio", "vendor"}),
)


def document(number: int, *files: object) -> Document:
    return {"_id": number, "type": "representation", "files": [*files]}


def file(*sites: object, path: str = "{root}/a") -> Document:
    return {"_id": "f", "path": path, "sites": [*sites]}


def held(*names: str) -> list[Document]:
    return [{"name": name, "created_dt": PAST} for name in names]


async def read(collection: Collection, pipeline: list[queries.Stage]) -> dict[Any, Document]:
    return {found["_id"]: found async for found in await collection.aggregate(pipeline)}


def positions(found: Document) -> set[int]:
    return {element["i"] for element in found["files"]}


def to_look_at(representation: Representation, topology: Topology) -> Iterator[int]:
    """Yield the positions of files of which a handler has more to say than a complaint."""
    for one in representation.files:
        # That is seen only by thorough reads: `hash` changed, not `sites`.
        entries = tuple(replace(entry, source_hash=None) for entry in one.entries)
        alone = replace(representation, files=(replace(one, entries=entries),))
        event = ChangeEvent(Key(PROJECT, representation.id), Origin.STREAM, alone)
        said = [command for handler in HANDLERS for command in handler(event, topology)]
        if any(not isinstance(command, KeepTransfers | Complain) for command in said):
            yield one.position


@settings(
    max_examples=12,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking asks for minutes
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example empties the collection
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(st.lists(REPRESENTATIONS, min_size=15, max_size=25), TOPOLOGIES)
async def test_whatever_a_handler_would_act_upon_is_read(
    database: Database, documents: list[Document], topology: Topology
) -> None:
    collection = database[PROJECT]
    await collection.delete_many({})
    await collection.insert_many([{**found, "_id": n} for n, found in enumerate(documents)])
    ids = range(len(documents))

    found = await read(collection, queries.by_ids(ids, topology, thorough=False))

    for number, whole in enumerate(documents):
        if not isinstance(whole["files"], list):
            assert found[number].get("files") == whole["files"]
            continue
        representation = parse_representation(PROJECT, {**whole, "_id": number})
        assert set(to_look_at(representation, topology)) <= positions(found[number])
        for element in found[number]["files"]:
            assert element["f"] == whole["files"][element["i"]]


async def test_settled_files_are_not_read(database: Database) -> None:
    settled = [file(*held("studio", "vendor", "vendor_web", "stranger")) for _ in range(5)]
    settled[1]["sites"].append({"name": "stranger"})
    await database[PROJECT].insert_one(document(1, *settled))

    found = await read(database[PROJECT], queries.by_ids([1], TOPOLOGY, thorough=False))

    assert found[1]["files"] == []


@pytest.mark.parametrize(
    "sites",
    [
        [*held("studio"), {"name": "vendor"}, {"name": "vendor_web"}],
        [*held("studio"), {"name": "vendor", "created_dt": None}, *held("vendor_web")],
        held("studio", "vendor"),
        [*held("studio"), None],
        {"studio": {"created_dt": PAST}},
        None,
    ],
    ids=["wanted", "null", "alternative missing", "junk", "mapping", "no sites"],
)
async def test_an_unsettled_file_is_read_with_its_position(database: Database, sites: Any) -> None:
    settled = file(*held("studio", "vendor", "vendor_web"))
    await database[PROJECT].insert_one(document(1, settled, {**settled, "sites": sites}, settled))

    found = await read(database[PROJECT], queries.by_ids([1], TOPOLOGY, thorough=False))

    assert positions(found[1]) == {1}


async def test_a_file_that_lacks_a_site_that_must_have_it_is_read(database: Database) -> None:
    await database[PROJECT].insert_one(document(1, file(*held("studio"))))
    always = replace(TOPOLOGY, always=("vendor",))

    found = await read(database[PROJECT], queries.by_ids([1], always, thorough=False))

    assert positions(found[1]) == {0}


async def test_a_thorough_read_brings_all_files(database: Database) -> None:
    settled = file(*held("studio", "vendor", "vendor_web"))
    await database[PROJECT].insert_one(document(1, settled, settled))

    found = await read(database[PROJECT], queries.by_ids([1], TOPOLOGY, thorough=True))

    assert positions(found[1]) == {0, 1}


async def test_only_representations_are_read(database: Database) -> None:
    await database[PROJECT].insert_many(
        [{**document(1, file()), "type": "version"}, {**document(2, file())}]
    )

    found = await read(database[PROJECT], queries.by_ids([1, 2, 3], TOPOLOGY, thorough=True))

    assert found.keys() == {2}


async def test_site_names_that_look_like_expressions_are_names(database: Database) -> None:
    await database[PROJECT].insert_one(document(1, file({"name": "$own"}), file(*held("$own"))))
    odd = Topology(PROJECT, "$own", ("$own",), {"$own": []}, frozenset({"$own"}), ("$own",))

    found = await read(database[PROJECT], queries.by_ids([1], odd, thorough=False))

    assert positions(found[1]) == {0}


async def test_files_are_found_by_path_in_all_documents_that_name_it(database: Database) -> None:
    shared, other = file(path="{root}/shared"), file(path="{root}/other")
    await database[PROJECT].insert_many(
        [document(1, other, shared), document(2, shared, None), document(3, other)]
    )

    found = await read(database[PROJECT], queries.by_paths(["{root}/shared", "{root}/nowhere"]))

    assert {number: positions(one) for number, one in found.items()} == {1: {1}, 2: {0}}


VENDOR = Due(frozenset({"vendor"}), 3)


async def due(database: Database, after: object = queries.START, most: int = 9) -> list[object]:
    """Return the ids of documents with something to be brought to `vendor`."""
    return [found.id for found in await Reader(database).due(PROJECT, VENDOR, after, most)]


async def test_documents_with_something_due_come_in_pages_in_order(database: Database) -> None:
    wanting = file({"name": "vendor"})
    await database[PROJECT].insert_many(
        [document(number, wanting if number % 3 else file()) for number in (5, 4, 3, 2, 1)]
    )

    assert await due(database, most=2) == [1, 2]
    assert await due(database, after=2) == [4, 5]


async def test_ids_of_all_types_follow_each_other(database: Database) -> None:
    ids = [None, 1, 2.5, "a", {"part": 1}, ObjectId(), PAST]
    await database[PROJECT].insert_many(
        [{**document(0, file({"name": "vendor"})), "_id": one} for one in ids]
    )

    found: list[object] = [queries.START]
    while page := await due(database, found[-1], most=1):
        found += page

    assert found[1:] == ids


async def test_what_is_due_comes_with_the_number_of_all_files(database: Database) -> None:
    await database[PROJECT].insert_one(document(1, file(), file({"name": "vendor"}), file()))

    [found] = await Reader(database).due(PROJECT, VENDOR, queries.START, 9)

    assert found.files == 3


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "vendor", "created_dt": PAST},
        {"name": "studio"},
        [{"name": "vendor"}],
        {"name": "vendor", "tries": 3},
        {"name": "vendor", "tries": 7.0},
        {"name": "vendor", "paused": True},
    ],
    ids=["available", "elsewhere", "nested", "failed", "failed often", "paused"],
)
async def test_documents_where_nothing_is_due_are_not_found(
    database: Database, entry: object
) -> None:
    await database[PROJECT].insert_one(document(1, file(entry), file({"name": "other"})))

    assert await due(database) == []


@pytest.mark.parametrize(
    "fields", [{"tries": 2}, {"tries": "3"}, {"tries": None}, {"tries": True}, {"paused": False}]
)
async def test_what_may_be_tried_again_is_due(database: Database, fields: Document) -> None:
    await database[PROJECT].insert_one(document(1, file({"name": "vendor", **fields})))

    assert await due(database) == [1]


@pytest.fixture
async def large(database: Database) -> Collection:
    """A project of 2,000 documents, of which one in a hundred wants something."""
    collection = database[PROJECT]
    assert await Reader(database).make_indexes(PROJECT) is None
    await collection.insert_many(
        [
            document(
                number,
                file(*held("studio", "vendor"), path=f"{{root}}/{number}"),
                file(*held("studio"), *([{"name": "vendor"}] if number % 100 == 0 else ())),
            )
            for number in range(2_000)
        ]
    )
    return collection


def stages(plan: object, name: str) -> list[Document]:
    """Return all stages of a name, wherever they stand in an explained plan."""
    if isinstance(plan, list):
        return [stage for part in cast("list[object]", plan) for stage in stages(part, name)]
    if not isinstance(plan, dict):
        return []
    fields = cast("Document", plan)
    below = [stage for part in fields.values() for stage in stages(part, name)]
    return [fields, *below] if fields.get("stage") == name else below


def stages_with(explained: Document, key: str) -> Document:
    """Return what an explained aggregation tells of its first stage, wherever that stands."""
    found: Document = explained.get(key) or explained["stages"][0]["$cursor"][key]
    return found


def index_names(scans: Sequence[Document]) -> set[str]:
    return {scan["indexName"] for scan in scans}


@pytest.mark.parametrize(("after", "expected"), [(queries.START, 20), (1_500, 4)])
async def test_what_is_due_is_found_by_the_index_alone(
    large: Collection, after: object, expected: int
) -> None:
    pipeline = queries.due_at(Due(frozenset({"vendor", "nowhere"}), 3), after, 100)

    explained = await large.database.command(
        "explain",
        {"aggregate": large.name, "pipeline": pipeline, "cursor": {}},
        verbosity="executionStats",
    )

    statistics = stages_with(explained, "executionStats")
    assert statistics["nReturned"] == expected
    assert statistics["totalKeysExamined"] <= expected + 4
    plan = stages_with(explained, "queryPlanner")["winningPlan"]
    scans = stages(plan, "IXSCAN")
    assert index_names(scans) == {"sitesync_wanted"}
    assert all(len(scan["indexBounds"]["files.sites.name"]) == 1 for scan in scans)
    assert not stages(plan, "SORT")
    assert not stages(plan, "COLLSCAN")


async def test_a_path_is_found_by_the_index_alone(large: Collection) -> None:
    explained = await large.database.command(
        "explain",
        {
            "aggregate": large.name,
            "pipeline": queries.by_paths(["{root}/7", "{root}/8"]),
            "cursor": {},
        },
        verbosity="executionStats",
    )

    assert index_names(stages(explained, "IXSCAN")) == {"sitesync_path"}
    assert stages_with(explained, "executionStats")["totalKeysExamined"] <= 4
