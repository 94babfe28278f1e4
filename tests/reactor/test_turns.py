"""Turns on a real mongod: one process at a time, and no longer than its claim stands."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from reactor import turns
from reactor.claims import Claims
from reactor.turns import in_turn

Document = dict[str, Any]


@pytest.fixture
def collection(database: AsyncDatabase[Document]) -> AsyncCollection[Document]:
    return database["claims"]


@pytest.fixture
def ours(collection: AsyncCollection[Document]) -> Claims:
    return Claims(collection, "ours")


@pytest.fixture
def theirs(collection: AsyncCollection[Document]) -> Claims:
    return Claims(collection, "theirs")


async def test_what_one_process_does_no_other_does_meanwhile(ours: Claims, theirs: Claims) -> None:
    async with (
        in_turn(ours, "sweep") as mine,
        in_turn(theirs, "sweep") as also,
        in_turn(theirs, "another") as another,
    ):
        assert (mine, also, another) == (True, False, True)


async def test_afterwards_it_is_anybodys_turn(
    ours: Claims, theirs: Claims, collection: AsyncCollection[Document]
) -> None:
    with pytest.raises(ZeroDivisionError):
        async with in_turn(ours, "sweep"):
            raise ZeroDivisionError

    assert await collection.count_documents({}) == 0
    async with in_turn(theirs, "sweep") as theirs_now:
        assert theirs_now


async def test_a_claim_is_renewed_while_the_work_is_done(
    ours: Claims, collection: AsyncCollection[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "RENEW_SECONDS", 0.01)
    async with in_turn(ours, "sweep"):
        before = await collection.find_one({})
        assert before is not None
        with anyio.fail_after(10):
            while await collection.find_one({"expires": before["expires"]}):
                await anyio.sleep(0.01)


async def test_work_whose_claim_is_lost_is_given_up(
    ours: Claims, collection: AsyncCollection[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "RENEW_SECONDS", 0.01)
    done = False
    with anyio.fail_after(10):
        async with in_turn(ours, "sweep"):
            await collection.delete_many({})
            await anyio.sleep_forever()
            done = True

    assert not done
