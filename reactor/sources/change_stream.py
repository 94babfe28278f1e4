"""
The database's change stream: milliseconds from a write to its notice, none lost.

Delivery is at least once. The resume token is saved after dispatch, and on empty polls too,
so that a quiet studio does not fall off the oplog. The driver resumes once; the outer loop
here resumes for ever. History that is lost is found again by a full scan.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, cast

import anyio
import structlog
from anyio.abc import TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure, PyMongoError

from reactor.backoff import RECONNECT
from reactor.events import Notice, is_name
from reactor.sources.changes import FINGERPRINT, PIPELINE, Change, change_of
from reactor.sources.haste import MOST_TOGETHER, Haste
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

Document = dict[str, Any]
Dispatch = Callable[[Iterable[Notice]], Awaitable[None]]
_Item = tuple[Change | None, object]

_SAVE_SECONDS = 5.0
_GATHER_SECONDS = 0.05
_BUFFERED_SECONDS = 0.0003  # what takes less did not come from the server just now
_POLL_MS = 2_000
_TOKEN_NOT_FOUND = 280
_HISTORY_LOST = 286
_TOO_LARGE = 10334  # a change that the server can never tell, and would stop at each time


class HistoryLostError(Exception):
    """The stream cannot go on where it was: what happened meanwhile must be found by a scan."""


@dataclass(slots=True)
class Cursor:
    """One process's place in the stream, kept in the `cursors` collection."""

    collection: AsyncCollection[Document]
    name: str
    _saved: object = None
    _saved_at: float = 0.0

    async def load(self) -> object | None:
        """Return the saved token; None where there is none, or it is of another pipeline."""
        found = await self.collection.find_one({"_id": self.name})
        return found.get("token") if found and found.get("fingerprint") == FINGERPRINT else None

    async def save(self, token: object, *, now: bool = False) -> None:
        """Save a token, at most every few seconds unless asked to at once."""
        if token is None or token == self._saved:
            return
        if now or time.monotonic() - self._saved_at > _SAVE_SECONDS:
            kept = {"token": token, "fingerprint": FINGERPRINT}
            await self.collection.update_one({"_id": self.name}, {"$set": kept}, upsert=True)
            self._saved, self._saved_at = token, time.monotonic()

    async def forget(self) -> None:
        """Drop a token that leads nowhere."""
        await self.collection.update_one({"_id": self.name}, {"$unset": {"token": 1}})
        self._saved = None

    async def knows(self, settings: str) -> bool:
        """Return whether all was looked at by these settings since they last changed."""
        found = await self.collection.find_one({"_id": self.name}, {"settings": 1})
        return found is not None and found.get("settings") == settings

    async def keep(self, settings: str) -> None:
        """Take note that all was looked at by these settings."""
        await self.collection.update_one({"_id": self.name}, {"$set": {"settings": settings}})


class Forgetful:
    """The place in the stream of a process that keeps none: it begins with lost history."""

    async def load(self) -> object | None:
        """Return that there is no token."""
        return None

    async def save(self, token: object, *, now: bool = False) -> None:
        """Save nothing."""

    async def forget(self) -> None:
        """Know nothing to drop."""

    async def knows(self, settings: str) -> bool:  # noqa: ARG002 - it keeps none
        """Return that nothing was looked at before."""
        return False

    async def keep(self, settings: str) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told what no notice can say."""

    history_lost: Callable[[], None]
    project_gone: Callable[[str], None]


class ChangeStream:
    """The stream of one database; `haste` tells what may wait, to be looked at together."""

    def __init__(
        self,
        database: AsyncDatabase[Document],
        cursor: Cursor | Forgetful,
        dispatch: Dispatch,
        told: Told,
        haste: Haste,
    ) -> None:
        self._database = database
        self._cursor = cursor
        self._dispatch = dispatch
        self._told = told
        self._token: object | None = None  # before it, nothing is left to do
        self._taken: object | None = None  # up to it, changes were taken from the stream
        self._opened_at = 0.0
        self._haste = haste

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Follow the stream for ever; started once it is open for the first time."""
        failures = 0
        started = False
        while True:
            try:
                async with await self._open() as stream:
                    self._opened_at = time.monotonic()
                    if not started:
                        task_status.started()
                        started = True
                    await self._follow(stream)
            except HistoryLostError as error:
                log.warning("history lost", why=str(error), then="full scan")
                self._token = None
                with contextlib.suppress(PyMongoError):  # the next that is saved takes its place
                    await self._cursor.forget()
                self._told.history_lost()
            except PyMongoError as error:
                went_well = time.monotonic() - self._opened_at < RECONNECT.most
                failures = failures + 1 if went_well else 1
                wait = RECONNECT.delay(failures, random.random())  # noqa: S311 - jitter
                log.warning("change stream cut", why=str(error)[:200], retry_in=round(wait, 1))
                await anyio.sleep(wait)

    async def save(self) -> None:
        """Save the place in the stream, as the last thing before the end."""
        await self._cursor.save(self._token, now=True)

    async def _open(self) -> AsyncChangeStream[Document]:
        token = self._token or await self._cursor.load()
        try:
            stream = await self._database.watch(
                PIPELINE,
                resume_after=cast("Document | None", token),
                max_await_time_ms=_POLL_MS,
                batch_size=MOST_TOGETHER,
            )
        except OperationFailure as error:
            raise _translated(error) from error
        if token is None:
            self._told.history_lost()
        self._token = self._taken = token or stream.resume_token
        self._haste.begin_anew()
        return stream

    async def _follow(self, stream: AsyncChangeStream[Document]) -> None:
        send, receive = anyio.create_memory_object_stream[_Item](MOST_TOGETHER)
        with plain_errors():
            async with send, receive, anyio.create_task_group() as tasks:
                tasks.start_soon(self._read, stream, send)
                while True:
                    await self._dispatch_waiting(receive)

    async def _read(
        self, stream: AsyncChangeStream[Document], send: MemoryObjectSendStream[_Item]
    ) -> None:
        while True:
            asked = time.monotonic()
            try:
                told = await stream.try_next()
            except OperationFailure as error:
                raise _translated(error) from error
            took = time.monotonic() - asked
            change = change_of(told) if told else None
            await send.send((change, stream.resume_token))
            if not stream.alive:
                raise HistoryLostError("the database was dropped, or the stream invalidated")
            if took > _BUFFERED_SECONDS and change and change.author is not None:
                await anyio.sleep(_GATHER_SECONDS)  # more will follow: they come in one answer

    async def _dispatch_waiting(self, receive: MemoryObjectReceiveStream[_Item]) -> None:
        """Dispatch what waits; the token moves on when nothing before it is left to do."""
        items = await self._waiting(receive)
        notices: list[Notice] = []
        place = self._taken
        for change, after in items:
            if change and (notice := self._notice(change, place)):
                notices.append(notice)
            place = after
        notices += self._haste.due(time.monotonic())
        if notices:
            await self._dispatch(notices)
        self._taken = place
        self._token = self._haste.place(place)
        await self._cursor.save(self._token)

    async def _waiting(self, receive: MemoryObjectReceiveStream[_Item]) -> list[_Item]:
        items: list[_Item] = []
        with anyio.move_on_after(self._haste.patience(time.monotonic())):
            items.append(await receive.receive())
        while len(items) < MOST_TOGETHER:
            try:
                items.append(receive.receive_nowait())
            except anyio.WouldBlock:
                break
        return items

    def _notice(self, change: Change, before: object) -> Notice | None:
        """Return what to look at now."""
        if change.notice is not None:
            # Of large files every reactor may begin at once; what names nothing is complained about.
            if change.large or not is_name(change.notice.key.representation):
                return change.notice
            return self._haste.take(change.notice, change.author, before, time.monotonic())
        if change.kind in ("drop", "rename"):
            self._told.project_gone(change.project)
        if change.kind == "rename":
            self._told.history_lost()  # the documents have a new project
        return None


def _translated(error: OperationFailure) -> Exception:
    if error.code in (_TOKEN_NOT_FOUND, _HISTORY_LOST, _TOO_LARGE):
        return HistoryLostError(str(error)[:200])
    return error
