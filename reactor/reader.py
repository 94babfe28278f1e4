"""Reads the studio's documents: what is there now, for the router and for the workers."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Collection,
    Iterable,
    Sequence,
)
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from typing import Any, cast

from bson import CodecOptions
from pymongo import IndexModel
from pymongo.asynchronous.command_cursor import AsyncCommandCursor
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.collation import Collation
from pymongo.errors import OperationFailure

from reactor import queries
from reactor.documents import parse_representation
from reactor.events import ChangeEvent, Notice
from reactor.model import Representation, Topology
from reactor.refusals import is_refusal
from reactor.scanning import Found, overlooked

Document = dict[str, Any]
Cursor = AsyncCommandCursor[Document]
Batches = AbstractAsyncContextManager[AsyncIterator[bytes]]
TopologyOf = Callable[[str], Topology | None]


# One read a document for its changed files is worth it for few documents; of many, one read
# for all of them costs less.
_PARTS = 8
_PAGE = 500
_BATCH = 1_000
_BYTES = Collation("simple")


@dataclass(frozen=True, slots=True)
class Examined:
    """
    A representation with those of its files that were asked for.

    `files` is how many it has; of how many the second condition holds is `plain`.
    """

    representation: Representation
    files: int
    plain: int


class Reader:
    """The project collections of one database, read only."""

    def __init__(self, database: AsyncDatabase[Document]) -> None:
        self._database = database

    async def projects(self) -> list[str]:
        """Return the names of all project collections."""
        names = await self._database.list_collection_names()
        return sorted(name for name in names if not name.startswith("system."))

    async def events(self, topology: Topology, notices: Sequence[Notice]) -> list[ChangeEvent]:
        """Return what is there now for each notice of one project; few reads serve many."""
        found: dict[object, Representation] = {}
        if sum(n.positions is not None for n in notices) > _PARTS:
            notices = [replace(n, positions=None) for n in notices]
        wholes = [n for n in notices if n.positions is None]
        parts = [n for n in notices if n.positions is not None]
        reads = [
            queries.by_ids(_ids(n for n in wholes if n.thorough), topology, thorough=True),
            queries.by_ids(_ids(n for n in wholes if not n.thorough), topology, thorough=False),
            *(
                queries.by_positions(n.key.representation, n.positions or (), topology)
                for n in parts
            ),
        ]
        for pipeline in reads:
            if pipeline:
                for representation in await self._read(topology.project, pipeline):
                    found[representation.id] = representation
        return [
            ChangeEvent(n.key, n.origin, found.get(n.key.representation), n.positions)
            for n in notices
        ]

    async def one(self, project: str, document: object) -> Representation | None:
        """Return a representation with all its files, or None where there is none."""
        found = await self._read(project, queries.by_id(document))
        return found[0] if found else None

    async def at_paths(self, project: str, paths: Sequence[str]) -> list[Representation]:
        """Return all representations that name one of the paths, with only those files."""
        return await self._read(project, queries.by_paths(paths))

    async def named_below(self, project: str, folders: Sequence[str]) -> list[str]:
        """Return the paths of all files that documents have below some folders."""
        if not folders:
            return []
        cursor = await self._database[project].aggregate(queries.below(folders))
        return [found["_id"] async for found in cursor]

    async def named_with_ids(
        self, project: str, sites: Collection[str], ids: Collection[str]
    ) -> list[str]:
        """Return the paths of all files that documents have at some sites with one of some ids."""
        cursor = await self._database[project].aggregate(queries.with_ids(sites, ids))
        return [found["_id"] async for found in cursor]

    async def ids_at(
        self, project: str, sites: Collection[str], paths: Collection[str]
    ) -> set[tuple[str, str]]:
        """Return the pairs of path and id that documents have at some sites and paths."""
        if not paths:
            return set()
        cursor = await self._database[project].aggregate(queries.ids_at(sites, paths))
        return {(found["_id"]["path"], found["_id"]["id"]) async for found in cursor}

    async def examine(
        self,
        project: str,
        condition: queries.Expression,
        ids: Sequence[object] | None,
        plain: queries.Expression,
    ) -> AsyncGenerator[Examined]:
        """
        Yield representations, all or of some ids, with the files for which a condition holds.

        Of files for which `plain` holds there is only the number.
        """
        pipeline = queries.files_where(condition, ids, plain)
        found = self._database[project].aggregate(pipeline, batchSize=_PAGE)
        async with await found as documents:
            async for document in documents:
                representation = parse_representation(project, document)
                yield Examined(representation, document["count"], document["plain"])

    async def count_files(
        self, project: str, condition: queries.Expression, ids: Sequence[object] | None = None
    ) -> int:
        """Return for how many files of representations, all or of some ids, a condition holds."""
        pipeline = queries.count_where(condition, ids)
        found = await (await self._database[project].aggregate(pipeline)).to_list()
        return int(found[0]["files"]) if found else 0

    async def knows(self, project: str, site: str) -> bool:
        """Return whether a document names a site."""
        named = {"files.sites.name": site, **queries.REPRESENTATION}
        return await self._database[project].find_one(named, {"_id": 1}) is not None

    async def count(self, project: str) -> int:
        """Return how many representations a project has."""
        return await self._database[project].count_documents(queries.REPRESENTATION)

    async def tried(self, project: str, site: str) -> AsyncIterator[Representation]:
        """Yield the representations that were tried in vain at a site, with only those files."""
        async for document in await self._database[project].aggregate(queries.tried_at(site)):
            yield parse_representation(project, document)

    @property
    def codec(self) -> CodecOptions[Document]:
        """Return how documents are decoded."""
        return self._database.codec_options

    async def due(self, project: str, due: queries.Due, after: object, most: int) -> list[Found]:
        """Return the next documents, by `_id`, with something due."""
        pipeline = queries.due_at(due, after, most)
        async with await self._database[project].aggregate(pipeline) as found:
            return [Found(one["_id"], one["files"]) async for one in found]

    async def overlooked(self, topology: Topology, after: object) -> Batches:
        """Return what events may have missed beyond an `_id`, undecoded."""
        collection = self._database[topology.project]
        pipeline = overlooked(topology, after)
        found = await collection.aggregate_raw_batches(pipeline, batchSize=_BATCH)
        return cast("Batches", found)  # the driver's own type speaks of documents

    async def inventory(self, project: str, pipeline: list[queries.Stage]) -> Cursor:
        """Return a cursor on what a pipeline over many documents tells, in the order of bytes."""
        return await self._database[project].aggregate(
            pipeline, allowDiskUse=True, collation=_BYTES, batchSize=_BATCH
        )

    async def folders(self, project: str, pipeline: list[queries.Stage]) -> list[str]:
        """Return what a pipeline groups documents by."""
        return [found["_id"] async for found in await self._database[project].aggregate(pipeline)]

    async def make_indexes(self, project: str) -> str | None:
        """Make the two partial indexes; return why the database refuses them, or None."""
        indexes = [
            IndexModel(keys, name=name, partialFilterExpression=queries.REPRESENTATION)
            for name, keys in queries.INDEXES.items()
        ]
        try:
            await self._database[project].create_indexes(indexes)
        except OperationFailure as error:
            if not is_refusal(error):
                raise
            return str(error)
        return None

    async def _read(self, project: str, pipeline: list[queries.Stage]) -> list[Representation]:
        cursor = await self._database[project].aggregate(pipeline)
        return [parse_representation(project, document) async for document in cursor]


def _ids(notices: Iterable[Notice]) -> list[object]:
    return [notice.key.representation for notice in notices]
