"""A project of one-file documents, each on its way to one site under a claim."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor import edits
from reactor.claims import Claim, Claims, Place
from reactor.edits import FileEdit
from reactor.model import FileRef
from reactor.recorder import Ending, Recorder

Document = dict[str, Any]
Database = AsyncDatabase[Document]

SITES = frozenset({"vendor"})


class SmallProject:
    """The documents, the claims of two processes, and the recorder of one."""

    def __init__(self, client: AsyncMongoClient[Document], database: Database) -> None:
        self.documents = database["Bunny"]
        self.attempts = database["attempts"]
        self.claims = database["claims"]
        self.ours = Claims(self.claims, "ours")
        self.theirs = Claims(self.claims, "theirs")
        self.recorder = Recorder(client, database, database)

    async def ending(self, number: int) -> Ending:
        """Publish a document, and return what completes its file under a new claim."""
        entry = {"name": "vendor", "progress": 0.5}
        file = {"_id": "f", "hash": "h", "path": f"{{root}}/{number}", "sites": [entry]}
        await self.documents.insert_one({"_id": number, "files": [file]})
        return Ending(await self.claim(number), (complete(number),), {"path": number})

    async def claim(self, number: int, claims: Claims | None = None) -> Claim:
        place = Place(f"marker/{number}", "Bunny", "vendor", "", str(number))
        return (await (claims or self.ours).take([place]))[place.key]

    async def lose(self, ending: Ending) -> Claim:
        """Let another process take the claim over, and return that process's claim."""
        long_ago = {"$set": {"expires": datetime(2024, 1, 1, tzinfo=UTC)}}
        await self.claims.update_one({"claim": ending.claim.id}, long_ago)
        return await self.claim(int(ending.claim.place.path), self.theirs)

    async def entry(self, number: int) -> Document:
        document = await self.documents.find_one({"_id": number})
        assert document is not None
        found: Document = document["files"][0]["sites"][0]
        return found

    async def available(self) -> set[int]:
        made = {"files.sites.created_dt": {"$exists": True}}
        return {document["_id"] async for document in self.documents.find(made)}

    async def claimed(self) -> set[str]:
        return {found["claim"] async for found in self.claims.find()}


def complete(number: int, file_hash: str = "h") -> FileEdit:
    ref = FileRef("Bunny", number, 0, "f", file_hash)
    return edits.completion(ref, SITES, {"verified": "size"})


def ids(endings: list[Ending]) -> list[str]:
    return [ending.claim.id for ending in endings]
