"""Recording where documents refuse, others write too, and answers are lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from structlog.testing import capture_logs

from reactor.recorder import Ending
from tests.reactor.conftest import Faults
from tests.reactor.small_project import SmallProject, complete, ids

Document = dict[str, Any]
Database = AsyncDatabase[Document]


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: Database
) -> AsyncIterator[SmallProject]:
    studio = SmallProject(client, database)
    yield studio
    await studio.recorder.aclose()


@pytest.fixture
async def faulty(faults: Faults) -> AsyncIterator[SmallProject]:
    studio = SmallProject(faults.client, faults.database)
    yield studio
    await studio.recorder.aclose()


async def test_a_document_that_refuses_the_write_does_not_hold_up_the_others(
    studio: SmallProject,
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


async def test_where_a_document_refuses_its_claims_end_and_the_rest_is_not_tried(
    studio: SmallProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    endings = [await studio.ending(number) for number in range(40)]
    await forbid_changing(studio, *range(30))
    both = replace(endings[1], edits=(complete(1), complete(35)))
    tried = list[int]()
    in_transaction = studio.recorder._in_transaction

    async def counted(some: Sequence[Ending]) -> None:
        tried.append(len(some))
        await in_transaction(some)

    monkeypatch.setattr(studio.recorder, "_in_transaction", counted)
    same = [replace(endings[0], claim=one.claim) for one in endings[2:30]]

    recorded = await studio.recorder.record([endings[0], both, *same, *endings[30:35]])

    assert await studio.available() == {30, 31, 32, 33, 34, 35}
    assert set(ids(recorded)) == {both.claim.id, *ids(endings[30:35])}
    assert await studio.claimed() == set(ids(endings[35:]))
    assert len(tried) < 20


async def test_what_may_not_be_written_at_all_is_not_asked_for_ever(
    studio: SmallProject, database: Database
) -> None:
    """A time-series collection takes no part in transactions."""
    ending = await studio.ending(1)
    await studio.documents.drop()
    await database.create_collection(studio.documents.name, timeseries={"timeField": "at"})

    with capture_logs() as logs:
        assert await studio.recorder.record([ending]) == []

    assert [line["event"] for line in logs] == ["document refuses a write"]
    assert await studio.claimed() == set()


async def test_attempts_that_cannot_be_kept_undo_nothing(
    studio: SmallProject, database: Database
) -> None:
    ending = replace(await studio.ending(1), attempt={"bytes": 2**70})

    assert await studio.recorder.record([ending]) == [ending]
    assert await studio.available() == {1}


async def test_an_edit_that_its_document_refuses_does_not_hold_up_the_others(
    studio: SmallProject,
) -> None:
    for number in range(4):
        await studio.ending(number)
    await forbid_changing(studio, 1, 2)

    with capture_logs() as logs:
        await studio.recorder.edit([complete(number) for number in range(4)])

    assert await studio.available() == {0, 3}
    assert [line["representation"] for line in logs] == ["1", "2"]


async def forbid_changing(studio: SmallProject, *numbers: int) -> None:
    """Validate documents as a studio may: some of them can no longer become available."""
    forbidden = {"_id": {"$in": [*numbers]}, "files.sites.created_dt": {"$exists": True}}
    await studio.documents.database.command(
        "collMod", studio.documents.name, validator={"$nor": [forbidden]}
    )


async def test_a_write_that_conflicts_with_another_is_tried_again(
    studio: SmallProject, client: AsyncMongoClient[Document]
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
    faulty: SmallProject, faults: Faults
) -> None:
    ending = await faulty.ending(1)
    committed = {"code": _TOO_LATE, "errmsg": "operation exceeded time limit"}

    async with faults.failing("commitTransaction", writeConcernError=committed):
        recorded = await faulty.recorder.record([ending])

    assert recorded == [ending]
    assert await faulty.available() == {1}


async def test_an_unknown_outcome_is_read_back_where_it_was_not_recorded(
    faulty: SmallProject, faults: Faults
) -> None:
    ending = await faulty.ending(1)

    async with faults.failing("commitTransaction", errorCode=_TOO_LATE):
        with pytest.raises(PyMongoError):
            await faulty.recorder.record([ending])

    assert await faulty.available() == set()
    assert await faulty.recorder.record([ending]) == [ending]
    assert await faulty.available() == {1}


async def test_a_connection_that_breaks_in_the_commit_changes_nothing(
    faulty: SmallProject, faults: Faults
) -> None:
    ending = await faulty.ending(1)

    async with faults.failing("commitTransaction", closeConnection=True, times=3):
        recorded = await faulty.recorder.record([ending])

    assert recorded == [ending]
    assert await faulty.available() == {1}


async def test_what_certainly_failed_is_not_taken_for_recorded_though_its_claim_is_gone(
    faulty: SmallProject, faults: Faults
) -> None:
    ending = await faulty.ending(1)
    await faulty.lose(ending)

    async with faults.failing("update", errorCode=8000):
        with pytest.raises(PyMongoError):
            await faulty.recorder.record([ending])
