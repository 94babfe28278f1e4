"""
pymongo's asynchronous API over a simulated server, as far as our code uses it.

Each command is one call: it waits for its turn, is carried out at once, and its answer waits for
its caller. Between the two anything may happen.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from anyio import sleep
from pymongo import UpdateOne
from pymongo.errors import PyMongoError

from tests.simulation.server import Namespace, Server, Written
from tests.simulation.values import Document

_TRANSIENT = "TransientTransactionError"
_UNKNOWN = "UnknownTransactionCommitResult"
_RETRIES = 40  # about as long as the driver tries a transaction


T = TypeVar("T")


class Caller(Protocol):
    """Who sends commands: one process."""

    name: str

    def call(self, label: str, act: Callable[[], T]) -> Awaitable[T]:
        """Carry out a command at the server, at some time."""
        ...


@dataclass(slots=True)
class _Result:
    matched_count: int
    modified_count: int
    deleted_count: int


def _result(written: Written) -> _Result:
    return _Result(written.matched, written.modified, written.deleted)


class Cursor:
    """What a query will find, once it is asked for."""

    def __init__(self, ask: Callable[[], Awaitable[list[Document]]]) -> None:
        self._ask = ask

    async def __aiter__(self) -> AsyncGenerator[Document]:
        for document in await self._ask():
            yield document

    async def to_list(self) -> list[Document]:
        return await self._ask()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...


class Found(Cursor):
    """What a command has found."""

    def __init__(self, documents: list[Document]) -> None:
        async def ask() -> list[Document]:
            return documents

        super().__init__(ask)


class Session:
    """A session, with transactions tried again as the driver does."""

    def __init__(self, client: Client) -> None:
        self._client = client
        client.sessions += 1
        self._name = f"{client.caller.name}/{client.sessions}"
        self._number = 0
        self.session_id = {"id": self._name}

    @property
    def name(self) -> str:
        """What names the transaction that is under way."""
        return f"{self._name}#{self._number}"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None: ...

    async def end_session(self) -> None: ...

    async def with_transaction(
        self, callback: Callable[[Any], Awaitable[Any]], write_concern: object = None
    ) -> Any:
        client = self._client
        for retry in range(_RETRIES):
            if retry:
                await sleep(min(0.005 * 1.5**retry, 0.5))
            self._number += 1
            try:
                answer = await callback(self)
            except Exception as error:
                await self._abort()
                if _is_labelled(error, _TRANSIENT) and retry < _RETRIES - 1:
                    continue
                raise
            try:
                await client.caller.call("commit", self._commit)
            except PyMongoError as error:
                if _is_labelled(error, _TRANSIENT) and retry < _RETRIES - 1:
                    continue
                client.server.abort(self.name)  # the driver tries until it is known to be lost
                error._add_error_label(_UNKNOWN)
                raise
            return answer
        return None

    def _commit(self) -> None:
        if self.name in self._client.server.transactions:
            self._client.server.commit(self.name)

    async def _abort(self) -> None:
        try:
            await self._client.caller.call("abort", lambda: self._client.server.abort(self.name))
        except PyMongoError:
            self._client.server.abort(self.name)


def _is_labelled(error: Exception, label: str) -> bool:
    return isinstance(error, PyMongoError) and error.has_error_label(label)


class Client:
    """One process's connection."""

    def __init__(self, server: Server, caller: Caller) -> None:
        self.server = server
        self.caller = caller
        self.sessions = 0
        self.admin = Admin(self)

    def __getitem__(self, name: str) -> Database:
        return Database(self, name)

    def start_session(self) -> Session:
        return Session(self)


class Admin:
    """The database of commands."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def command(self, name: str, *arguments: Any) -> Document:
        server = self._client.server
        if name == "hello":
            return await self._client.caller.call("hello", lambda: {"localTime": server.clock})
        if name == "killSessions":
            [sessions] = arguments

            def kill() -> Document:
                for session in sessions:
                    server.kill(session["id"])
                return {"ok": 1}

            return await self._client.caller.call("killSessions", kill)
        raise NotImplementedError(name)


class Database:
    """A database."""

    def __init__(self, client: Client, name: str) -> None:
        self.client = client
        self.name = name

    def __getitem__(self, name: str) -> Collection:
        return Collection(self, name)


class Collection:
    """A collection."""

    def __init__(self, database: Database, name: str) -> None:
        self.database = database
        self.name = name
        self._client = database.client
        self._server = database.client.server
        self._author = database.client.caller.name
        self._at: Namespace = (database.name, name)

    def with_options(self, **options: object) -> Self:
        return self

    async def _call(self, what: str, act: Callable[[], T]) -> T:
        return await self._client.caller.call(f"{what} {self.name}", act)

    # Reads.

    def find(
        self,
        wanted: Mapping[str, Any] | None = None,
        projection: object = None,
        *,
        sort: object = None,
        limit: int = 0,
    ) -> Cursor:
        return Cursor(
            lambda: self._call("find", lambda: self._server.find(self._at, wanted or {}, limit))
        )

    async def find_one(
        self, wanted: Mapping[str, Any], projection: object = None
    ) -> Document | None:
        found = await self._call("find", lambda: self._server.find(self._at, wanted))
        return found[0] if found else None

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]], **options: object) -> Cursor:
        return Found(
            await self._call("aggregate", lambda: self._server.aggregate(self._at, pipeline))
        )

    # Writes.

    async def insert_one(self, document: Document, session: Session | None = None) -> None:
        await self.insert_many([document], session=session)

    async def insert_many(
        self, documents: Sequence[Document], *, ordered: bool = True, session: Session | None = None
    ) -> None:
        named = [
            one if "_id" in one else {"_id": self._server.new_id(), **one} for one in documents
        ]
        name = session.name if session else None
        await self._call("insert", lambda: self._server.insert(self._at, named, self._author, name))

    async def update_one(
        self, wanted: Mapping[str, Any], update: Any, *, upsert: bool = False
    ) -> _Result:
        return _result(
            await self._call(
                "update",
                lambda: self._server.update(self._at, wanted, update, self._author, upsert=upsert),
            )
        )

    async def update_many(self, wanted: Mapping[str, Any], update: Any) -> _Result:
        return _result(
            await self._call(
                "update_many",
                lambda: self._server.update(self._at, wanted, update, self._author, many=True),
            )
        )

    async def bulk_write(
        self, updates: Sequence[UpdateOne], *, ordered: bool = True, session: Session | None = None
    ) -> _Result:
        name = session.name if session else None
        total = Written()
        for one in updates:

            def act(one: UpdateOne = one) -> Written:
                return self._server.update(
                    self._at, one._filter, one._doc, self._author, name, upsert=bool(one._upsert)
                )

            written = await self._call("bulk", act)
            total.matched += written.matched
            total.modified += written.modified
        return _result(total)

    async def delete_many(
        self, wanted: Mapping[str, Any], session: Session | None = None
    ) -> _Result:
        name = session.name if session else None
        return _result(
            await self._call(
                "delete", lambda: self._server.delete(self._at, wanted, self._author, name)
            )
        )

    async def delete_one(self, wanted: Mapping[str, Any]) -> _Result:
        return await self.delete_many(wanted)

    async def create_index(self, *keys: object, **options: object) -> None:
        await self._call("createIndexes", lambda: None)
