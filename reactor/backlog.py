"""
What is wanted at a site, as pipelines: how much, in which state, and what comes next. Pure.

Each begins with the one `$elemMatch` that the `sitesync_wanted` index serves, and takes only
matching documents apart. What an entry's state is follows DESIGN §2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from reactor.model import DEFAULT_PRIORITY
from reactor.queries import REPRESENTATION, Expression, Stage, wanted_at

State = Literal["waiting", "retrying", "paused", "failed"]

STATES: tuple[State, ...] = ("waiting", "retrying", "paused", "failed")
MOST = 100_000
_ERROR_LENGTH = 300
_HUGE = 2**60


class Turn(NamedTuple):
    """When a waiting file is served: by priority, then by document and position."""

    priority: int
    document: object
    position: int


def totals(site: str, retry_count: int) -> list[Stage]:
    """Return the pipeline that counts a site's wanted files and their bytes, up to `MOST` + 1."""
    counted = {"_id": "$state", "files": {"$sum": 1}, "bytes": {"$sum": "$size"}}
    return [*_wanted(site, retry_count), {"$limit": MOST + 1}, {"$group": counted}]


def errors(site: str, retry_count: int, most: int) -> list[Stage]:
    """
    Return the pipeline for the most frequent errors of a site's failed files.

    Errors that differ only in the file's own path count as one.
    """
    counted = {"_id": _without_path(), "files": {"$sum": 1}, "example": {"$first": "$path"}}
    return [
        *_wanted(site, retry_count),
        {"$limit": MOST + 1},
        {"$match": {"state": "failed"}},
        {"$group": counted},
        {"$sort": {"files": -1, "_id": 1}},
        {"$limit": most},
    ]


def upcoming(site: str, retry_count: int, most: int) -> list[Stage]:
    """Return the pipeline for a site's wanted files in the order they will be served."""
    ranks: Expression = {"$indexOfArray": [list(STATES), "$state"]}
    return [
        *_wanted(site, retry_count),
        {"$set": {"rank": ranks}},
        {"$sort": {"rank": 1, "priority": -1, "wait": 1, "_id": 1, "position": 1}},
        {"$limit": most},
    ]


def before(site: str, retry_count: int, turn: Turn, most: int) -> list[Stage]:
    """Return the pipeline that counts the waiting files whose turn is earlier, up to `most`."""
    same = {"priority": turn.priority}
    earlier: list[Expression] = [
        {"priority": {"$gt": turn.priority}},
        {**same, "_id": {"$lt": turn.document}},
        {**same, "_id": turn.document, "position": {"$lt": turn.position}},
    ]
    return [
        *_wanted(site, retry_count),
        {"$match": {"state": "waiting", "$or": earlier}},
        {"$limit": most},
        {"$count": "files"},
    ]


def wanted_at_paths(site: str, retry_count: int, paths: Sequence[str]) -> list[Stage]:
    """Return the pipeline for those of a site's wanted files that have one of these paths."""
    named = {"$in": list(paths)}
    found = {"$match": {**REPRESENTATION, "files.path": named}}
    return [found, *_entries(site, retry_count), {"$match": {"path": named}}]


def _wanted(site: str, retry_count: int) -> list[Stage]:
    return [{"$match": wanted_at(site)}, *_entries(site, retry_count)]


def _entries(site: str, retry_count: int) -> list[Stage]:
    """Return the stages that make one document of each file that is wanted at a site."""
    is_list = {"$isArray": "$files.sites"}
    wanted = {
        "$and": [
            {"$eq": [_or_null("$$s.name"), {"$literal": site}]},
            {"$eq": [_or_null("$$s.created_dt"), None]},
        ]
    }
    found = {"$filter": {"input": "$files.sites", "as": "s", "cond": wanted}}
    first: Expression = {"$arrayElemAt": [{"$cond": [is_list, found, []]}, 0]}
    return [
        {"$project": {"files": 1}},
        {"$unwind": {"path": "$files", "includeArrayIndex": "position"}},
        {"$project": {"position": 1, "file": "$files", "entry": first}},
        {"$match": {"entry": {"$type": "object"}}},
        {"$project": {"position": 1, **_FACTS, "state": _state(retry_count)}},
    ]


def _or_null(path: str) -> Expression:
    return {"$ifNull": [path, None]}


def _typed(path: str, kind: str, otherwise: object) -> Expression:
    """Return what stands at a path if it is of a kind: other programs write there, too."""
    return {"$cond": [{"$eq": [{"$type": path}, kind]}, path, otherwise]}


def _number(path: str, otherwise: int) -> Expression:
    """Return the whole number at a path; NaN and infinity are none."""
    sane = {"$and": [{"$isNumber": path}, {"$gt": [path, -_HUGE]}, {"$lt": [path, _HUGE]}]}
    return {"$cond": [sane, {"$toLong": path}, otherwise]}


_TRIES = _number("$entry.tries", 0)
_WAIT: Expression = {
    "$cond": [
        {
            "$and": [
                {"$gt": [_TRIES, 0]},
                {"$gt": [_typed("$entry.retry_at", "date", None), "$$NOW"]},
            ]
        },
        {"$subtract": ["$entry.retry_at", "$$NOW"]},
        0,
    ]
}
_FACTS: dict[str, Any] = {
    "path": _typed("$file.path", "string", ""),
    "size": _number("$file.size", 0),
    "priority": _number("$entry.priority", DEFAULT_PRIORITY),
    "tries": _TRIES,
    "error": _typed("$entry.error", "string", None),
    "wait": _WAIT,  # milliseconds
}


def _state(retry_count: int) -> Expression:
    """Return the state of `$entry`; what has failed is failed whether it is paused or not."""
    paused = {"$not": [{"$in": [_or_null("$entry.paused"), [None, False]]}]}
    return {
        "$switch": {
            "branches": [
                {"case": {"$gte": [_TRIES, retry_count]}, "then": "failed"},
                {"case": paused, "then": "paused"},
                {"case": {"$gt": [_WAIT, 0]}, "then": "retrying"},
            ],
            "default": "waiting",
        }
    }


def _without_path() -> Expression:
    """Return an error's text with the file's own path, as it lies below its root, left out."""
    error: Expression = {"$ifNull": ["$error", "no error was noted"]}
    below = {"$ifNull": [{"$arrayElemAt": [{"$split": ["$path", "}/"]}, 1]}, ""]}
    plain = {"$replaceAll": {"input": error, "find": below, "replacement": "…"}}
    shown: Expression = {"$cond": [{"$eq": [below, ""]}, error, plain]}
    return {"$substrCP": [shown, 0, _ERROR_LENGTH]}
