"""
A process that is no reactor, and claims places like one.

Others see it among the reactors, so that its claims are free at once when it dies.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import structlog
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError

from reactor.claims import Claims
from reactor.heart import BEAT_SECONDS
from reactor.registry import Registry
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

_LEAVE_SECONDS = 10.0


@asynccontextmanager
async def claiming(state: AsyncDatabase[dict[str, Any]], own_site: str) -> AsyncGenerator[Claims]:
    """Yield the claims of a process of this machine; what it still holds is given up afterwards."""
    registry = Registry(state, own_site, serves=False)
    claims = Claims(state["claims"], registry.process)
    await registry.register()
    claims.dead = await registry.dead()
    try:
        with plain_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_beat, registry, claims)
                yield claims
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_LEAVE_SECONDS):
            await claims.give_up_all()
            await registry.leave()


async def _beat(registry: Registry, claims: Claims) -> None:
    """Say that this process lives, and renew its claims, for ever."""
    while True:
        await anyio.sleep(BEAT_SECONDS)
        try:
            await claims.renew_all()
            claims.dead = await registry.dead()
            await registry.beat({})
        except PyMongoError as error:
            log.debug("database does not answer", why=str(error)[:200])
