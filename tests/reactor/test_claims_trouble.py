"""Claims where the database does not answer, or answers only for itself."""

from __future__ import annotations

import pytest
from pymongo.errors import PyMongoError

from reactor.claims import Claims
from tests.reactor.claiming import place, refused, take
from tests.reactor.conftest import Faults


async def test_a_claim_that_no_majority_has_is_not_taken(faults: Faults) -> None:
    claims = Claims(faults.database["claims"], "ours")
    late = {"code": 64, "errmsg": "waiting for replication timed out"}

    async with faults.failing("update", writeConcernError=late):
        with pytest.raises(PyMongoError):
            await claims.take([place("a")])


async def test_what_the_database_did_not_take_is_given_up_later(faults: Faults) -> None:
    collection = faults.database["claims"]
    ours, theirs = Claims(collection, "ours"), Claims(collection, "theirs")
    claim = await take(ours, "a")
    await ours.hold([claim])

    async with faults.failing("update", errorCode=91, times=2):
        with pytest.raises(PyMongoError):
            await ours.give_up([claim])
    held = await refused(theirs, "a")
    await ours.give_up_owed()

    assert held
    assert not await refused(theirs, "a")
