"""Reads the studio's documents: what is there now, for the router and for the workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from pymongo import IndexModel
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import OperationFailure

from reactor import queries
from reactor.documents import parse_representation
from reactor.events import ChangeEvent, Notice
from reactor.model import Representation, Topology

Document = dict[str, Any]
TopologyOf = Callable[[str], Topology | None]


# One read a document for its changed files is worth it for few documents; of many, one read
# for all of them costs less.
_PARTS = 8


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

    async def at_paths(self, project: str, paths: Sequence[str]) -> list[Representation]:
        """Return all representations that name one of the paths, with only those files."""
        return await self._read(project, queries.by_paths(paths))

    async def wanted(
        self, project: str, site: str, after: object | None, most: int
    ) -> list[object]:
        """Return the ids of documents with something wanted at a site, the next ones in order."""
        found = self._database[project].find(
            queries.wanted_at(site, after), {"_id": 1}, sort=[("_id", 1)], limit=most
        )
        return [document["_id"] async for document in found]

    async def all(self, project: str, after: object | None, most: int) -> list[object]:
        """Return the ids of all representations, the next ones in order."""
        following = {} if after is None else {"_id": {"$gt": after}}
        found = self._database[project].find(
            {**queries.REPRESENTATION, **following}, {"_id": 1}, sort=[("_id", 1)], limit=most
        )
        return [document["_id"] async for document in found]

    async def make_indexes(self, project: str) -> str | None:
        """Make the two partial indexes; return why that was not possible, or None."""
        indexes = [
            IndexModel(keys, name=name, partialFilterExpression=queries.REPRESENTATION)
            for name, keys in queries.INDEXES.items()
        ]
        try:
            await self._database[project].create_indexes(indexes)
        except OperationFailure as error:
            return str(error)
        return None

    async def _read(self, project: str, pipeline: list[queries.Stage]) -> list[Representation]:
        cursor = await self._database[project].aggregate(pipeline)
        return [parse_representation(project, document) async for document in cursor]


def _ids(notices: Iterable[Notice]) -> list[object]:
    return [notice.key.representation for notice in notices]
