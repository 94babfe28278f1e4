"""A change stream that is followed, what it has told, and what reactors write."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from reactor.events import Key, Notice
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


def representation(**more: Any) -> Document:
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
