"""Endings are recorded with their claims or not at all, on a real mongod."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor import edits
from reactor.model import FileRef
from reactor.recorder import Ending
from tests.reactor.small_project import SITES, SmallProject, complete, ids

Document = dict[str, Any]
Database = AsyncDatabase[Document]


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: Database
) -> AsyncIterator[SmallProject]:
    studio = SmallProject(client, database)
    yield studio
    await studio.recorder.aclose()


async def test_many_endings_are_recorded_together_and_end_their_claims(
    studio: SmallProject,
) -> None:
    endings = [await studio.ending(number) for number in range(3)]

    recorded = await studio.recorder.record(endings)

    assert recorded == endings
    assert await studio.available() == {0, 1, 2}
    assert await studio.claimed() == set()


async def test_what_was_recorded_is_logged_as_an_attempt(studio: SmallProject) -> None:
    await studio.recorder.record([await studio.ending(1)])

    assert [found["path"] async for found in studio.attempts.find()] == [1]


async def test_the_watch_and_transfers_may_record_at_the_same_time(studio: SmallProject) -> None:
    """They share a session, and that has one transaction at a time."""
    endings = [await studio.ending(number) for number in range(3)]

    async with anyio.create_task_group() as together:
        for ending in endings:
            together.start_soon(studio.recorder.record, [ending])

    assert await studio.available() == {0, 1, 2}


async def test_nothing_to_record_is_recorded_at_once(studio: SmallProject) -> None:
    assert await studio.recorder.record([]) == []


async def test_an_ending_whose_claim_was_lost_is_not_recorded_and_its_batch_mates_are(
    studio: SmallProject,
) -> None:
    endings = [await studio.ending(number) for number in range(3)]
    taken_over = await studio.lose(endings[1])

    recorded = await studio.recorder.record(endings)

    assert ids(recorded) == ids([endings[0], endings[2]])
    assert await studio.available() == {0, 2}
    assert await studio.claimed() == {taken_over.id}
    assert {found["path"] async for found in studio.attempts.find()} == {0, 2}


async def test_a_claim_that_is_simply_gone_counts_as_lost(studio: SmallProject) -> None:
    ending = await studio.ending(1)
    await studio.claims.delete_many({})

    assert await studio.recorder.record([ending]) == []
    assert await studio.available() == set()


async def test_a_claim_that_was_given_up_and_not_taken_still_records(studio: SmallProject) -> None:
    ending = await studio.ending(1)
    await studio.ours.give_up([ending.claim])

    assert await studio.recorder.record([ending]) == [ending]


async def test_two_endings_under_one_claim_are_both_recorded(studio: SmallProject) -> None:
    first = await studio.ending(1)
    second = await studio.ending(2)
    together = [first, Ending(first.claim, second.edits)]

    with anyio.fail_after(10):
        recorded = await studio.recorder.record(together)

    assert len(recorded) == 2
    assert await studio.available() == {1, 2}


async def test_a_republished_file_is_not_completed_though_its_claim_ends(
    studio: SmallProject,
) -> None:
    ending = await studio.ending(1)
    await studio.documents.update_one({"_id": 1}, {"$set": {"files.0.hash": "new"}})

    assert await studio.recorder.record([ending]) == [ending]

    assert await studio.available() == set()
    assert await studio.claimed() == set()


async def test_an_entry_that_was_removed_meanwhile_is_not_added_back(studio: SmallProject) -> None:
    ending = await studio.ending(1)
    await studio.documents.update_one({"_id": 1}, {"$set": {"files.0.sites": []}})

    await studio.recorder.record([ending])

    document = await studio.documents.find_one({"_id": 1})
    assert document is not None
    assert document["files"][0]["sites"] == []


async def test_a_document_that_was_removed_meanwhile_does_not_come_back(
    studio: SmallProject,
) -> None:
    ending = await studio.ending(1)
    await studio.documents.delete_many({})

    await studio.recorder.record([ending])

    assert await studio.documents.count_documents({}) == 0


async def test_edits_of_one_file_are_carried_out_in_their_order(studio: SmallProject) -> None:
    await studio.ending(1)
    ref = FileRef("Bunny", 1, 0, "f", "h")

    await studio.recorder.edit(
        [complete(1), edits.reset(ref, SITES), edits.progress(ref, SITES, 1)]
    )

    assert await studio.entry(1) == {"name": "vendor", "progress": 1}


async def test_progress_is_shown_where_the_claim_stands(studio: SmallProject) -> None:
    ending = await studio.ending(1)
    shown = [edits.progress(ending.edits[0].file, SITES, 0.75)]

    await studio.recorder.show([(ending.claim, shown, {"done": 3})])

    assert (await studio.entry(1))["progress"] == 0.75
    claim = await studio.claims.find_one()
    assert claim is not None
    assert claim["done"] == 3


async def test_progress_is_not_shown_where_the_claim_was_lost(studio: SmallProject) -> None:
    ending = await studio.ending(1)
    await studio.lose(ending)
    shown = [edits.progress(ending.edits[0].file, SITES, 0.75)]

    await studio.recorder.show([(ending.claim, shown, {"done": 3})])

    assert (await studio.entry(1))["progress"] == 0.5
    claim = await studio.claims.find_one()
    assert claim is not None
    assert "done" not in claim


async def test_the_echo_of_a_recording_is_known_by_its_session(
    studio: SmallProject, database: Database
) -> None:
    ending = await studio.ending(1)
    async with await database.watch() as stream:
        assert not studio.recorder.is_own(None)
        await studio.recorder.record([ending])
        await studio.documents.update_one({"_id": 1}, {"$set": {"name": "other"}})

        echo, other = [await stream.next() for _ in range(2)]
        while other["ns"]["coll"] != "Bunny":
            other = await stream.next()

    assert studio.recorder.is_own(echo["lsid"]["id"])
    assert not studio.recorder.is_own(other.get("lsid", {}).get("id"))
