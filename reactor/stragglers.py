"""
Staged files that appear late: what somebody sent, who was gone before the server carried it out.

A request that is under way when its process dies, or its connection stands still, is carried out
when it arrives: after whoever took the place over, or tried again, has revoked what was there.
Nobody can publish such a file any more; but nobody would know of it either. So it is looked for
again, some times, once its claim is over, until nothing can be under way any more.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection

from providers.base import Handle, Location

Document = dict[str, Any]

WAITS = (10.0, 30.0, 300.0)  # seconds before each look; TCP itself gives up after minutes
AGAIN_SECONDS = 30.0
_FORGET_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Straggler:
    """A claim that is over, and where its staged file may still appear."""

    claim: str
    project: str
    site: str
    root: str
    path: str
    looks: int = 0

    @property
    def handle(self) -> Handle:
        """The staged file's handle. Uploads that a service holds open are no files."""
        return Handle(Location(self.root, self.path), self.claim)


class Stragglers:
    """What all processes still have to look for, in the database that they share."""

    def __init__(self, collection: AsyncCollection[Document]) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        """Let those be forgotten that no process reaches any more."""
        await self._collection.create_index("due", expireAfterSeconds=_FORGET_SECONDS)

    async def expect(self, stragglers: Sequence[Straggler]) -> None:
        """Remember to look for these; returns when a majority has that."""
        updates = [
            UpdateOne({"_id": one.claim}, [{"$replaceWith": _document(one)}], upsert=True)
            for one in stragglers
        ]
        if updates:
            await self._collection.bulk_write(updates, ordered=False)

    async def due(self, sites: Collection[str], most: int) -> list[Straggler]:
        """Return those at some sites that are to be looked for now, the longest due first."""
        now = {"site": {"$in": list(sites)}, "$expr": {"$lt": ["$due", "$$NOW"]}}
        found = self._collection.find(now, sort=[("due", 1)], limit=most)
        return [
            Straggler(
                raw["_id"], raw["project"], raw["site"], raw["root"], raw["path"], raw["looks"]
            )
            async for raw in found
        ]

    async def looked(self, straggler: Straggler) -> None:
        """Take note of a look: after the last one it is forgotten."""
        which = {"_id": straggler.claim, "looks": straggler.looks}
        looks = straggler.looks + 1
        if looks < len(WAITS):
            change = {"looks": looks, "due": _later(WAITS[looks])}
            await self._collection.update_one(which, [{"$set": change}])
        else:
            await self._collection.delete_one(which)

    async def postpone(self, straggler: Straggler) -> None:
        """Let one wait whose site is out of reach, or whose claim stands: others go first."""
        later = [{"$set": {"due": _later(AGAIN_SECONDS)}}]
        await self._collection.update_one({"_id": straggler.claim}, later)


def _document(one: Straggler) -> Document:
    told = {"project": one.project, "site": one.site, "root": one.root, "path": one.path}
    return {"_id": one.claim, **{key: {"$literal": value} for key, value in told.items()}} | {
        "looks": {"$literal": 0},
        "due": _later(WAITS[0]),
    }


def _later(seconds: float) -> Document:
    return {"$add": ["$$NOW", round(seconds * 1000)]}
