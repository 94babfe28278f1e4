"""What tests of claims do again and again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

from reactor.claims import Claim, Claims, Place

Collection = AsyncCollection[dict[str, Any]]
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)


def place(name: str, site: str = "vendor") -> Place:
    return Place(f"marker/{name}", "Bunny", site, "work", name)


async def take(claims: Claims, *names: str) -> Claim:
    """Return the first claim of those that could be taken."""
    taken = await claims.take([place(name) for name in names])
    return taken[place(names[0]).key]


async def refused(claims: Claims, name: str) -> bool:
    return not await claims.take([place(name)])


async def expire(collection: Collection, *claims: Claim) -> None:
    """Let leases end now: nobody waits half a minute for that."""
    ids = [claim.id for claim in claims]
    await collection.update_many({"claim": {"$in": ids}}, {"$set": {"expires": LONG_AGO}})
