"""Endings are recorded with their claims or not at all, on a real mongod."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from structlog.testing import capture_logs

from reactor import edits
from reactor.claims import Claim, Claims, Place
from reactor.edits import FileEdit
from reactor.model import FileRef
from reactor.recorder import Ending, Recorder
from tests.reactor.conftest import Faults

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]

SITES = frozenset({"vendor"})


class Studio:
    """A project of one-file documents, its claims, and a recorder."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database) -> None:
        self.documents = database["Bunny"]
        self.attempts = database["attempts"]
        self.claims = database["claims"]
        self.ours = Claims(self.claims, "ours")
        self.theirs = Claims(self.claims, "theirs")
        self.recorder = Recorder(client, database, database)

    async def ending(self, number: int) -> Ending:
        """Publish a document, and return what completes its file under a new claim."""
        entry = {"name": "vendor", "progress": 0.5}
        file = {"_id": "f", "hash": "h", "path": f"{{root}}/{number}", "sites": [entry]}
        await self.documents.insert_one({"_id": number, "files": [file]})
        return Ending(await self.claim(number), (complete(number),), {"path": number})

    async def claim(self, number: int, claims: Claims | None = None) -> Claim:
        place = Place(f"marker/{number}", "Bunny", "vendor", "", str(number))
        return (await (claims or self.ours).take([place]))[place.key]

    async def lose(self, ending: Ending) -> Claim:
        """Let another process take the claim over, and return that process's claim."""
        long_ago = {"$set": {"expires": datetime(2024, 1, 1, tzinfo=UTC)}}
        await self.claims.update_one({"claim": ending.claim.id}, long_ago)
        return await self.claim(int(ending.claim.place.path), self.theirs)

    async def entry(self, number: int) -> Document:
        document = await self.documents.find_one({"_id": number})
        assert document is not None
        found: Document = document["files"][0]["sites"][0]
        return found

    async def available(self) -> set[int]:
        made = {"files.sites.created_dt": {"$exists": True}}
        return {document["_id"] async for document in self.documents.find(made)}

    async def claimed(self) -> set[str]:
        return {found["claim"] async for found in self.claims.find()}


def complete(number: int, file_hash: str = "h") -> FileEdit:
    ref = FileRef("Bunny", number, 0, "f", file_hash)
    return edits.completion(ref, SITES, {"verified": "size"})


def ids(endings: list[Ending]) -> list[str]:
    return [ending.claim.id for ending in endings]


@pytest.fixture
async def studio(client: AsyncMongoClient[Document], database: Database) -> Any:
    studio = Studio(client, database)
    yield studio
    await studio.recorder.aclose()


@pytest.fixture
async def faulty(faults: Faults) -> Any:
    studio = Studio(faults.client, faults.database)
    yield studio
    await studio.recorder.aclose()


async def test_many_endings_are_recorded_together_and_end_their_claims(studio: Studio) -> None:
    endings = [await studio.ending(number) for number in range(3)]

    recorded = await studio.recorder.record(endings)

    assert recorded == endings
    assert await studio.available() == {0, 1, 2}
    assert await studio.claimed() == set()


async def test_what_was_recorded_is_logged_as_an_attempt(studio: Studio) -> None:
    await studio.recorder.record([await studio.ending(1)])

    assert [found["path"] async for found in studio.attempts.find()] == [1]


async def test_nothing_to_record_is_recorded_at_once(studio: Studio) -> None:
    assert await studio.recorder.record([]) == []


async def test_an_ending_whose_claim_was_lost_is_not_recorded_and_its_batch_mates_are(
    studio: Studio,
) -> None:
    endings = [await studio.ending(number) for number in range(3)]
    taken_over = await studio.lose(endings[1])

    recorded = await studio.recorder.record(endings)

    assert ids(recorded) == ids([endings[0], endings[2]])
    assert await studio.available() == {0, 2}
    assert await studio.claimed() == {taken_over.id}
    assert {found["path"] async for found in studio.attempts.find()} == {0, 2}


async def test_a_claim_that_is_simply_gone_counts_as_lost(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.claims.delete_many({})

    assert await studio.recorder.record([ending]) == []
    assert await studio.available() == set()


async def test_a_claim_that_was_given_up_and_not_taken_still_records(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.ours.give_up([ending.claim])

    assert await studio.recorder.record([ending]) == [ending]


async def test_two_endings_under_one_claim_are_both_recorded(studio: Studio) -> None:
    first = await studio.ending(1)
    second = await studio.ending(2)
    together = [first, Ending(first.claim, second.edits)]

    with anyio.fail_after(10):
        recorded = await studio.recorder.record(together)

    assert len(recorded) == 2
    assert await studio.available() == {1, 2}


async def test_a_republished_file_is_not_completed_though_its_claim_ends(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.documents.update_one({"_id": 1}, {"$set": {"files.0.hash": "new"}})

    assert await studio.recorder.record([ending]) == [ending]

    assert await studio.available() == set()
    assert await studio.claimed() == set()


async def test_an_entry_that_was_removed_meanwhile_is_not_added_back(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.documents.update_one({"_id": 1}, {"$set": {"files.0.sites": []}})

    await studio.recorder.record([ending])

    document = await studio.documents.find_one({"_id": 1})
    assert document is not None
    assert document["files"][0]["sites"] == []


async def test_a_document_that_was_removed_meanwhile_does_not_come_back(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.documents.delete_many({})

    await studio.recorder.record([ending])

    assert await studio.documents.count_documents({}) == 0


async def test_a_document_that_refuses_the_write_does_not_hold_up_the_others(
    studio: Studio,
) -> None:
    endings = [await studio.ending(number) for number in range(3)]
    await forbid_changing(studio, 1)

    with capture_logs() as logs:
        recorded = await studio.recorder.record(endings)

    assert ids(recorded) == ids([endings[0], endings[2]])
    assert await studio.available() == {0, 2}
    assert [(line["event"], line["representation"]) for line in logs] == [
        ("document refuses a write", "1")
    ]


async def test_an_edit_that_its_document_refuses_does_not_hold_up_the_others(
    studio: Studio,
) -> None:
    for number in range(4):
        await studio.ending(number)
    await forbid_changing(studio, 1, 2)

    with capture_logs() as logs:
        await studio.recorder.edit([complete(number) for number in range(4)])

    assert await studio.available() == {0, 3}
    assert [line["representation"] for line in logs] == ["1", "2"]


async def forbid_changing(studio: Studio, *numbers: int) -> None:
    """Validate documents as a studio may: some of them can no longer become available."""
    forbidden = {"_id": {"$in": [*numbers]}, "files.sites.created_dt": {"$exists": True}}
    await studio.documents.database.command(
        "collMod", studio.documents.name, validator={"$nor": [forbidden]}
    )


async def test_edits_of_one_file_are_carried_out_in_their_order(studio: Studio) -> None:
    await studio.ending(1)
    ref = FileRef("Bunny", 1, 0, "f", "h")

    await studio.recorder.edit(
        [complete(1), edits.reset(ref, SITES), edits.progress(ref, SITES, 1)]
    )

    assert await studio.entry(1) == {"name": "vendor", "progress": 1}


async def test_a_write_that_conflicts_with_another_is_tried_again(
    studio: Studio, client: AsyncMongoClient[Document]
) -> None:
    ending = await studio.ending(1)
    recorded: list[Ending] = []

    async def record() -> None:
        recorded.extend(await studio.recorder.record([ending]))

    async with (
        client.start_session() as session,
        anyio.create_task_group() as tasks,
        await session.start_transaction(),
    ):
        blocking = {"$set": {"name": "other"}}
        await studio.documents.update_one({"_id": 1}, blocking, session=session)
        tasks.start_soon(record)
        await aborted_transactions(client)

    assert recorded == [ending]
    assert await studio.available() == {1}


async def aborted_transactions(client: AsyncMongoClient[Document]) -> None:
    """Return when a transaction was aborted since this was called."""

    async def count() -> int:
        status = await client.admin.command("serverStatus")
        aborted: int = status["transactions"]["totalAborted"]
        return aborted

    before = await count()
    with anyio.fail_after(20):
        while await count() == before:
            await anyio.sleep(0.01)


# The driver asks again after any unknown outcome but this one.
_TOO_LATE = 50


async def test_an_unknown_outcome_is_read_back_where_it_was_recorded(
    faulty: Studio, faults: Faults
) -> None:
    ending = await faulty.ending(1)
    committed = {"code": _TOO_LATE, "errmsg": "operation exceeded time limit"}

    async with faults.failing("commitTransaction", writeConcernError=committed):
        recorded = await faulty.recorder.record([ending])

    assert recorded == [ending]
    assert await faulty.available() == {1}


async def test_an_unknown_outcome_is_read_back_where_it_was_not_recorded(
    faulty: Studio, faults: Faults
) -> None:
    ending = await faulty.ending(1)

    async with faults.failing("commitTransaction", errorCode=_TOO_LATE):
        with pytest.raises(PyMongoError):
            await faulty.recorder.record([ending])

    assert await faulty.available() == set()
    assert await faulty.recorder.record([ending]) == [ending]
    assert await faulty.available() == {1}


async def test_a_connection_that_breaks_in_the_commit_changes_nothing(
    faulty: Studio, faults: Faults
) -> None:
    ending = await faulty.ending(1)

    async with faults.failing("commitTransaction", closeConnection=True, times=3):
        recorded = await faulty.recorder.record([ending])

    assert recorded == [ending]
    assert await faulty.available() == {1}


async def test_what_certainly_failed_is_not_taken_for_recorded_though_its_claim_is_gone(
    faulty: Studio, faults: Faults
) -> None:
    ending = await faulty.ending(1)
    await faulty.lose(ending)

    async with faults.failing("update", errorCode=8000):
        with pytest.raises(PyMongoError):
            await faulty.recorder.record([ending])


async def test_progress_is_shown_where_the_claim_stands(studio: Studio) -> None:
    ending = await studio.ending(1)
    shown = [edits.progress(ending.edits[0].file, SITES, 0.75)]

    await studio.recorder.show([(ending.claim, shown, {"done": 3})])

    assert (await studio.entry(1))["progress"] == 0.75
    claim = await studio.claims.find_one()
    assert claim is not None
    assert claim["done"] == 3


async def test_progress_is_not_shown_where_the_claim_was_lost(studio: Studio) -> None:
    ending = await studio.ending(1)
    await studio.lose(ending)
    shown = [edits.progress(ending.edits[0].file, SITES, 0.75)]

    await studio.recorder.show([(ending.claim, shown, {"done": 3})])

    assert (await studio.entry(1))["progress"] == 0.5
    claim = await studio.claims.find_one()
    assert claim is not None
    assert "done" not in claim


async def test_the_echo_of_a_recording_is_known_by_its_session(
    studio: Studio, database: Database
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
