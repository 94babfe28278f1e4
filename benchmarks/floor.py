"""
The least that the protocol asks for many small files: no implementation of it is faster here.

The publisher's insert, a claim for each file with its lease, staged and hashed copies on the
disk, the leases renewed, the names given, one recording a batch that ends the claims. Nothing is
read, decided or told; two batches at a time.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import anyio
from bson import ObjectId
from pymongo import WriteConcern
from pymongo.asynchronous.collection import AsyncCollection

from providers.base import Handle, Location
from providers.folders.hand import Order, published_in, staged_in
from providers.local_drive.hands import Hands
from tests.path.studio import Studio

Document = dict[str, Any]

BATCH = 250
_AT_ONCE = 2
_LATER: list[Document] = [{"$set": {"expires": {"$add": ["$$NOW", 30_000]}}}]
_MAJORITY = WriteConcern("majority")


@dataclass(frozen=True)
class Floor:
    """A studio, whose own disk has the files of a representation that are wanted at `vendor`."""

    studio: Studio
    hands: Hands

    @property
    def _claims(self) -> AsyncCollection[Document]:
        claims: AsyncCollection[Document] = self.studio.state["floor"]
        return claims.with_options(write_concern=_MAJORITY)

    def _roots(self, site: str) -> dict[str, str]:
        return {"work": str(self.studio.path(site))}

    async def seconds(self, elements: Sequence[Document]) -> float:
        """Return the seconds from the insert to the last recording."""
        starts = [*range(0, len(elements), BATCH)]
        recording = anyio.Lock()
        started = time.perf_counter()
        name = await self.studio.publish(*elements)

        async def work() -> None:
            while starts:
                await self._bring(name, starts.pop(0), elements, recording)

        async with anyio.create_task_group() as workers:
            for _ in range(_AT_ONCE):
                workers.start_soon(work)
        return time.perf_counter() - started

    async def _bring(
        self, name: object, start: int, elements: Sequence[Document], recording: anyio.Lock
    ) -> None:
        paths = [str(element["path"]) for element in elements[start : start + BATCH]]
        handles = [
            Handle(Location("work", path.partition("/")[2]), str(ObjectId())) for path in paths
        ]
        mine = {"_id": {"$in": [handle.claim for handle in handles]}}
        claims = [{"_id": handle.claim, "path": handle.where.path} for handle in handles]
        await self._claims.insert_many(claims, ordered=False)
        await self._claims.update_many(mine, _LATER)
        order = Order("stage", self._roots("vendor"), handles, self._roots("studio"))
        staged = staged_in(await self._done(order))
        checksums = [copied.staged_checksum if copied else None for copied in staged]
        await self._claims.update_many(mine, _LATER)
        times = [copied.source.mtime_ns if copied else None for copied in staged]
        order = Order("publish", self._roots("vendor"), handles, mtimes_ns=times)
        named = published_in(await self._done(order))
        assert all(checksums)
        assert all(named)
        async with recording:  # one document: two transactions at a time would only conflict
            await self._record(name, start, checksums, mine)

    async def _record(
        self, name: object, start: int, checksums: Sequence[str | None], mine: Document
    ) -> None:
        now = datetime.now(UTC)
        done = {
            f"files.{start + n}.sites.1": {
                "name": "vendor",
                "created_dt": now,
                "checksum": checksum,
                "verified": "checksum",
            }
            for n, checksum in enumerate(checksums)
        }
        async with (
            self.studio.client.start_session() as session,
            await session.start_transaction(write_concern=_MAJORITY),
        ):
            await self.studio.documents.update_one({"_id": name}, {"$set": done}, session=session)
            await self._claims.delete_many(mine, session=session)

    async def _done(self, order: Order) -> list[Any]:
        answer = await self.hands.carry_out(order)
        assert answer is not None
        return answer
