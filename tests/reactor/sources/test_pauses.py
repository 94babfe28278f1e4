"""The stream of pauses, as the server cuts it."""

from __future__ import annotations

from typing import Any

import anyio
from pymongo.asynchronous.database import AsyncDatabase

from reactor.pauses import Pauses
from reactor.sources.pauses import follow_pauses


async def test_a_stream_that_ends_is_opened_anew_and_pauses_are_known_again(
    database: AsyncDatabase[dict[str, Any]],
) -> None:
    """A failover with a rollback ends it, and so does whoever drops the collection."""
    collection, pauses = database["pauses"], Pauses()
    await collection.insert_one({"_id": "all", "project": None, "site": None})

    async with anyio.create_task_group() as tasks:
        await tasks.start(follow_pauses, collection, pauses, lambda _: None)
        paused_before = pauses.covers("Show", "vendor")
        await collection.drop()
        with anyio.fail_after(20):
            while pauses.covers("Show", "vendor"):
                await anyio.sleep(0.01)
        await collection.insert_one({"_id": "s", "project": "Show", "site": None})
        with anyio.fail_after(20):
            while not pauses.covers("Show", "vendor"):
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()

    assert paused_before
