"""
What a replica set keeps and promises: documents, snapshots, locks, write conflicts.

Commands are carried out at once and whole; who calls decides when. A transaction reads what was
there at its first command, and fails with a write conflict on what others have changed since; a
write outside of one waits for a transaction that has written to the same document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from pymongo.errors import BulkWriteError, DuplicateKeyError, OperationFailure

from tests.simulation.expressions import Variables
from tests.simulation.pipelines import aggregated, matches, updated
from tests.simulation.values import Document

Namespace = tuple[str, str]
Watcher = Callable[["Change"], None]

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
TRANSACTION_SECONDS = 60.0
_CONFLICT = 112
_NO_TRANSACTION = 251
_DUPLICATE = 11000


@dataclass(slots=True)
class Change:
    """One document that was written: what it was and what it is, who did it and in which session."""

    namespace: Namespace
    before: Document | None
    after: Document | None
    author: str
    session: str | None


class LockedError(Exception):
    """A write has to wait for a transaction."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__()
        self.transaction = transaction


@dataclass(eq=False, slots=True)
class Transaction:
    """One transaction: what it sees, what it has written, and when it began."""

    session: str
    began: float
    author: str
    snapshot: dict[Namespace, dict[Any, Document]]
    written: dict[tuple[Namespace, Any], Document | None] = field(
        default_factory=dict[tuple[Namespace, Any], "Document | None"]
    )
    is_open: bool = True


@dataclass(slots=True)
class Written:
    """What a write has done."""

    matched: int = 0
    modified: int = 0
    deleted: int = 0
    upserted: int = 0


class Server:
    """The databases. `now` tells the seconds since `EPOCH`; `ahead` is what wall clocks have leapt since, here as elsewhere."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self.ahead = 0.0
        self.collections: dict[Namespace, dict[Any, Document]] = {}
        self.locks: dict[tuple[Namespace, Any], Transaction] = {}
        self.transactions: dict[str, Transaction] = {}
        self.watchers: list[Watcher] = []
        self.released: Callable[[], None] = lambda: None
        self.ids = 0
        self._told = -1.0, EPOCH
        self._versions: dict[Namespace, int] = {}
        self._answers: dict[int, tuple[Any, int, list[Document]]] = {}

    @property
    def clock(self) -> datetime:
        """The server's time, in whole milliseconds."""
        seconds = self._now() + self.ahead
        if self._told[0] != seconds:
            self._told = seconds, EPOCH + timedelta(milliseconds=int(seconds * 1000))
        return self._told[1]

    def new_id(self) -> ObjectId:
        """Return an id that no document has."""
        self.ids += 1
        return ObjectId(f"{self.ids:024x}")

    def _variables(self) -> Variables:
        return {"NOW": self.clock}

    def _documents(
        self, namespace: Namespace, transaction: Transaction | None
    ) -> dict[Any, Document]:
        committed = self.collections.setdefault(namespace, {})
        if transaction is None:
            return committed
        seen = transaction.snapshot.get(namespace)
        if seen is None:
            seen = transaction.snapshot[namespace] = dict(committed)
        return seen

    # Transactions.

    def transaction(self, session: str, author: str) -> Transaction:
        """Return the open transaction of a session, or begin one: now its snapshot is taken."""
        found = self.transactions.get(session)
        if found is None:
            snapshot = {name: dict(found) for name, found in self.collections.items()}
            found = Transaction(session, self._now() + self.ahead, author, snapshot)
            self.transactions[session] = found
        elif not found.is_open:
            raise _no_transaction()
        return found

    def commit(self, session: str) -> None:
        """Make what a transaction has written visible, all at once."""
        found = self.transactions.pop(session, None)
        if found is None or not found.is_open:
            raise _no_transaction()
        for (namespace, name), document in found.written.items():
            self._put(namespace, name, document, found.author, session)
        self._release(found)

    def abort(self, session: str) -> None:
        """Forget what a transaction has written."""
        found = self.transactions.pop(session, None)
        if found is not None and found.is_open:
            self._release(found)

    def expire(self, transaction: Transaction) -> bool:
        """Abort a transaction that is open for too long; return whether it was."""
        if self._now() + self.ahead - transaction.began < TRANSACTION_SECONDS:
            return False
        self.kill(transaction.session)
        return True

    def kill(self, session: str) -> None:
        """Abort what a session has begun; its owner learns of it at the next command."""
        for name, found in self.transactions.items():
            if found.is_open and name.partition("#")[0] == session.partition("#")[0]:
                self._release(found)

    def _release(self, transaction: Transaction) -> None:
        transaction.is_open = False
        for key in transaction.written:
            if self.locks.get(key) is transaction:
                del self.locks[key]
        self.released()

    # Writes.

    def _wait_for(self, keys: Sequence[tuple[Namespace, Any]]) -> None:
        """Raise where a transaction has written to one of these: a write waits until it ends."""
        for key in keys:
            holder = self.locks.get(key)
            if holder is not None and not self.expire(holder):
                raise LockedError(holder)

    def _write(
        self,
        namespace: Namespace,
        name: Any,
        document: Document | None,
        author: str,
        transaction: Transaction | None,
    ) -> None:
        if transaction is None:
            self._put(namespace, name, document, author, None)
            return
        key = namespace, name
        holder = self.locks.get(key)
        if holder is None or holder is not transaction:
            seen = transaction.snapshot[namespace].get(name)
            now = self.collections.setdefault(namespace, {}).get(name)
            if (holder is not None and not self.expire(holder)) or now is not seen:
                raise _conflict()
        self.locks[key] = transaction
        transaction.written[key] = document
        if document is None:
            transaction.snapshot[namespace].pop(name, None)
        else:
            transaction.snapshot[namespace][name] = document

    def _put(
        self,
        namespace: Namespace,
        name: Any,
        document: Document | None,
        author: str,
        session: str | None,
    ) -> None:
        documents = self.collections.setdefault(namespace, {})
        self._versions[namespace] = self._versions.get(namespace, 0) + 1
        before = documents.get(name)
        if document is None:
            documents.pop(name, None)
        else:
            documents[name] = document
        change = Change(namespace, before, document, author, session)
        for watcher in self.watchers:
            watcher(change)

    def _found(
        self, namespace: Namespace, wanted: Mapping[str, Any], transaction: Transaction | None
    ) -> Iterator[Document]:
        documents = self._documents(namespace, transaction)
        variables = self._variables()
        name = wanted.get("_id")
        if isinstance(name, str | ObjectId):
            candidates = [documents[name]] if name in documents else []
        else:
            candidates = list(documents.values())
        return (one for one in candidates if matches(one, wanted, variables))

    def insert(
        self,
        namespace: Namespace,
        documents: Sequence[Document],
        author: str,
        session: str | None = None,
    ) -> None:
        """Insert documents, each that can be; raises for the others."""
        transaction = self.transaction(session, author) if session else None
        problems: list[Document] = []
        if transaction is None:
            self._wait_for([(namespace, document["_id"]) for document in documents])
        for index, document in enumerate(documents):
            name = document["_id"]
            if name in self._documents(namespace, transaction):
                problems.append({"index": index, "code": _DUPLICATE, "op": document})
            else:
                self._write(namespace, name, document, author, transaction)
        if problems:
            raise BulkWriteError({"writeErrors": problems, "writeConcernErrors": []})

    def update(
        self,
        namespace: Namespace,
        wanted: Mapping[str, Any],
        update: Any,
        author: str,
        session: str | None = None,
        *,
        many: bool = False,
        upsert: bool = False,
    ) -> Written:
        """Update one or many documents; insert one where none is found, if that is asked for."""
        transaction = self.transaction(session, author) if session else None
        written = Written()
        changes: list[tuple[Any, Document]] = []
        for document in self._found(namespace, wanted, transaction):
            written.matched += 1
            after = updated(document, update, self._variables())
            if after != document:
                changes.append((document["_id"], after))
            if not many:
                break
        if transaction is None:
            self._wait_for([(namespace, name) for name, _ in changes])
        for name, after in changes:
            self._write(namespace, name, after, author, transaction)
        written.modified = len(changes)
        if upsert and not written.matched:
            name = wanted["_id"]
            if name in self._documents(namespace, transaction):
                raise DuplicateKeyError("it is there", _DUPLICATE)
            after = updated({"_id": name}, update, self._variables())
            self._write(namespace, name, after, author, transaction)
            written.upserted += 1
        return written

    def delete(
        self,
        namespace: Namespace,
        wanted: Mapping[str, Any],
        author: str,
        session: str | None = None,
    ) -> Written:
        """Delete all documents that a filter takes."""
        transaction = self.transaction(session, author) if session else None
        written = Written()
        found = list(self._found(namespace, wanted, transaction))
        if transaction is None:
            self._wait_for([(namespace, document["_id"]) for document in found])
        for document in found:
            self._write(namespace, document["_id"], None, author, transaction)
            written.deleted += 1
        return written

    # Reads.

    def find(
        self, namespace: Namespace, wanted: Mapping[str, Any], limit: int = 0
    ) -> list[Document]:
        """Return documents that a filter takes, by `_id` where only so many are asked for."""
        found = list(self._found(namespace, wanted, None))
        if limit:
            found.sort(key=lambda one: one["_id"])
            return found[:limit]
        return found

    def aggregate(
        self, namespace: Namespace, pipeline: Sequence[Mapping[str, Any]]
    ) -> list[Document]:
        """
        Return what a pipeline makes of a collection.

        Asked the same before anything was written, it is the same answer.
        """
        version = self._versions.get(namespace, 0)
        known = self._answers.get(id(pipeline))
        if known is not None and known[1] == version:
            return known[2]
        found = aggregated(self._documents(namespace, None).values(), pipeline, self._variables())
        self._answers[id(pipeline)] = pipeline, version, found
        return found


def _conflict() -> OperationFailure:
    details = {"errorLabels": ["TransientTransactionError"], "code": _CONFLICT}
    return OperationFailure("WriteConflict", _CONFLICT, details)


def _no_transaction() -> OperationFailure:
    details = {"errorLabels": ["TransientTransactionError"], "code": _NO_TRANSACTION}
    return OperationFailure("NoSuchTransaction", _NO_TRANSACTION, details)
