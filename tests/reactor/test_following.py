"""A few representations are followed: a look at first, and another at each change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
from pymongo.asynchronous.database import AsyncDatabase

from reactor.events import Key
from reactor.model import Representation
from reactor.sources.following import Following

Document = dict[str, Any]
Database = AsyncDatabase[Document]

KEY, OTHER = Key("Show", "a"), Key("Show", "b")


class Seen:
    """What was looked at, and whom to tell that it is enough."""

    def __init__(self) -> None:
        self.looks: list[tuple[Key, Representation | None]] = []
        self.enough: Callable[[], bool] = lambda: False
        self._looked = anyio.Event()

    def look(self, key: Key, found: Representation | None) -> None:
        self.looks.append((key, found))
        self._looked.set()

    async def until(self, count: int) -> None:
        with anyio.fail_after(20):
            while len(self.looks) < count:
                self._looked = anyio.Event()
                await self._looked.wait()


async def publish(database: Database, key: Key) -> None:
    document: Document = {"_id": key.representation, "type": "representation", "files": []}
    await database[key.project].insert_one(document)


async def change(database: Database, key: Key) -> None:
    await database[key.project].update_one({"_id": key.representation}, {"$inc": {"n": 1}})


async def test_each_is_looked_at_first_and_then_only_what_changed(database: Database) -> None:
    await publish(database, KEY)
    await publish(database, OTHER)
    seen = Seen()
    seen.enough = lambda: len(seen.looks) >= 3
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Following(database, [KEY, OTHER], seen.look, seen.enough).run)
        await seen.until(2)
        await change(database, OTHER)

    assert [key for key, _ in seen.looks] == [KEY, OTHER, OTHER]


async def test_a_document_that_is_not_followed_is_not_looked_at(database: Database) -> None:
    await publish(database, KEY)
    await publish(database, OTHER)
    seen = Seen()
    seen.enough = lambda: len(seen.looks) >= 2
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Following(database, [KEY], seen.look, seen.enough).run)
        await seen.until(1)
        await change(database, OTHER)
        await change(database, KEY)

    assert [key for key, _ in seen.looks] == [KEY, KEY]


async def test_a_document_that_is_gone_is_told(database: Database) -> None:
    await publish(database, KEY)
    seen = Seen()
    seen.enough = lambda: seen.looks[-1:] == [(KEY, None)]
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(Following(database, [KEY], seen.look, seen.enough).run)
        await seen.until(1)
        await database.client.drop_database(database.name)

    assert len(seen.looks) >= 2
