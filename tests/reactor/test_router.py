"""From notices through handlers to documents, the queue and the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import PyMongoError
from structlog.testing import capture_logs

from handlers.table import HANDLERS
from reactor.clock import DatabaseClock
from reactor.commands import AddEntries, Command, Complain, RequestTransfer, StopTransfer
from reactor.events import ChangeEvent, Key, Notice, Origin
from reactor.model import Topology, Work
from reactor.pauses import Pauses
from reactor.reader import Reader
from reactor.recorder import Recorder
from reactor.router import Handler, Router
from reactor.scheduler import Scheduler
from reactor.sites import Sites
from tests.reactor.conftest import Faults

Document = dict[str, Any]
Database = AsyncDatabase[Document]
MakeRouter = Callable[..., Router]

KEY = Key("Bunny", 1)
WORK = Work("Bunny", "vendor", "{root}/a")
TOPOLOGY = Topology(
    project="Bunny",
    own="studio",
    served=("studio", "vendor", "archive"),
    alternatives={"studio": [], "vendor": [], "archive": []},
    reachable=frozenset({"studio", "vendor"}),
    always=("archive",),
)


class Seen:
    """A handler that remembers what it was asked, and answers what it was told to."""

    __name__ = "seen"

    def __init__(self, *answers: Command) -> None:
        self.events: list[ChangeEvent] = []
        self._answers = answers

    def __call__(self, event: ChangeEvent, _: Topology) -> Iterable[Command]:
        self.events.append(event)
        return self._answers


def broken(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    yield Complain(event.key, "said before")
    raise RuntimeError("a bug")


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler(Sites({}, {}), DatabaseClock(), Pauses())


@pytest.fixture
def make_router(
    client: AsyncMongoClient[Document], database: Database, scheduler: Scheduler
) -> MakeRouter:
    def make(*handlers: Handler) -> Router:
        recorder = Recorder(client, database, database)
        known = {"Bunny": TOPOLOGY}
        return Router(Reader(database), recorder, scheduler, handlers, known.get)

    return make


@pytest.fixture
async def published(database: Database) -> Database:
    """A database with one document, of which a file is wanted at `vendor`."""
    sites = [{"name": "studio", "created_dt": 1}, {"name": "vendor"}]
    files = [{"_id": "f", "hash": "h", "path": "{root}/a", "sites": sites}]
    await database["Bunny"].insert_one({"_id": 1, "type": "representation", "files": files})
    return database


def notice(key: Key = KEY, origin: Origin = Origin.STREAM, *, thorough: bool = True) -> Notice:
    return Notice(key, origin, thorough)


async def test_edits_are_written_and_transfers_queued(
    published: Database, scheduler: Scheduler, make_router: MakeRouter
) -> None:
    await make_router(*HANDLERS).dispatch([notice()])

    document = await published["Bunny"].find_one()
    assert document is not None
    assert {"name": "archive"} in document["files"][0]["sites"]
    assert list(scheduler.queue.waiting()) == [WORK]


async def test_what_is_paused_leaves_the_queue(
    published: Database, scheduler: Scheduler, make_router: MakeRouter
) -> None:
    scheduler.request(RequestTransfer(WORK), Origin.STREAM)

    await make_router(Seen(StopTransfer(WORK))).dispatch([notice()])

    assert len(scheduler.queue) == 0


async def test_notices_of_one_document_are_one_event(
    published: Database, make_router: MakeRouter
) -> None:
    seen = Seen()
    notices = [notice(thorough=False), notice(), notice(origin=Origin.SCAN, thorough=False)]

    await make_router(seen).dispatch(notices)

    [event] = seen.events
    assert event.origin is Origin.STREAM
    assert event.representation is not None


async def test_a_document_that_is_gone_is_shown_to_handlers_as_gone(
    published: Database, make_router: MakeRouter
) -> None:
    seen = Seen()

    await make_router(seen).dispatch([notice(Key("Bunny", "gone"))])

    assert [event.representation for event in seen.events] == [None]


async def test_a_project_that_is_not_served_is_not_looked_at(make_router: MakeRouter) -> None:
    seen = Seen()

    await make_router(seen).dispatch([notice(Key("Other", 1))])

    assert seen.events == []


async def test_a_handler_that_raises_is_logged_and_the_others_go_on(
    published: Database, make_router: MakeRouter
) -> None:
    before, after = Seen(), Seen(StopTransfer(WORK))

    with capture_logs() as logs:
        await make_router(before, broken, after).dispatch([notice()])

    assert [line["event"] for line in logs] == ["handler failed", "document not understood"]
    assert (logs[0]["handler"], logs[0]["change"]) == ("broken", str(KEY))
    assert before.events == after.events != []


async def test_a_complaint_is_logged_once(published: Database, make_router: MakeRouter) -> None:
    router = make_router(Seen(Complain(KEY, "its path is empty")))

    with capture_logs() as logs:
        await router.dispatch([notice()])
        await router.dispatch([notice()])

    [line] = logs
    assert line["why"] == "its path is empty"
    assert (line["project"], line["representation"]) == ("Bunny", "1")
    assert line["log_level"] == "error"


async def test_another_complaint_of_the_same_document_is_logged_too(
    published: Database, make_router: MakeRouter
) -> None:
    router = make_router(Seen(Complain(KEY, "one"), Complain(KEY, "two")))

    with capture_logs() as logs:
        await router.dispatch([notice()])

    assert [line["why"] for line in logs] == ["one", "two"]


async def test_complaints_are_remembered_within_bounds(
    published: Database, make_router: MakeRouter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reactor.router._COMPLAINTS", 2)
    router = make_router(Seen(*(Complain(KEY, str(number)) for number in range(9))))

    await router.dispatch([notice()])

    assert list(router._told) == [(KEY, "7"), (KEY, "8")]


async def test_a_document_whose_id_names_nothing_does_not_hold_up_the_others(
    published: Database, make_router: MakeRouter
) -> None:
    seen = Seen()

    with capture_logs() as logs:
        await make_router(seen).dispatch([notice(Key("Bunny", {"a": 1})), notice()])

    assert [event.key for event in seen.events] == [KEY]
    assert [line["representation"] for line in logs] == ["{'a': 1}"]


async def test_an_edit_of_another_documents_file_touches_nothing(
    published: Database, make_router: MakeRouter
) -> None:
    before = await published["Bunny"].find_one()
    seen = Seen()
    await make_router(seen).dispatch([notice()])
    representation = seen.events[0].representation
    assert representation is not None
    elsewhere = representation.ref(representation.files[0])._replace(id="g")

    await make_router(Seen(AddEntries(elsewhere, frozenset({"archive"})))).dispatch([notice()])

    assert await published["Bunny"].find_one() == before


async def test_the_caller_is_told_where_the_database_does_not_answer(
    faults: Faults, scheduler: Scheduler
) -> None:
    recorder = Recorder(faults.client, faults.database, faults.database)
    known = {"Bunny": TOPOLOGY}
    router = Router(Reader(faults.database), recorder, scheduler, HANDLERS, known.get)

    async with faults.failing("aggregate", errorCode=8000):
        with pytest.raises(PyMongoError):
            await router.dispatch([notice()])
