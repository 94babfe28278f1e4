"""A command that claims places is seen to live, keeps its claims, and leaves nothing behind."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from pymongo.asynchronous.database import AsyncDatabase

from reactor.claims import Place
from reactor.operators.claiming import claiming
from reactor.registry import Registry

Database = AsyncDatabase[dict[str, Any]]

PLACE = Place("marker/a", "Show", "vendor", "work", "a")


async def test_it_is_seen_while_it_lives(database: Database) -> None:
    async with claiming(database, "studio"):
        assert await Registry(database, "studio").dead() == frozenset()
        assert await database["reactors"].count_documents({"serves": False}) == 1

    assert await database["reactors"].count_documents({}) == 0


async def test_its_claims_are_renewed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reactor.operators.claiming.BEAT_SECONDS", 0.01)
    long_ago = datetime.fromtimestamp(0, UTC)
    async with claiming(database, "studio") as claims:
        await claims.take([PLACE])
        await database["claims"].update_many({}, {"$set": {"expires": long_ago}})
        with anyio.fail_after(10):
            while await database["claims"].count_documents({"expires": long_ago}):
                await anyio.sleep(0.01)


async def test_what_it_still_holds_is_given_up(database: Database) -> None:
    async with claiming(database, "studio") as claims:
        await claims.hold([*(await claims.take([PLACE])).values()])

    free = {"over": True, "process": None, "held": False}
    assert await database["claims"].count_documents(free) == 1
