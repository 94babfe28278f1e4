"""The second, tiny stream: what operators pause and resume is known at once."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import anyio
import structlog
from anyio.abc import TaskStatus
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from reactor.backoff import RECONNECT
from reactor.pauses import Pauses

log = structlog.stdlib.get_logger()


async def follow_pauses(
    collection: AsyncCollection[dict[str, Any]],
    pauses: Pauses,
    changed: Callable[[bool], None],
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """
    Keep `pauses` as the collection has them, for ever; started once they were read.

    `changed` is told of each change, and whether something was resumed. The collection is
    small: it is read whole, so no token is needed.
    """
    failures, is_started = 0, False
    while True:
        try:
            async with await collection.watch([{"$project": {"_id": 1}}]) as stream:
                changed(pauses.replace(await collection.find().to_list()))
                if not is_started:
                    task_status.started()
                failures, is_started = 0, True
                async for _ in stream:
                    changed(pauses.replace(await collection.find().to_list()))
        except PyMongoError as error:
            failures += 1
            log.debug("pause stream cut", why=str(error)[:200])
            await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
