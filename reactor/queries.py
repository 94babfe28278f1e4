"""
What the database is asked, as aggregation expressions. Pure.

The server is asked only for files that are not settled: decoding a 5,000-file document
costs 35 ms and more, filtering it on the server a third of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from reactor.model import Topology

Expression = dict[str, Any]
Stage = dict[str, Any]

REPRESENTATION: Expression = {"type": "representation"}

# Both are partial (on REPRESENTATION); they have an entry for each file of each document.
INDEXES = {
    "sitesync_wanted": [("files.sites.name", 1), ("files.sites.created_dt", 1), ("_id", 1)],
    "sitesync_path": [("files.path", 1)],
}

_FILES: Expression = {"$cond": [{"$isArray": "$files"}, "$files", []]}
_SITES: Expression = {"$cond": [{"$isArray": "$$f.sites"}, "$$f.sites", []]}
_NAMES: Expression = {"$map": {"input": _SITES, "as": "s", "in": {"$ifNull": ["$$s.name", None]}}}


def by_ids(ids: Iterable[object], topology: Topology, *, thorough: bool) -> list[Stage]:
    """Return the pipeline that reads documents: all files, or those that are not settled."""
    ids = list(ids)
    if not ids:
        return []
    wanted = None if thorough else unsettled(topology)
    return [
        {"$match": {"_id": {"$in": ids}, **REPRESENTATION}},
        {"$project": {"files": _chosen(wanted)}},
    ]


def by_positions(document: object, positions: Iterable[int], topology: Topology) -> list[Stage]:
    """Return the pipeline that reads what is not settled of some elements of one document."""
    chosen = _chosen(unsettled(topology), sorted(positions))
    return [{"$match": {"_id": document, **REPRESENTATION}}, {"$project": {"files": chosen}}]


def by_paths(paths: Sequence[str]) -> list[Stage]:
    """Return the pipeline that reads those files of all representations that have these paths."""
    return [
        {"$match": {"files.path": {"$in": list(paths)}, **REPRESENTATION}},
        {"$project": {"files": _chosen({"$in": ["$$f.path", {"$literal": list(paths)}]})}},
    ]


def wanted_at(site: str, after: object | None) -> Expression:
    """
    Return the filter for documents with something wanted at a site, in `_id` order.

    One `$elemMatch` on `files.sites`: a nested one loses the index's bounds (2 ms against 1 s).
    """
    matched = {"files.sites": {"$elemMatch": {"name": site, "created_dt": None}}}
    return {**REPRESENTATION, **matched, **({"_id": {"$gt": after}} if after is not None else {})}


def unsettled(topology: Topology) -> Expression:
    """Return whether a handler may have something to say about the file `$$f`."""
    known = {"$literal": sorted(topology.known)}
    required = {"$literal": sorted(topology.together(topology.always))}
    groups = {topology.alternatives_of(site) for site in topology.known}
    return {
        "$or": [
            {"$ne": [{"$type": "$$f"}, "object"]},
            {"$not": [{"$isArray": "$$f.sites"}]},
            {"$not": [{"$setIsSubset": [required, _NAMES]}]},
            {
                "$anyElementTrue": [
                    {"$map": {"input": _SITES, "as": "s", "in": _needs_a_look(known)}}
                ]
            },
            *(_partly_present(group) for group in map(sorted, groups) if len(group) > 1),
        ]
    }


def _needs_a_look(known: Expression) -> Expression:
    """Return whether `$$s` is no entry, or that of a known site that is not available."""
    missing = {"$eq": [{"$ifNull": ["$$s.created_dt", None]}, None]}
    name = {"$ifNull": ["$$s.name", None]}
    return {
        "$or": [
            {"$ne": [{"$type": "$$s.name"}, "string"]},
            {"$and": [missing, {"$in": [name, known]}]},
        ]
    }


def _partly_present(group: Sequence[str]) -> Expression:
    present = {"$size": {"$setIntersection": [{"$literal": list(group)}, _NAMES]}}
    return {"$not": [{"$in": [present, [0, len(group)]]}]}


def _chosen(condition: Expression | None, positions: list[int] | None = None) -> Expression:
    """
    Return the files for which a condition on `$$f` holds, each as `{i: position, f: file}`.

    Only those at `positions` are looked at, where they are given.
    """
    size = {"$size": _FILES}
    everywhere = {"$range": [0, size]}
    known = {"$filter": {"input": positions, "as": "p", "cond": {"$lt": ["$$p", size]}}}
    numbered: Expression = {
        "$map": {
            "input": everywhere if positions is None else known,
            "as": "i",
            "in": {"i": "$$i", "f": {"$arrayElemAt": ["$files", "$$i"]}},
        }
    }
    chosen: Expression = numbered
    if condition is not None:
        holds = {"$let": {"vars": {"f": "$$n.f"}, "in": condition}}
        chosen = {"$filter": {"input": numbered, "as": "n", "cond": holds}}
    return {"$cond": [{"$isArray": "$files"}, chosen, "$files"]}
