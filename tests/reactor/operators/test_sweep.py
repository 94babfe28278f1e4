"""A wish goes through a project in batches, and whoever stops it or comes between is told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.edits import FileEdit
from reactor.operators.site_edits import adding
from reactor.operators.sweep import EntryEdits, Scope, Sweep
from reactor.operators.tally import Reason, Tally
from reactor.reader import Reader
from reactor.recorder import Recorder, Written

Document = dict[str, Any]
Client = AsyncMongoClient[Document]
Database = AsyncDatabase[Document]

WISH = adding(frozenset({"vendor"}))


async def publish(database: Database, count: int) -> None:
    await database["Bunny"].insert_many(
        {
            "_id": number,
            "type": "representation",
            "files": [{"_id": "f", "path": f"{{root}}/{number}", "hash": "h", "sites": []}],
        }
        for number in range(count)
    )


async def added(database: Database) -> int:
    return await database["Bunny"].count_documents({"files.sites.name": "vendor"})


def sweep(
    client: Client, database: Database, *, stop: bool = False, recorder: Recorder | None = None
) -> tuple[Sweep, list[int]]:
    reader, seen = Reader(database), list[int]()
    recorder = recorder or Recorder(client, database, database)
    return Sweep(reader, EntryEdits(reader, recorder, WISH), seen.append, lambda: stop), seen


async def test_it_tells_after_each_batch_how_far_it_is(client: Client, database: Database) -> None:
    await publish(database, 1203)
    going, seen = sweep(client, database)

    await going.run(Scope("Bunny"), WISH)

    assert seen == [500, 1000, 1203]
    assert await added(database) == 1203


async def test_asked_to_stop_it_ends_after_a_batch_and_goes_on_the_next_time(
    client: Client, database: Database
) -> None:
    await publish(database, 700)
    stopped, _ = sweep(client, database, stop=True)

    await stopped.run(Scope("Bunny"), WISH)

    assert stopped.tally.interrupted
    assert await added(database) == stopped.tally.changed == 500
    again, _ = sweep(client, database)
    await again.run(Scope("Bunny"), WISH)
    assert (again.tally.changed, again.tally.settled) == (200, 500)


async def test_only_the_named_representations_are_changed(
    client: Client, database: Database
) -> None:
    await publish(database, 5)
    going, _ = sweep(client, database)

    await going.run(Scope("Bunny", (1, 3)), WISH)

    assert await database["Bunny"].distinct("_id", {"files.sites.name": "vendor"}) == [1, 3]


class Overtaken(Recorder):
    """Writes when a publisher has just written."""

    async def edit_many(self, edits: Iterable[FileEdit]) -> Written:
        await self._database["Bunny"].update_one({"_id": 1}, {"$set": {"files.0.hash": "new"}})
        return await super().edit_many(edits)

    async def update_all(
        self, project: str, ids: Sequence[object], update: Sequence[Mapping[str, Any]]
    ) -> Written:
        path = {"$set": {"files.0.path": "{root}/.odd/2"}}
        await self._database["Bunny"].update_one({"_id": 2}, path)
        return await super().update_all(project, ids, update)


async def test_what_was_republished_in_between_is_told_and_not_counted_as_done(
    client: Client, database: Database
) -> None:
    await publish(database, 3)
    await database["Bunny"].update_one({"_id": 1}, {"$set": {"files.0.sites": {}}})
    going, _ = sweep(client, database, recorder=Overtaken(client, database, database))

    await going.run(Scope("Bunny"), WISH)

    assert (going.tally.changed, going.tally.refused) == (1, 2)
    (reason,) = going.tally.reasons.values()
    assert (reason.representation, reason.path, reason.files) == (1, "{root}/1", 2)
    assert "run this again" in reason.why


def test_reasons_stay_few_however_many_there_are() -> None:
    tally = Tally()

    for number in range(1000):
        tally.explain(Reason(f"reason {number}", "Bunny", number, "a"))

    assert len(tally.reasons) <= 101
    assert sum(reason.files for reason in tally.reasons.values()) == 1000
