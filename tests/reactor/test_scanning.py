"""The full scan and the unfinished one find whatever a handler would act upon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bson
import pytest
from bson import CodecOptions
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from handlers.table import HANDLERS
from reactor.commands import Command, KeepTransfers, StopTransfer
from reactor.documents import parse_representation
from reactor.events import ChangeEvent, Key, Origin
from reactor.model import Topology, source_hash
from reactor.queries import START, Due
from reactor.reader import Reader
from reactor.scanning import Found, judged, portions
from tests.reactor.studio_documents import PAST, PROJECT, REPRESENTATIONS, TOPOLOGIES

Document = dict[str, Any]
Database = AsyncDatabase[Document]

TOPOLOGY = Topology(
    project=PROJECT,
    own="studio",
    served=("studio", "vendor"),
    alternatives={"studio": [], "vendor": ["vendor_web"], "vendor_web": []},
    reachable=frozenset({"studio", "vendor"}),
)


def document(number: int, *files: object) -> Document:
    return {"_id": number, "type": "representation", "files": [*files]}


def file(*sites: object, **fields: object) -> Document:
    return {"_id": "f", "path": "{root[work]}/shots/a_v001.exr", "sites": [*sites], **fields}


def held(*names: str, **fields: object) -> list[Document]:
    return [{"name": name, "created_dt": PAST, **fields} for name in names]


def settled(**fields: object) -> Document:
    return file(*held("studio", "vendor", "vendor_web"), **{"size": 64, **fields})


async def overlooked(database: Database, topology: Topology, after: object = START) -> list[Found]:
    """Return what the full scan finds."""
    reader = Reader(database)
    found: list[Found] = []
    async with await reader.overlooked(topology, after) as batches:
        async for batch in batches:
            found += judged(batch, reader.codec, after)[0]
    return found


def said(whole: Document, number: int, topology: Topology) -> Iterator[Command]:
    """Yield what handlers want done of a document, but for what stops that which runs."""
    representation = parse_representation(PROJECT, {**whole, "_id": number})
    event = ChangeEvent(Key(PROJECT, number), Origin.SCAN, representation)
    for handler in HANDLERS:
        for command in handler(event, topology):
            if not isinstance(command, KeepTransfers | StopTransfer):
                yield command


@settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking asks for minutes
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example empties the collection
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(st.lists(REPRESENTATIONS, min_size=20, max_size=30), TOPOLOGIES)
async def test_scans_find_every_document_of_which_a_handler_has_something_to_say(
    database: Database, documents: list[Document], topology: Topology
) -> None:
    collection = database[PROJECT]
    await collection.delete_many({})
    await collection.insert_many([{**one, "_id": n} for n, one in enumerate(documents)])
    sites = topology.together(topology.served)

    found = {one.id for one in await overlooked(database, topology)}
    wanted = Due(sites, topology.retry_count)
    found |= {one.id for one in await Reader(database).due(PROJECT, wanted, START, 100)}

    for number, whole in enumerate(documents):
        if commands := list(said(whole, number, topology)):
            assert number in found, commands


async def test_what_is_settled_is_not_found(database: Database) -> None:
    sites = held("studio", "vendor", "vendor_web")
    sites[1]["source_hash"] = source_hash("h")
    await database[PROJECT].insert_one(
        document(
            1,
            settled(),
            settled(size=None),
            settled(size=0),
            settled(path="{root}/a.b/c..d"),
            {**settled(hash="h"), "sites": sites},
            file(*held("studio", "stranger", source_hash=source_hash(None))),
        )
    )

    assert await overlooked(database, TOPOLOGY) == []


async def test_what_is_only_wanted_is_left_to_the_unfinished_scan(database: Database) -> None:
    wanted = file(*held("studio"), {"name": "vendor"}, {"name": "vendor_web"})
    await database[PROJECT].insert_one(document(1, wanted))

    assert await overlooked(database, TOPOLOGY) == []


ODD: dict[str, object] = {
    "alternative missing": file(*held("studio", "vendor")),
    "stale": file(*held("studio", source_hash=source_hash("old")), hash="new"),
    "one of two stale": file(
        *held("studio", source_hash=source_hash("h")), *held("drive", source_hash="x"), hash="h"
    ),
    "doubled": file(*held("studio", "studio")),
    "mapping": {**settled(), "sites": {"studio": {}}},
    "junk among sites": file(*held("studio"), 5),
    "a name that is none": file({"name": 5}),
    "no file": 7,
    "path that leaves": settled(path="{root}/../a"),
    "path of nothing": settled(path="{root}//"),
    "no path": settled(path=None),
    "negative size": settled(size=-1),
    "size of no number": settled(size="64"),
}


@pytest.mark.parametrize("kind", sorted(ODD))
async def test_one_odd_file_among_settled_ones_is_enough(database: Database, kind: str) -> None:
    await database[PROJECT].insert_one(document(1, settled(), ODD[kind], settled()))

    assert await overlooked(database, TOPOLOGY) == [Found(1, 3)]


async def test_a_site_that_must_have_every_file_is_missed(database: Database) -> None:
    await database[PROJECT].insert_one(document(1, file(*held("studio"))))
    always = replace(TOPOLOGY, always=("vendor",))

    assert await overlooked(database, always) == [Found(1, 1)]


async def test_a_document_without_files_is_found(database: Database) -> None:
    await database[PROJECT].insert_one({"_id": 1, "type": "representation"})

    assert await overlooked(database, TOPOLOGY) == [Found(1, 0)]


async def test_a_scan_goes_on_behind_an_id_of_any_type(database: Database) -> None:
    ids = [None, 1, "a", {"part": 1}, PAST]
    await database[PROJECT].insert_many([{**document(0, 7), "_id": one} for one in ids])

    behind = [len(await overlooked(database, TOPOLOGY, after)) for after in (START, None, 1, "a")]

    assert behind == [5, 4, 3, 2]


def test_what_was_judged_last_is_told_though_nothing_was_found() -> None:
    batch = bson.encode({"_id": 7, "files": 1, "odd": False, "made": []})

    assert judged(batch, CodecOptions(), START) == ([], 7)


def test_portions_are_of_so_many_files_or_of_one_document() -> None:
    sizes = [12, 3, 5, 20, 1, 1, 8, 9]

    made = list(portions([Found(n, size) for n, size in enumerate(sizes)], most=10))

    assert [[one.files for one in portion] for portion in made] == [
        *([12], [3, 5], [20]),
        *([1, 1, 8], [9]),
    ]
