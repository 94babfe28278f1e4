"""Work that one process at a time does, like a full scan of a project: its turn is a claim."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio
import structlog
from pymongo.errors import PyMongoError

from reactor.claims import Claim, Claims, Place
from reactor.leases import RENEW_SECONDS
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

_ASK_AGAIN_SECONDS = 1.0
_RELEASE_SECONDS = 5.0


@asynccontextmanager
async def in_turn(claims: Claims, name: str, *, patient: bool = False) -> AsyncGenerator[bool]:
    """
    Yield whether it is this process's turn to do what has this name; `patient` waits for it.

    The claim is renewed while the block runs; the block is cancelled where it is lost.
    """
    claim = await _take(claims, name, patient=patient)
    if claim is None:
        yield False
        return
    try:
        with plain_errors():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_keep, claims, claim, tasks.cancel_scope)
                yield True
                tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_RELEASE_SECONDS):
            await _release(claims, claim)


async def _take(claims: Claims, name: str, *, patient: bool) -> Claim | None:
    place = Place(name, project="", site="", root="", path="")
    while True:
        claim = (await claims.take([place])).get(place.key)
        if claim is not None or not patient:
            return claim
        await anyio.sleep(_ASK_AGAIN_SECONDS)


async def _keep(claims: Claims, claim: Claim, scope: anyio.CancelScope) -> None:
    """Renew a claim until it is lost."""
    while True:
        await anyio.sleep(RENEW_SECONDS)
        try:
            if not await claims.renew([claim]):
                log.info("another process goes on with this", what=claim.place.key)
                scope.cancel()
        except PyMongoError as error:
            log.debug("database does not answer", why=str(error)[:200])


async def _release(claims: Claims, claim: Claim) -> None:
    try:
        await claims.release([claim])
    except PyMongoError as error:
        log.debug("a claim ends with its lease", why=str(error)[:200])
