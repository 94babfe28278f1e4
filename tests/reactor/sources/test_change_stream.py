"""The change stream on a real replica set: nothing lost, whatever happens to the stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from reactor.events import Key, Notice
from reactor.sources import change_stream, haste
from reactor.sources.change_stream import ChangeStream, Cursor, Told
from reactor.sources.haste import Haste

Document = dict[str, Any]


class Seen:
    """What a stream has told so far."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.lost = 0
        self.gone: list[str] = []
        self.own: object = "we"
        self.others: dict[object, object] = {}
        self._told = anyio.Event()

    async def dispatch(self, notices: Iterable[Notice]) -> None:
        self.notices += notices
        self.tell()

    def is_own(self, session: object) -> bool:
        return session == self.own

    def first(self, key: Key) -> object:
        return self.others.get(key.representation, self.own)

    def history_lost(self) -> None:
        self.lost += 1
        self.tell()

    def project_gone(self, name: str) -> None:
        self.gone.append(name)
        self.tell()

    def tell(self) -> None:
        self._told.set()
        self._told = anyio.Event()

    async def until(self, count: int = 0, *, lost: int = 0, gone: int = 0) -> None:
        with anyio.fail_after(15):
            while len(self.notices) < count or self.lost < lost or len(self.gone) < gone:
                await self._told.wait()


@pytest.fixture
async def project(database: AsyncDatabase[Document]) -> str:
    await database["Show"].insert_one({"type": "project"})
    return "Show"


@asynccontextmanager
async def following(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> AsyncGenerator[tuple[Seen, ChangeStream]]:
    seen = Seen()
    cursor = Cursor(client[f"{database.name}_state"]["cursors"], "one")
    told = Told(seen.history_lost, seen.project_gone)
    stream = ChangeStream(database, cursor, seen.dispatch, told, Haste(seen.is_own, seen.first))
    async with anyio.create_task_group() as tasks:
        await tasks.start(stream.run)
        yield seen, stream
        await stream.save()
        tasks.cancel_scope.cancel()


def _representation(**more: Any) -> Document:
    files = [{"path": f"{{root[work]}}/{i}", "sites": [{"name": "a"}]} for i in range(3)]
    return {"_id": ObjectId(), "type": "representation", "files": files, **more}


async def record(
    session: AsyncClientSession,
    collection: AsyncCollection[Document],
    document: Document,
    position: int,
) -> None:
    """Say, as reactors do, that a file has arrived."""
    arrived = {"$set": {f"files.{position}.sites.0.created_dt": 1}}
    async with await session.start_transaction():
        await collection.update_one({"_id": document["_id"]}, arrived, session=session)


@pytest.fixture(autouse=True)
async def _drop_state(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> AsyncGenerator[None]:
    yield
    await client.drop_database(f"{database.name}_state")


async def test_an_insert_is_noticed_and_asks_for_all_files(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = _representation()
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
    document = _representation()
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
    document = _representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        await database[project].update_one({"_id": document["_id"]}, {"$set": change})
        await seen.until(1)

    assert seen.notices[0].thorough


async def test_progress_other_types_and_other_fields_are_no_news(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document, last = _representation(), _representation()
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
    document = _representation()
    await database[project].insert_one(document)
    async with following(client, database) as (seen, _):
        await database[project].delete_one({"_id": document["_id"]})
        await seen.until(1)

    assert seen.notices[0].key == (project, document["_id"])


async def test_what_happened_while_it_was_away_is_told_from_the_saved_token(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(_representation())
        await seen.until(1)
    missed = [_representation() for _ in range(5)]
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
        await database[project].insert_one(_representation())
        await seen.until(1)
    monkeypatch.setattr(change_stream, "FINGERPRINT", "another")

    async with following(client, database) as (seen, _):
        await seen.until(lost=1)

    assert seen.lost == 1


async def test_a_token_that_the_server_does_not_know_means_lost_history(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(_representation())
        await seen.until(1)
    cursors = client[f"{database.name}_state"]["cursors"]
    saved = await cursors.find_one({"_id": "one"})
    assert saved is not None
    # A moment before this replica set was made: the oplog does not reach back there.
    data = "82" + "00000001" + saved["token"]["_data"][10:]
    await cursors.update_one({"_id": "one"}, {"$set": {"token._data": data}})

    async with following(client, database) as (seen, _):
        await seen.until(lost=1)
        after = _representation()
        await database[project].insert_one(after)
        await seen.until(1)

    assert seen.notices[-1].key.representation == after["_id"]


async def test_a_dropped_database_ends_the_stream_and_it_opens_anew(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(_representation())
        await seen.until(1, lost=1)
        await client.drop_database(database.name)
        await seen.until(1, lost=2, gone=1)
        after = _representation()
        await database[project].insert_one(after)
        await seen.until(2)

    assert seen.notices[-1].key.representation == after["_id"]


async def test_a_killed_cursor_is_reopened_where_it_was(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    async with following(client, database) as (seen, _):
        await database[project].insert_one(_representation())
        await seen.until(1)
        pipeline = [{"$currentOp": {"idleCursors": True, "allUsers": True}}]
        async for operation in await client.admin.aggregate(pipeline):
            cursor = operation.get("cursor", {}).get("cursorId")
            if cursor and operation["ns"].startswith(database.name):
                await database.command("killCursors", "$cmd.aggregate", cursors=[cursor])
        documents = [_representation() for _ in range(20)]
        await database[project].insert_many(documents)
        await seen.until(21)

    assert {doc["_id"] for doc in documents} <= {n.key.representation for n in seen.notices}


async def test_echoes_of_own_recordings_are_looked_at_together(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = _representation()
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
    documents = [_representation() for _ in range(2)]
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
    document = _representation()
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
    theirs, ours = _representation(), _representation()
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
    small, large = _representation(), _representation()
    for file, size in zip(large["files"], (10, None, 2**21), strict=True):
        file["size"] = size
    async with following(client, database) as (seen, _):
        seen.others = {small["_id"]: "another", large["_id"]: "another"}
        await database[project].insert_many([small, large])
        await seen.until(2)

    assert [one.key.representation for one in seen.notices] == [large["_id"], small["_id"]]


async def test_what_is_not_about_files_is_left_out_of_what_changed_beside_it(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    document = _representation()
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


async def test_what_others_publish_in_a_transaction_is_told_at_once(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    project: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(haste, "WAIT_SECONDS", 60.0)
    documents = [_representation() for _ in range(2)]
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


async def test_many_events_are_dispatched_together_and_none_is_lost(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], project: str
) -> None:
    documents = [_representation() for _ in range(2_000)]
    async with following(client, database) as (seen, _):
        await database[project].insert_many(documents)
        await seen.until(2_000)

    assert [n.key.representation for n in seen.notices] == [doc["_id"] for doc in documents]
