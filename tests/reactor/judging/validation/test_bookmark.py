"""Where a pass was interrupted is remembered for a day, for the same kind of pass."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from reactor.judging.validation.bookmark import Bookmark

Database = AsyncDatabase[dict[str, Any]]


def bookmark(database: Database, name: str = "vendor", manner: str = "size") -> Bookmark:
    return Bookmark(database["cursors"], name, manner)


async def test_what_was_put_is_found(database: Database) -> None:
    before = bookmark(database)
    await before.put("m1", None, {"n": 1})
    await before.put("m.2$", "a/b", {"n": 2})

    after = bookmark(database)
    await after.find()

    assert after.places == {"m1": None, "m.2$": "a/b"}
    assert after.kept == {"n": 2}
    assert after.at is not None


@pytest.mark.parametrize(("name", "manner"), [("vendor Bunny", "size"), ("vendor", "bytes")])
async def test_another_pass_does_not_find_it(database: Database, name: str, manner: str) -> None:
    await bookmark(database).put("m", "a", {})

    other = bookmark(database, name, manner)
    await other.find()

    assert (other.places, other.at) == ({}, None)


async def test_after_a_day_it_is_not_found(database: Database) -> None:
    await bookmark(database).put("m", "a", {})
    yesterday = [{"$set": {"at": {"$subtract": ["$$NOW", 86_400_001]}}}]
    await database["cursors"].update_one({}, yesterday)

    after = bookmark(database)
    await after.find()

    assert after.at is None


async def test_removed_it_is_gone(database: Database) -> None:
    await bookmark(database).put("m", "a", {})

    await bookmark(database).remove()

    assert await database["cursors"].count_documents({}) == 0
