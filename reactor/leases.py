"""
Leases of claims, on the database's clock: how one begins, goes on, is held, and ends.

Pipelines of MongoDB, as `Claims` carries them out: whether a claim is free is decided by the server.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

Document = dict[str, Any]

LEASE_SECONDS = 30
RENEW_SECONDS = 10

_EPOCH = datetime.fromtimestamp(0, UTC)
_LATER: Document = {"$add": ["$$NOW", LEASE_SECONDS * 1000]}
LONG_AGO: Document = {"$subtract": ["$$NOW", 20 * LEASE_SECONDS * 1000]}
GIVEN_UP: list[Document] = [
    {"$set": {"over": True, "process": None, "expires": _EPOCH, "held": False}}
]
BEGUN: list[Document] = [{"$set": {"taken": "$$NOW", "expires": _LATER}}]
EXTENDED: list[Document] = [{"$set": {"expires": _LATER}}]
HELD: list[Document] = [{"$set": {"held": True}}]

# What a claim is taken with: from whom, and that its lease begins.
_UNCLAIMED: Document = {"$eq": [{"$type": "$claim"}, "missing"]}
_RUN_OUT: Document = {"$and": [{"$ne": ["$held", True]}, {"$lt": ["$expires", "$$NOW"]}]}
_BEFORE: Document = {
    "claim": "$claim",
    "process": "$process",
    "over": "$over",
    "journal": "$journal",
    "site": "$site",
    "root": "$root",
    "path": "$path",
}
_GROWN: Document = {
    "$cond": [
        {"$ifNull": ["$claim", False]},
        {"$concatArrays": [{"$ifNull": ["$former", []]}, [_BEFORE]]},
        [],
    ]
}
_FRESH: Document = {"taken": "$$NOW", "expires": _LATER, "former": _GROWN}


def taking(taken: Mapping[str, Any], dead: Collection[str]) -> list[Document]:
    """
    Return the pipeline that takes a claim where it is free; otherwise it changes nothing.

    Free is what nobody has claimed, what a dead process had, and what ran out and is not held.
    """
    free = {"$or": [_UNCLAIMED, {"$in": ["$process", [*dead]]}, _RUN_OUT]}
    claimed = {"$mergeObjects": [{"$literal": dict(taken)}, _FRESH]}
    return [{"$replaceWith": {"$cond": [free, claimed, "$$ROOT"]}}]
