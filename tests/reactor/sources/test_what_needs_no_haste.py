"""Of a real stream: what is told at once, what later and together."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.sources import haste
from tests.reactor.sources.followed_stream import following, record, representation

Document = dict[str, Any]


async def test_echoes_of_own_recordings_are_looked_at_together(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _), client.start_session() as session:
        seen.own = session.session_id["id"]
        for position in range(3):
            await record(session, database[project], document, position)
        await seen.until(1)

    assert seen.notices[-1].positions is not None
    assert set().union(*(n.positions or () for n in seen.notices)) == {0, 1, 2}
    assert len(seen.notices) < 3


async def test_echoes_that_were_looked_at_are_not_told_again(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    documents = [representation() for _ in range(2)]
    await database[project].insert_one(documents[0])
    async with following(client, database) as (seen, _), client.start_session() as session:
        seen.own = session.session_id["id"]
        await record(session, database[project], documents[0], 0)
        await seen.until(1)
    async with following(client, database) as (seen, _):
        await database[project].insert_one(documents[1])
        await seen.until(1)

    assert [notice.key.representation for notice in seen.notices] == [documents[1]["_id"]]


async def test_of_what_others_record_the_first_is_told_at_once_and_the_rest_together(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(haste, "WAIT_SECONDS", 3.0)
    document = representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _), client.start_session() as session:
        for position in range(3):
            await record(session, database[project], document, position)
            await seen.until(1)
        await seen.until(2)

    first, rest = seen.notices
    assert first.positions == frozenset((0,))
    assert rest.positions == frozenset((1, 2))


async def test_what_another_begins_with_is_told_later_and_the_place_stays_before_it(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    theirs, ours = representation(), representation()
    async with following(client, database) as (seen, stream):
        seen.others[theirs["_id"]] = "another"
        place = stream._token
        await database[project].insert_many([theirs, ours])
        await seen.until(1)
        held = stream._token
        await seen.until(2)

    assert [one.key.representation for one in seen.notices] == [ours["_id"], theirs["_id"]]
    assert held == place


async def test_at_large_files_all_look_at_once(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    small, large = representation(), representation()
    for file, size in zip(large["files"], (10, None, 2**21), strict=True):
        file["size"] = size
    async with following(client, database) as (seen, _):
        seen.others = {small["_id"]: "another", large["_id"]: "another"}
        await database[project].insert_many([small, large])
        await seen.until(2)

    assert [one.key.representation for one in seen.notices] == [large["_id"], small["_id"]]


async def test_what_others_publish_in_a_transaction_is_told_at_once(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(haste, "WAIT_SECONDS", 60.0)
    documents = [representation() for _ in range(2)]
    async with following(client, database) as (seen, _), client.start_session() as session:
        for document in documents:
            async with await session.start_transaction():
                await database[project].insert_one(document, session=session)
        for document in documents:
            async with await session.start_transaction():
                await database[project].update_one(
                    {"_id": document["_id"]}, {"$set": {"files.0.hash": "new"}}, session=session
                )
        await seen.until(4)

    assert all(notice.thorough for notice in seen.notices)
