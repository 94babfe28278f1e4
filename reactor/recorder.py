"""
Writes the truth: edits of documents, and how transfers ended.

An ending is one transaction with the deletion of its claim by key and id (DESIGN §4.4): a
paused owner whose claim was taken over cannot record. Many endings go in one transaction.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio
import structlog
from pymongo import AsyncMongoClient, UpdateOne, WriteConcern
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, PyMongoError, WriteError

from reactor.claims import Claim, mine
from reactor.edits import FileEdit, by_document
from reactor.refusals import REFUSALS, is_refusal, refused_document, why, write_errors
from reactor.updates import update_of, update_of_many

log = structlog.stdlib.get_logger()

Document = dict[str, Any]

_UNKNOWN = "UnknownTransactionCommitResult"
_EDITS_TOGETHER = 1_000


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How one transfer ended: what to write into the documents, and the claim that ends with it.

    `attempt` is its line in the append-only log.
    """

    claim: Claim
    edits: tuple[FileEdit, ...]
    attempt: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def names(self, document: object) -> bool:
        """Return whether this is to be written into a document, by its `_id`."""
        return any(edit.file.representation == document for edit in self.edits)

    def all_in(self, documents: Collection[object]) -> bool:
        """Return whether this is to be written nowhere but into some documents."""
        return bool(self.edits) and all(e.file.representation in documents for e in self.edits)


@dataclass(slots=True)
class Written:
    """What became of edits: how many updates changed a document, and which ones refused, and why."""

    changed: int = 0
    refused: dict[object, str] = field(default_factory=dict[object, str])


# A claim, the edits that show its progress, and what its own document shows.
Shown = tuple[Claim, Sequence[FileEdit], Mapping[str, Any]]


class _LostClaimError(Exception):
    """The number of deleted claims differs: some were taken over."""


class Recorder:
    """The studio's documents and the claims, written by one process."""

    def __init__(
        self,
        client: AsyncMongoClient[Document],
        database: AsyncDatabase[Document],
        state: AsyncDatabase[Document],
    ) -> None:
        self._client = client
        self._database = database
        self._claims: AsyncCollection[Document] = state["claims"]
        self._attempts: AsyncCollection[Document] = state["attempts"].with_options(
            write_concern=WriteConcern(w=1)
        )
        self._session = client.start_session()
        self._turn = anyio.Lock()  # a session has one transaction at a time

    def is_own(self, session_id: object) -> bool:
        """Return whether a change event's session is the one that endings are written in."""
        return session_id == self.session_id

    @property
    def session_id(self) -> object:
        """The id of the session that endings are recorded in."""
        return self._session.session_id["id"]

    async def edit(self, edits: Iterable[FileEdit]) -> Written:
        """
        Carry out edits that need no claim: they make nothing available.

        A document that refuses one (it grew too large, a validator forbids it) is logged.
        """
        written = Written()
        for project, updates in _updates(edits).items():
            await self._write_all(project, updates, written)
        return written

    async def edit_many(self, edits: Iterable[FileEdit]) -> Written:
        """
        Carry out edits of one project, one a file, as `edit` does: few writes for many documents.

        The driver does not try these again: where the database fails, some may be done.
        """
        written = Written()
        for some in _portions(edits):
            ids, project = list(some), next(iter(some.values()))[0].file.project
            try:
                result = await self._database[project].update_many(
                    {"_id": {"$in": ids}}, update_of_many(some)
                )
            except WriteError:
                alone = await self.edit(edit for edits in some.values() for edit in edits)
                written.changed += alone.changed
                written.refused |= alone.refused
            else:
                written.changed += result.modified_count
        return written

    async def update_all(
        self, project: str, ids: Sequence[object], update: Sequence[Mapping[str, Any]]
    ) -> Written:
        """Carry out one update in each of some documents; a document that refuses it is logged."""
        if not ids:
            return Written()
        collection = self._database[project]
        try:
            result = await collection.update_many({"_id": {"$in": ids}}, update)
        except WriteError:
            written = Written()
            updates = [UpdateOne({"_id": document}, update) for document in ids]
            await self._write_all(project, updates, written)
            return written
        return Written(result.modified_count)

    async def _write_all(
        self, project: str, updates: Sequence[UpdateOne], written: Written
    ) -> None:
        dealt_with = 0
        while dealt_with < len(updates):
            dealt_with += await self._write(project, updates[dealt_with:], written)

    async def _write(self, project: str, updates: Sequence[UpdateOne], written: Written) -> int:
        """Return how many updates are dealt with: all, or those up to one that was refused."""
        try:
            result = await self._database[project].bulk_write(updates, ordered=True)
        except BulkWriteError as error:
            if not write_errors(error):
                raise
            document = refused_document(error)
            _complain(project, document, error)
            written.changed += error.details["nModified"]
            written.refused[document] = why(error)
            return int(write_errors(error)[0]["index"]) + 1
        written.changed += result.modified_count
        return len(updates)

    async def record(self, endings: Sequence[Ending]) -> list[Ending]:
        """
        Write endings in one transaction; return those that were recorded.

        The others had lost their claim: what they did is for its new owner to judge. Or their
        document refuses the write, which is logged; their claim ends with that.
        """
        refusing = set[object]()
        recorded = await self._record(endings, refusing)
        if refusing:
            kept = {ending.claim.id for ending in recorded}
            dropped = [
                one.claim for one in endings if one.claim.id not in kept and one.all_in(refusing)
            ]
            await self._claims.delete_many(mine(dropped))
        await self._log(recorded)
        return recorded

    async def _record(self, endings: Sequence[Ending], refusing: set[object]) -> list[Ending]:
        """Record what documents take; of one that has refused, nothing is tried again."""
        mine_still = [ending for ending in endings if not ending.all_in(refusing)]
        while mine_still:
            try:
                await self._in_transaction(mine_still)
            except _LostClaimError:
                mine_still = await self._still_held(mine_still)
            except (PyMongoError, *REFUSALS) as error:
                if is_refusal(error):
                    return await self._apart(mine_still, error, refusing)
                # Where the outcome is unknown, a claim that stands was not recorded.
                unknown = isinstance(error, PyMongoError) and error.has_error_label(_UNKNOWN)
                if not unknown or await self._still_held(mine_still):
                    raise
                break
            else:
                break
        return mine_still

    async def _apart(
        self, endings: Sequence[Ending], error: Exception, refusing: set[object]
    ) -> list[Ending]:
        """Record what can be recorded: one document's refusal must not hold up the others."""
        document = refused_document(error)
        if len(endings) == 1:
            [ending] = endings
            first = ending.edits[0].file
            document = document if ending.names(document) else first.representation
            refusing.add(document)
            _complain(first.project, document, error)
            rest = [edit for edit in ending.edits if edit.file.representation != document]
            if not rest:
                return []
            return await self._record([replace(ending, edits=tuple(rest))], refusing)
        concerned = [ending for ending in endings if ending.names(document)]
        others = [ending for ending in endings if not ending.names(document)]
        if not (concerned and others):
            half = len(endings) // 2
            concerned, others = [*endings[:half]], [*endings[half:]]
        return [
            *await self._record(others, refusing),
            *await self._record(concerned, refusing),
        ]

    async def show(self, shown: Sequence[Shown]) -> None:
        """
        Write how far transfers are, where their claims still stand.

        Losing this is no loss: whoever lost a claim in between shows nothing.
        """
        claims = [claim for claim, _, _ in shown]
        updates = _updates(edit for _, edits, _ in shown for edit in edits)

        async def write(session: AsyncClientSession) -> None:
            counted = [UpdateOne(mine([claim]), {"$set": dict(done)}) for claim, _, done in shown]
            result = await self._claims.bulk_write(counted, session=session)
            if result.matched_count != len(claims):
                raise _LostClaimError
            for project, documents in updates.items():
                await self._database[project].bulk_write(documents, session=session)

        with contextlib.suppress(_LostClaimError):
            async with self._client.start_session() as session:
                await session.with_transaction(write)

    async def aclose(self) -> None:
        """Give the session back."""
        await self._session.end_session()

    async def _in_transaction(self, endings: Sequence[Ending]) -> None:
        updates = _updates(edit for ending in endings for edit in ending.edits)
        claims = [ending.claim for ending in endings]

        async def write(session: AsyncClientSession) -> None:
            for project, documents in updates.items():
                await self._database[project].bulk_write(documents, session=session)
            deleted = await self._claims.delete_many(mine(claims), session=session)
            if deleted.deleted_count != len({claim.id for claim in claims}):
                raise _LostClaimError

        async with self._turn:
            await self._session.with_transaction(write, write_concern=WriteConcern("majority"))

    async def _still_held(self, endings: Sequence[Ending]) -> list[Ending]:
        held = self._claims.find(mine([ending.claim for ending in endings]), {"claim": 1})
        ids = {found["claim"] async for found in held}
        return [ending for ending in endings if ending.claim.id in ids]

    async def _log(self, endings: Sequence[Ending]) -> None:
        """Write the lines of attempts; what is recorded stays so where they cannot be written."""
        lines = [dict(ending.attempt) for ending in endings if ending.attempt]
        try:
            if lines:
                await self._attempts.insert_many(lines, ordered=False)
        except (PyMongoError, *REFUSALS) as error:
            log.warning("attempts are not kept", why=why(error), lines=len(lines))


def _complain(project: str, document: object, error: Exception) -> None:
    log.error(
        "document refuses a write",
        project=project,
        representation=str(document),
        why=why(error),
    )


def _updates(edits: Iterable[FileEdit]) -> dict[str, list[UpdateOne]]:
    """Return the updates by project; never an upsert, which would make a document of nothing."""
    updates: dict[str, list[UpdateOne]] = {}
    for (project, document), rounds in by_document(edits):
        for once in rounds:
            updates.setdefault(project, []).append(UpdateOne({"_id": document}, update_of(once)))
    return updates


def _portions(edits: Iterable[FileEdit]) -> Iterator[dict[object, list[FileEdit]]]:
    """Yield edits by document, so many at a time."""
    portion: dict[object, list[FileEdit]] = {}
    count = 0
    for (_, document), [some] in by_document(edits):
        portion[document] = some
        count += len(some)
        if count >= _EDITS_TOGETHER:
            yield portion
            portion, count = {}, 0
    if portion:
        yield portion
