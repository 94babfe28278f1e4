"""Patience with a database that is away: what is asked is asked again until it answers."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import structlog
from pymongo.errors import PyMongoError

from reactor.backoff import RECONNECT

log = structlog.stdlib.get_logger()

_T = TypeVar("_T")


async def until_answered(ask: Callable[[], Awaitable[_T]]) -> _T:
    """Ask the database until it answers: verified bytes wait for it, however long it is gone."""
    failures = 0
    while True:
        try:
            return await ask()
        except PyMongoError as error:
            failures += 1
            wait = RECONNECT.delay(failures, random.random())  # noqa: S311 - jitter
            log.warning("database does not answer", why=str(error)[:200], retry_in=round(wait, 1))
            await anyio.sleep(wait)
