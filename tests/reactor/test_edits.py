"""What becomes of a document: guards hold, and every kind of edit does what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from reactor import edits
from reactor.commands import AddEntries, FailEntries, MigrateSites, ResetStale
from reactor.edits import by_document, file_edit
from reactor.model import FileRef, source_hash
from tests.reactor.edited import edited, on_server
from tests.reactor.studio_documents import PAST

Document = dict[str, Any]
Database = AsyncDatabase[Document]

REF = FileRef("Bunny", 1, 0, "f", "h")
SOME = frozenset({"vendor"})


def file_of(*sites: object, **fields: Any) -> Document:
    return {"_id": "f", "hash": "h", "path": "{root}/a", "sites": [*sites], **fields}


COMPLETE = edits.completion(REF, SOME, {"verified": "size"})


@pytest.mark.parametrize(
    "file",
    [
        file_of({"name": "vendor"}, _id="g"),
        file_of({"name": "vendor"}, hash="i"),
        file_of({"name": "vendor"}, hash=None),
        file_of({"name": "vendor", "created_dt": PAST}),
        file_of({"name": "studio"}),
        file_of([{"name": "vendor"}], {"name": ["vendor"]}, None, 5),
        None,
        5,
        [{"name": "vendor"}],
    ],
    ids=[
        "another file",
        "another hash",
        "no hash",
        "available by now",
        "removed by now",
        "nested lists and junk",
        "null",
        "a number",
        "a list",
    ],
)
async def test_completing_changes_nothing_where_the_file_or_entry_is_another_now(
    database: Database, file: object
) -> None:
    assert await edited(database, file, COMPLETE) == file


@pytest.mark.parametrize("files", [None, 5, {"f": 1}, [], "text"], ids=str)
async def test_a_document_that_lost_its_files_stays_as_it_is(
    database: Database, files: object
) -> None:
    [(document, _)] = await on_server(database, [({"files": files}, [COMPLETE])])

    assert document["files"] == files


async def test_a_document_without_files_gets_none(database: Database) -> None:
    [(document, _)] = await on_server(database, [({"name": "x"}, [COMPLETE])])

    assert document == {"_id": 0, "name": "x"}


async def test_completing_stamps_the_servers_time_and_forgets_all_trouble(
    database: Database,
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    trouble = {"tries": 2, "error": "no", "progress": 0.5, "retry_at": PAST, "paused": True}

    file = await edited(
        database,
        file_of({"name": "vendor", "created_dt": None, **trouble, "last_failed_dt": PAST}),
        COMPLETE,
    )

    [entry] = file["sites"]
    assert before < entry.pop("created_dt") < datetime.now(UTC) + timedelta(seconds=1)
    assert entry == {"name": "vendor", "verified": "size", "source_hash": source_hash("h")}


async def test_completing_forgets_a_checksum_that_was_not_proved_now(database: Database) -> None:
    file = await edited(database, file_of({"name": "vendor", "checksum": "xxh128:old"}), COMPLETE)

    assert "checksum" not in file["sites"][0]


async def test_completing_a_stale_entry_makes_it_available_again(database: Database) -> None:
    stale = {"name": "vendor", "created_dt": PAST, "source_hash": source_hash("old")}

    file = await edited(database, file_of(stale), COMPLETE)

    assert file["sites"][0]["created_dt"] > PAST
    assert file["sites"][0]["source_hash"] == source_hash("h")


async def test_fields_that_nobody_here_knows_stay(database: Database) -> None:
    unknown = {"a.b": 1, "$c": {"d": [None]}, "": 0}

    file = await edited(database, file_of({"name": "vendor", **unknown}, mine=unknown), COMPLETE)

    assert unknown.items() <= file["sites"][0].items()
    assert file["mine"] == unknown


async def test_all_duplicates_that_are_wanted_become_available(database: Database) -> None:
    held = {"name": "vendor", "created_dt": PAST}

    file = await edited(database, file_of({"name": "vendor"}, held, {"name": "vendor"}), COMPLETE)

    assert [entry["created_dt"] == PAST for entry in file["sites"]] == [False, True, False]
    assert all(entry["created_dt"] for entry in file["sites"])


async def test_alternatives_are_added_with_what_became_available(database: Database) -> None:
    group = edits.completion(REF, frozenset({"vendor", "vendor_web"}), {"id": "drive-id"})

    file = await edited(database, file_of({"name": "vendor"}), group)

    vendor, web = file["sites"]
    assert web == {**vendor, "name": "vendor_web"}
    assert web["id"] == "drive-id"


@pytest.mark.parametrize("entry", [{"name": "vendor", "created_dt": PAST}, {"name": "studio"}])
async def test_alternatives_are_not_added_where_nothing_was_wanted(
    database: Database, entry: Document
) -> None:
    group = edits.completion(REF, frozenset({"vendor", "vendor_web"}), {})

    file = await edited(database, file_of(entry), group)

    assert file["sites"] == [entry]


async def test_the_old_mapping_becomes_the_list_on_any_touch(database: Database) -> None:
    mapping = {"studio": {"created_dt": PAST, "mine": 1}, "vendor": None}

    file = await edited(database, {**file_of(), "sites": mapping}, file_edit(MigrateSites(REF)))

    assert file["sites"] == [
        {"name": "studio", "created_dt": PAST, "mine": 1},
        {"name": "vendor"},
    ]


@pytest.mark.parametrize(
    ("tries", "expected"), [(None, 1), (1, 2), ("two", 1), (True, 1), (2.0, 3.0)], ids=str
)
async def test_a_failure_counts_one_try_and_says_when_next(
    database: Database, tries: object, expected: float
) -> None:
    failure = edits.failure(REF, SOME, "no such file", 5_000)

    file = await edited(database, file_of({"name": "vendor", "tries": tries}), failure)

    [entry] = file["sites"]
    assert entry["tries"] == expected
    assert entry["error"] == "no such file"
    assert entry["retry_at"] - entry["last_failed_dt"] == timedelta(seconds=5)


async def test_a_failure_is_not_counted_where_the_entry_is_available(database: Database) -> None:
    held = {"name": "vendor", "created_dt": PAST}

    file = await edited(database, file_of(held), edits.failure(REF, SOME, "no", 5_000))

    assert file["sites"] == [held]


async def test_using_up_all_tries_leaves_no_time_for_another(database: Database) -> None:
    entry = {"name": "vendor", "tries": 1, "retry_at": PAST, "progress": 0.5}
    stop = file_edit(FailEntries(REF, SOME, "a bad path", 3))

    file = await edited(database, file_of(entry), stop)

    assert file["sites"] == [{"name": "vendor", "tries": 3, "error": "a bad path"}]


async def test_a_reset_leaves_priority_and_pause(database: Database) -> None:
    facts = {"checksum": "c", "verified": "checksum", "source_hash": "s", "id": "i"}
    entry = {"name": "vendor", "created_dt": PAST, "priority": 70, "paused": True, **facts}

    file = await edited(database, file_of(entry), edits.reset(REF, SOME))

    assert file["sites"] == [{"name": "vendor", "priority": 70, "paused": True}]


async def test_a_stale_reset_leaves_fresh_entries(database: Database) -> None:
    fresh = {"name": "vendor", "created_dt": PAST, "source_hash": source_hash("h")}
    stale = {"name": "studio", "created_dt": PAST, "source_hash": source_hash("old")}
    edit = file_edit(ResetStale(REF, frozenset({"vendor", "studio"})))

    file = await edited(database, file_of(fresh, stale), edit)

    assert file["sites"] == [fresh, {"name": "studio"}]


async def test_adding_an_entry_twice_adds_it_once(database: Database) -> None:
    add = file_edit(AddEntries(REF, SOME))

    file = await edited(database, file_of({"name": "studio"}), add, add)

    assert file["sites"] == [{"name": "studio"}, {"name": "vendor"}]


async def test_texts_that_look_like_expressions_are_texts(database: Database) -> None:
    failure = edits.stopped(REF, frozenset({"$name"}), "$$ROOT", 3)

    file = await edited(database, file_of({"name": "$name"}), failure)

    assert file["sites"][0]["error"] == "$$ROOT"


async def test_a_hash_that_is_no_text_counts_as_absent(database: Database) -> None:
    unhashed = COMPLETE.file._replace(hash=None)

    file = await edited(
        database,
        file_of({"name": "vendor"}, hash=5),
        edits.completion(unhashed, SOME, {"verified": "size"}),
    )

    assert file["sites"][0]["created_dt"]


def test_two_edits_of_one_file_are_carried_out_one_after_the_other() -> None:
    other = COMPLETE.file._replace(position=1)
    first, second, third = COMPLETE, edits.reset(REF, SOME), edits.reset(other, SOME)

    assert by_document([first, second, third]) == [(("Bunny", 1), [[first, third], [second]])]


def test_edits_of_different_documents_do_not_mix() -> None:
    hero = edits.reset(REF._replace(representation=2), SOME)

    assert [key for key, _ in by_document([COMPLETE, hero])] == [("Bunny", 1), ("Bunny", 2)]
