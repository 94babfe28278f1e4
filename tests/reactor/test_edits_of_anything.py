"""Whatever the document, the server's result is the plain model's; and its log stays small."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor import edits
from reactor.commands import AddEntries, MigrateSites, ResetStale
from reactor.documents import parse_representation
from reactor.edits import FileEdit, by_document, file_edit
from reactor.model import FileRef
from reactor.updates import update_of, update_of_many
from tests.reactor.edited import on_server
from tests.reactor.studio_documents import HASHES, PAST, REPRESENTATIONS, SITES, STRANGER
from tests.reactor.update_model import carried_out

Document = dict[str, Any]
Database = AsyncDatabase[Document]

_MS = st.just(5_000)
_SETS = st.frozensets(st.sampled_from([*SITES, STRANGER]), max_size=3)
_FACTS = st.sampled_from(
    [{"verified": "size"}, {"checksum": "xxh128:02", "verified": "checksum", "id": "$new"}]
)


def _added(file: FileRef, sites: frozenset[str]) -> FileEdit:
    return file_edit(AddEntries(file, sites))


def _reset_stale(file: FileRef, sites: frozenset[str]) -> FileEdit:
    return file_edit(ResetStale(file, sites))


def _migrated(file: FileRef) -> FileEdit:
    return file_edit(MigrateSites(file))


_EDITS: st.SearchStrategy[Callable[[FileRef], FileEdit]] = st.one_of(
    st.builds(partial, st.just(edits.completion), sites=_SETS, facts=_FACTS),
    st.builds(partial, st.just(edits.failure), sites=_SETS, error=st.just("$no"), retry_ms=_MS),
    st.builds(partial, st.just(edits.stopped), sites=_SETS, error=st.just("no"), tries=st.just(3)),
    st.builds(partial, st.just(edits.reset), sites=_SETS, error=st.sampled_from([None, "gone"])),
    st.builds(partial, st.just(edits.verification), sites=_SETS, facts=_FACTS),
    st.builds(partial, st.just(edits.reset_copy), sites=_SETS),
    st.builds(partial, st.just(edits.removal), sites=_SETS),
    st.builds(partial, st.just(edits.progress), sites=_SETS, done=st.just(1 / 3)),
    st.builds(partial, st.just(_added), sites=_SETS),
    st.builds(partial, st.just(_reset_stale), sites=_SETS),
    st.just(_migrated),
)


def _case(
    document: Document, wanted: list[tuple[int, Callable[[FileRef], FileEdit]]], other: FileRef
) -> tuple[Document, list[FileEdit]]:
    """Return a document with edits: some are meant for what it was, or will be."""
    refs = [
        FileRef("Bunny", 1, file.position, file.id, file.hash)
        for file in parse_representation("Bunny", document).files
    ]
    places = [*refs, *refs, *refs, other]
    return document, [edit(places[number % len(places)]) for number, edit in wanted]


_OTHERS = st.builds(
    FileRef,
    *(st.just("Bunny"), st.just(1), st.integers(0, 4)),
    *(st.sampled_from(["f1", None, 3]), st.sampled_from([*HASHES, None])),
)
_WANTED = st.lists(st.tuples(st.integers(0, 99), _EDITS), min_size=1, max_size=4)
_CASES = st.builds(_case, REPRESENTATIONS, _WANTED, _OTHERS)


_ON_SERVER = settings(
    max_examples=15,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking asks for minutes
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example empties the collection
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)


@_ON_SERVER
@given(st.lists(_CASES, min_size=12, max_size=20))
async def test_the_server_does_what_the_model_says(
    database: Database, documents: list[tuple[Document, list[FileEdit]]]
) -> None:
    # One write, one time: of several rounds only the last one's is known.
    once = [(document, rounds_of(wanted)[0]) for document, wanted in documents]

    for number, (found, now) in enumerate(await on_server(database, once)):
        document, wanted = once[number]
        assert found == {**carried_out(document, wanted, now), "_id": number}


@_ON_SERVER
@given(st.lists(_CASES, min_size=12, max_size=20))
async def test_one_update_of_many_documents_does_to_each_what_its_own_would(
    database: Database, documents: list[tuple[Document, list[FileEdit]]]
) -> None:
    wanted: dict[object, list[FileEdit]] = {
        number: rounds_of(some)[0] for number, (_, some) in enumerate(documents)
    }
    await database["edited"].delete_many({})
    await database["edited"].insert_many(
        [{**doc, "_id": n} for n, (doc, _) in enumerate(documents)]
    )

    await database["edited"].update_many({}, [*update_of_many(wanted), {"$set": {"now": "$$NOW"}}])

    for number, (document, _) in enumerate(documents):
        found: Any = await database["edited"].find_one({"_id": number})
        now = found.pop("now")
        assert found == {**carried_out(document, wanted[number], now), "_id": number}


def rounds_of(wanted: list[FileEdit]) -> list[list[FileEdit]]:
    [(_, rounds)] = by_document(wanted)
    return rounds


async def test_five_hundred_of_five_thousand_files_are_one_small_write(
    client: AsyncMongoClient[Document], database: Database
) -> None:
    sites = [{"name": "studio", "created_dt": PAST}, {"name": "vendor"}]
    files = [
        {"_id": str(n), "hash": HASHES[0], "path": f"{{root[work]}}/x.{n:04}.exr", "sites": sites}
        for n in range(5_000)
    ]
    await database["Bunny"].insert_one({"_id": 1, "type": "representation", "files": files})
    wanted = [
        edits.completion(
            FileRef("Bunny", 1, n, str(n), HASHES[0]),
            frozenset({"vendor"}),
            {"checksum": "0" * 39, "verified": "c"},
        )
        for n in range(0, 5_000, 10)
    ]

    await database["Bunny"].update_one({"_id": 1}, update_of(wanted))

    logged = client["local"]["oplog.rs"].aggregate(
        [
            {"$match": {"ns": f"{database.name}.Bunny", "op": "u"}},
            {"$project": {"size": {"$bsonSize": "$$ROOT"}}},
        ]
    )
    [entry] = await (await logged).to_list()
    assert entry["size"] < 300_000
    document = await database["Bunny"].find_one()
    assert document is not None
    made = [n for n, file in enumerate(document["files"]) if "created_dt" in file["sites"][1]]
    assert made == list(range(0, 5_000, 10))
