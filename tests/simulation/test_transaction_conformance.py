"""The simulated database's transactions beside those of a real mongod, and how the driver tries again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.errors import OperationFailure

from reactor.claims import Claim
from reactor.edits import FileEdit, completion, failure
from reactor.model import FileRef
from reactor.recorder import Ending, Recorder
from reactor.recorder import _updates as updates_by_project
from tests.simulation.beside import LONG_AGO, Document, Owners, kept, same, simulated


@dataclass
class Studio:
    """A database with one document, two claims, and who records."""

    client: Any
    name: str

    async def prepare(self) -> list[Claim]:
        sites = [{"name": "studio", "created_dt": LONG_AGO}, {"name": "vendor"}]
        files = [{"_id": f"f{n}", "hash": "h", "path": f"p{n}", "sites": sites} for n in range(2)]
        await self.documents.insert_one({"_id": 1, "type": "representation", "files": files})
        owners = Owners(self.state)
        await owners.take("one", ("a", "b"), ())
        return [owners.held["one", name] for name in ("a", "b")]

    @property
    def documents(self) -> Any:
        return self.client[self.name]["Bunny"]

    @property
    def state(self) -> Any:
        return self.client[f"{self.name}_state"]

    def recorder(self) -> Recorder:
        return Recorder(self.client, self.client[self.name], self.state)

    async def all(self) -> list[list[Document]]:
        found = [await kept(self.client[self.name], "Bunny"), await kept(self.state, "claims")]
        return [*found, [{**one, "_id": 0} for one in await kept(self.state, "attempts")]]


def _ending(claim: Claim, position: int, made: Callable[[FileRef], FileEdit]) -> Ending:
    file = FileRef("Bunny", 1, position, f"f{position}", "h")
    return Ending(claim, (made(file),), {"claim": claim.id})


def _done(file: FileRef) -> FileEdit:
    return completion(file, frozenset({"vendor"}), {"verified": "size"})


def _failed(file: FileRef) -> FileEdit:
    return failure(file, frozenset({"vendor"}), "no", 5_000)


@pytest.fixture
async def studios(client: AsyncMongoClient[Document]) -> Any:
    real = Studio(client, f"test_{uuid4().hex[:12]}")
    yield real, Studio(simulated(), "avalon")
    for name in (real.name, f"{real.name}_state"):
        await client.drop_database(name)


Acts = Callable[[Studio, list[Claim]], Awaitable[object]]


async def _both_record(studio: Studio, claims: list[Claim]) -> object:
    done = await studio.recorder().record(
        [_ending(claims[0], 0, _done), _ending(claims[1], 1, _failed)]
    )
    return [ending.claim.id for ending in done]


async def _one_lost(studio: Studio, claims: list[Claim]) -> object:
    await studio.state["claims"].update_many(
        {"_id": claims[0].place.key}, {"$set": {"claim": "another's"}}
    )
    return await _both_record(studio, claims)


async def _taken_over_meanwhile(studio: Studio, claims: list[Claim]) -> object:
    """Let a claim be taken over between the two writes of the transaction."""
    recorder, tries = studio.recorder(), count()

    async def write(session: Any) -> None:
        await studio.documents.bulk_write(_updates(claims), session=session)
        if next(tries) == 0:
            await studio.state["claims"].update_many(
                {"_id": claims[0].place.key}, {"$set": {"claim": "another's"}}
            )
        deleted = await studio.state["claims"].delete_many(
            {"_id": claims[0].place.key, "claim": claims[0].id}, session=session
        )
        if deleted.deleted_count != 1:
            raise KeyError(claims[0].id)

    with pytest.raises(KeyError):
        await recorder._session.with_transaction(write)
    return next(tries)


async def _document_changed_meanwhile(studio: Studio, claims: list[Claim]) -> object:
    """Let another write to the document once the transaction has its snapshot."""
    recorder, tries = studio.recorder(), count()

    async def write(session: Any) -> None:
        await studio.state["claims"].delete_many({"_id": claims[0].place.key}, session=session)
        if next(tries) == 0:
            await studio.documents.update_many({"_id": 1}, {"$set": {"name": "changed"}})
        await studio.documents.bulk_write(_updates(claims), session=session)

    await recorder._session.with_transaction(write)
    return next(tries)


async def _others_wait_for_it(studio: Studio, claims: list[Claim]) -> object:
    """Let a plain write to the same document wait until the transaction is over."""
    order: list[str] = []

    async def plainly() -> None:
        await studio.documents.update_many({"_id": 1}, {"$set": {"name": "changed"}})
        order.append("plain write")

    async def write(session: Any) -> None:
        await studio.documents.bulk_write(_updates(claims), session=session)
        tasks.start_soon(plainly)
        await anyio.sleep(0.1)
        order.append("transaction")

    async with anyio.create_task_group() as tasks:
        await studio.recorder()._session.with_transaction(write)
    return order


async def _two_transactions_meet(studio: Studio, claims: list[Claim]) -> object:
    """Let a second transaction fail at once on what the first has written."""
    first, second = studio.recorder(), studio.recorder()
    codes: list[object] = []

    async def late(session: Any) -> None:
        await studio.documents.bulk_write(_updates(claims), session=session)

    async def early(session: Any) -> None:
        await studio.documents.bulk_write(_updates(claims), session=session)
        try:
            await _once(second._session, late)
        except OperationFailure as error:
            codes.append((error.code, error.has_error_label("TransientTransactionError")))

    await first._session.with_transaction(early)
    return codes


async def _killed(studio: Studio, claims: list[Claim]) -> object:
    """Let a session be killed between two commands of its transaction."""
    recorder, tries = studio.recorder(), count()

    async def write(session: Any) -> None:
        await studio.documents.bulk_write(_updates(claims), session=session)
        if next(tries) == 0:
            await studio.client.admin.command("killSessions", [{"id": recorder.session_id}])
        await studio.state["claims"].delete_many({"_id": claims[0].place.key}, session=session)

    await recorder._session.with_transaction(write)
    return next(tries)


async def _once(session: Any, write: Callable[[Any], Awaitable[None]]) -> None:
    """Try a transaction once, whoever's session it is."""

    async def only_once(given: Any) -> None:
        try:
            await write(given)
        except OperationFailure as error:
            raise _SeenError(error) from None

    try:
        await session.with_transaction(only_once)
    except _SeenError as seen:
        raise seen.error from None


class _SeenError(Exception):
    def __init__(self, error: OperationFailure) -> None:
        super().__init__()
        self.error = error


def _updates(claims: list[Claim]) -> list[Any]:
    return updates_by_project(_ending(claims[0], 0, _done).edits)["Bunny"]


@pytest.mark.parametrize(
    "act",
    [
        _both_record,
        _one_lost,
        _taken_over_meanwhile,
        _document_changed_meanwhile,
        _others_wait_for_it,
        _two_transactions_meet,
        _killed,
    ],
    ids=lambda act: act.__name__.strip("_"),
)
async def test_transactions_end_in_the_same_way(studios: tuple[Studio, Studio], act: Acts) -> None:
    answers = [await act(studio, await studio.prepare()) for studio in studios]

    assert answers[0] == answers[1]
    real, made = [await studio.all() for studio in studios]
    assert same(real, made), (real, made)
