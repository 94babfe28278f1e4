"""The change stream on a real replica set: nothing lost, whatever happens to the stream."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.sources import change_stream
from tests.reactor.sources.followed_stream import following, representation

Document = dict[str, Any]


async def test_an_insert_is_noticed_and_asks_for_all_files(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = representation()
    async with following(client, database) as (seen, _):
        await database[project].insert_one(document)
        await seen.until(1)

    (notice,) = seen.notices
    assert notice.key == (project, document["_id"])
    assert notice.thorough
    assert notice.positions is None


async def test_a_change_to_sites_names_its_positions(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        change = {"files.1.sites.0.created_dt": 1, "files.2.sites.0.error": "x"}
        await database[project].update_one({"_id": document["_id"]}, {"$set": change})
        await seen.until(1)

    (notice,) = seen.notices
    assert not notice.thorough
    assert notice.positions == frozenset((1, 2))


@pytest.mark.parametrize(
    "change", [{"files.0.hash": "new"}, {"files": []}, {"type": "archived"}, {"files.0": {}}]
)
async def test_any_other_change_to_files_asks_for_all(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    project: str,
    change: Document,
) -> None:
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        await database[project].update_one({"_id": document["_id"]}, {"$set": change})
        await seen.until(1)

    assert seen.notices[0].thorough


async def test_progress_other_types_and_other_fields_are_no_news(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document, last = representation(), representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        collection = database[project]
        found = {"_id": document["_id"]}
        await collection.update_one(found, {"$set": {"files.0.sites.0.progress": 0.5}})
        await collection.update_one(found, {"$set": {"data.comment": "files.are fine"}})
        await collection.insert_one({"type": "version", "files": []})
        await collection.insert_one(last)
        await seen.until(1)

    assert [notice.key.representation for notice in seen.notices] == [last["_id"]]


async def test_a_deleted_document_is_noticed(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        await database[project].delete_one({"_id": document["_id"]})
        await seen.until(1)

    assert seen.notices[0].key == (project, document["_id"])


async def test_what_happened_while_it_was_away_is_told_from_the_saved_token(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(representation())
        await seen.until(1)
    missed = [representation() for _ in range(5)]
    await database[project].insert_many(missed)

    async with following(client, database) as (seen, _):
        await seen.until(5)

    assert {n.key.representation for n in seen.notices} >= {doc["_id"] for doc in missed}
    assert seen.lost == 0


async def test_the_first_start_has_no_history_and_says_so(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await seen.until(lost=1)

    assert seen.lost == 1


async def test_a_token_of_another_pipeline_is_not_used(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(representation())
        await seen.until(1)
    monkeypatch.setattr(change_stream, "FINGERPRINT", "another")

    async with following(client, database) as (seen, _):
        await seen.until(lost=1)

    assert seen.lost == 1


async def test_a_token_that_the_server_does_not_know_means_lost_history(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(representation())
        await seen.until(1)
    cursors = client[f"{database.name}_state"]["cursors"]
    saved = await cursors.find_one({"_id": "one"})
    assert saved is not None
    # A moment before this replica set was made: the oplog does not reach back there.
    data = "82" + "00000001" + saved["token"]["_data"][10:]
    await cursors.update_one({"_id": "one"}, {"$set": {"token._data": data}})

    async with following(client, database) as (seen, _):
        await seen.until(lost=1)
        after = representation()
        await database[project].insert_one(after)
        await seen.until(1)

    assert seen.notices[-1].key.representation == after["_id"]


async def test_a_dropped_database_ends_the_stream_and_it_opens_anew(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(representation())
        await seen.until(1, lost=1)
        await client.drop_database(database.name)
        await seen.until(1, lost=2, gone=1)
        after = representation()
        await database[project].insert_one(after)
        await seen.until(2)

    assert seen.notices[-1].key.representation == after["_id"]


async def test_a_killed_cursor_is_reopened_where_it_was(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(representation())
        await seen.until(1)
        pipeline = [{"$currentOp": {"idleCursors": True, "allUsers": True}}]
        async for operation in await client.admin.aggregate(pipeline):
            cursor = operation.get("cursor", {}).get("cursorId")
            if cursor and operation["ns"].startswith(database.name):
                await database.command("killCursors", "$cmd.aggregate", cursors=[cursor])
        documents = [representation() for _ in range(20)]
        await database[project].insert_many(documents)
        await seen.until(21)

    assert {doc["_id"] for doc in documents} <= {n.key.representation for n in seen.notices}


async def test_what_is_not_about_files_is_left_out_of_what_changed_beside_it(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        await database[project].update_one({"_id": document["_id"]}, {"$set": {"data.fps": 25}})
        await database[project].update_one(
            {"_id": document["_id"]}, {"$set": {"data.fps": 24, "files.1.sites.0.paused": True}}
        )
        await seen.until(1)

    (notice,) = seen.notices
    assert notice.positions == frozenset((1,))
    assert not notice.thorough


async def test_many_events_are_dispatched_together_and_none_is_lost(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    documents = [representation() for _ in range(2_000)]
    async with following(client, database) as (seen, _):
        await database[project].insert_many(documents)
        await seen.until(2_000)

    assert [n.key.representation for n in seen.notices] == [doc["_id"] for doc in documents]
