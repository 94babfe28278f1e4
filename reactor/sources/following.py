"""Follows a few representations: what is there now, and again at each change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
from pymongo.asynchronous.change_stream import AsyncChangeStream
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConnectionFailure, PyMongoError

from reactor.events import Key
from reactor.model import Representation
from reactor.reader import Reader
from reactor.tasks import plain_errors

Document = dict[str, Any]
Look = Callable[[Key, Representation | None], None]

POLL_SECONDS = 2.0
_WHOLE = ("drop", "rename", "dropDatabase", "invalidate")


@dataclass(slots=True)
class Following:
    """
    Tells `look` of representations until `ended` says that it has seen enough.

    The stream is opened before the first look, so that no change is missed. Where it breaks,
    or may not be opened, they are looked at every few seconds.
    """

    database: AsyncDatabase[Document]
    keys: Sequence[Key]
    look: Look
    ended: Callable[[], bool]
    _changed: set[Key] = field(default_factory=set[Key], init=False)
    _wake: anyio.Event = field(default_factory=anyio.Event, init=False)

    async def run(self) -> None:
        """Return when `ended` holds."""
        while not self.ended():
            try:
                await self._follow()
            except PyMongoError:
                await self._poll()

    async def look_once(self) -> None:
        """Look at all of them as they are now."""
        await self._look_at(self.keys)

    async def _follow(self) -> None:
        with plain_errors():
            async with await self.database.watch(_of(self.keys)) as stream:
                await self.look_once()
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self._note, stream)
                    await self._look_at_changes()
                    tasks.cancel_scope.cancel()

    async def _note(self, stream: AsyncChangeStream[Document]) -> None:
        """Note what has changed; a burst of changes of one document is one look at it."""
        async for change in stream:
            if "documentKey" in change:
                self._changed.add(Key(change["ns"]["coll"], change["documentKey"]["_id"]))
            else:
                self._changed.update(self.keys)
            self._wake.set()
        raise ConnectionFailure("the stream has ended")  # with the database

    async def _look_at_changes(self) -> None:
        while not self.ended():
            await self._wake.wait()
            self._wake = anyio.Event()
            changed, self._changed = self._changed, set()
            await self._look_at([key for key in self.keys if key in changed])

    async def _look_at(self, keys: Sequence[Key]) -> None:
        reader = Reader(self.database)
        for key in keys:
            self.look(key, await reader.one(*key))

    async def _poll(self) -> None:
        """Look without a stream; an election may be under way."""
        with contextlib.suppress(ConnectionFailure):
            await self.look_once()
        if not self.ended():
            await anyio.sleep(POLL_SECONDS)


def _of(keys: Sequence[Key]) -> list[Document]:
    """Return the pipeline for changes of some documents, by name only."""
    ids = [key.representation for key in keys]
    named = {"documentKey._id": {"$in": ids}}
    return [
        {"$match": {"$or": [named, {"operationType": {"$in": list(_WHOLE)}}]}},
        {"$project": {"ns": 1, "documentKey": 1}},
    ]
