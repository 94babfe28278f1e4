"""The log of attempts, as it is read back: what was tried, and how it ended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One transfer that ended, `ago` seconds before it was asked for."""

    outcome: str
    site: str
    source: str | None
    bytes: int
    sent: int
    ms: float
    verified: str | None
    error: str | None
    ago: float
    how: str | None = None
    chosen: str | None = None


async def last_attempts(
    state: AsyncDatabase[Document],
    project: str,
    sites: Collection[str],
    paths: Collection[str],
    most: int,
) -> dict[str, list[Attempt]]:
    """
    Return by path the last attempts to bring it to one of some sites, the latest first.

    The log has no index on paths, since every transfer would pay for it: ask once for all.
    """
    ago = {"$divide": [{"$subtract": ["$$NOW", "$at"]}, 1000]}
    pipeline: list[Document] = [
        {"$match": {"path": {"$in": [*paths]}, "project": project, "site": {"$in": [*sites]}}},
        {"$set": {"ago": ago}},
        {"$sort": {"ago": 1}},
        {"$group": {"_id": "$path", "attempts": {"$push": "$$ROOT"}}},
        {"$set": {"attempts": {"$slice": ["$attempts", most]}}},
    ]
    found = await (await state["attempts"].aggregate(pipeline)).to_list()
    return {one["_id"]: [_attempt(raw) for raw in one["attempts"]] for one in found}


def _attempt(found: Mapping[str, Any]) -> Attempt:
    return Attempt(
        outcome=found["outcome"],
        site=found["site"],
        source=found.get("source"),
        bytes=found["bytes"],
        sent=found["sent"],
        ms=found["ms"],
        verified=found.get("verified"),
        error=found.get("error"),
        ago=round(found["ago"], 1),
        how=found.get("how"),
        chosen=found.get("chosen"),
    )
