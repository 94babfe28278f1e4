"""
What the database is asked, as aggregation expressions. Pure.

The server is asked only for files that are not settled: decoding a 5,000-file document
costs 35 ms and more, filtering it on the server a third of that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from bson import MinKey

from reactor.model import Topology

Expression = dict[str, Any]
Stage = dict[str, Any]

REPRESENTATION: Expression = {"type": "representation"}
START = MinKey()
_HUGE = 2.0**53

# Both are partial (on REPRESENTATION); they have an entry for each file of each document.
INDEXES = {
    "sitesync_wanted": [("files.sites.name", 1), ("files.sites.created_dt", 1), ("_id", 1)],
    "sitesync_path": [("files.path", 1)],
}

FILES: Expression = {"$cond": [{"$isArray": "$files"}, "$files", []]}
SITES: Expression = {"$cond": [{"$isArray": "$$f.sites"}, "$$f.sites", []]}
NAMES: Expression = {"$map": {"input": SITES, "as": "s", "in": {"$ifNull": ["$$s.name", None]}}}
_MAPPED_NAMES: Expression = {
    "$map": {"input": {"$objectToArray": "$$f.sites"}, "as": "p", "in": "$$p.k"}
}
_NAMES_OF_ANY_SHAPE: Expression = {
    "$cond": [{"$eq": [{"$type": "$$f.sites"}, "object"]}, _MAPPED_NAMES, NAMES]
}


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


def by_id(document: object) -> list[Stage]:
    """Return the pipeline that reads one representation with all its files."""
    return [{"$match": {"_id": document, **REPRESENTATION}}, {"$project": {"files": 1}}]


def by_positions(document: object, positions: Iterable[int], topology: Topology) -> list[Stage]:
    """Return the pipeline that reads what is not settled of some elements of one document."""
    chosen = _chosen(unsettled(topology), sorted(positions))
    return [{"$match": {"_id": document, **REPRESENTATION}}, {"$project": {"files": chosen}}]


def by_paths(paths: Sequence[str]) -> list[Stage]:
    """
    Return the pipeline that reads those files of all representations that have these paths.

    A match looks a path up among the others; an expression would compare it with each.
    """
    named = {"files.path": {"$in": list(paths)}}
    return [
        {"$match": {**named, "files": {"$type": "array"}, **REPRESENTATION}},
        {"$project": {"files": 1}},
        {"$unwind": {"path": "$files", "includeArrayIndex": "i"}},
        {"$match": named},
        {"$group": {"_id": "$_id", "files": {"$push": {"i": "$i", "f": "$files"}}}},
    ]


def files_where(
    condition: Expression, ids: Sequence[object] | None, plain: Expression
) -> list[Stage]:
    """
    Return the pipeline that reads those files of representations for which a condition holds.

    It is asked of `$$f`, in documents of some ids or in all; `count` tells how many files
    there are, and `plain` for how many another condition holds.
    """
    asked = {"files": _chosen(condition), "count": {"$size": FILES}, "plain": _count(plain)}
    return [_representations(ids), {"$sort": {"_id": 1}}, {"$project": asked}]


def count_where(condition: Expression, ids: Sequence[object] | None = None) -> list[Stage]:
    """Return the pipeline that counts the `files` for which a condition on `$$f` holds."""
    return [_representations(ids), {"$group": {"_id": None, "files": {"$sum": _count(condition)}}}]


def naming_any(sites: Iterable[str]) -> Expression:
    """Return whether the file `$$f` has an entry of one of some sites."""
    return {"$ne": [{"$setIntersection": [{"$literal": sorted(sites)}, _NAMES_OF_ANY_SHAPE]}, []]}


def lacking_any(sites: Iterable[str]) -> Expression:
    """Return whether `$$f` has no entry of one of some sites, or is no file."""
    has_all = {"$setIsSubset": [{"$literal": sorted(sites)}, _NAMES_OF_ANY_SHAPE]}
    return {"$or": [{"$ne": [{"$type": "$$f"}, "object"]}, {"$not": [has_all]}]}


def wanted_at(site: str) -> Expression:
    """
    Return the filter for documents with something wanted at a site.

    One `$elemMatch` on `files.sites`: a nested one loses the index's bounds (2 ms against 1 s).
    """
    return {**REPRESENTATION, "files.sites": {"$elemMatch": {"name": site, "created_dt": None}}}


class Due(NamedTuple):
    """
    What an unfinished scan looks for: what is wanted at some sites, and neither paused nor failed.

    With `untold`, only entries that tell no error.
    """

    sites: frozenset[str]
    retry_count: int
    untold: bool = False


def due_at(due: Due, after: object, most: int) -> list[Stage]:
    """Return the pipeline for documents with something due, by `_id` beyond one, and their size."""
    failed = {"$gte": due.retry_count, "$lt": _HUGE, "$type": ["int", "long", "double"]}
    entry = {
        "name": {"$in": sorted(due.sites)},
        "created_dt": None,
        "paused": {"$in": [None, False]},
        "tries": {"$not": failed},
        **({"error": {"$in": [None, ""]}} if due.untold else {}),
    }
    return [
        {"$match": {**REPRESENTATION, "files.sites": {"$elemMatch": entry}, **after_id(after)}},
        {"$sort": {"_id": 1}},
        {"$limit": most},
        {"$project": {"files": {"$size": FILES}}},
    ]


def after_id(after: object) -> Expression:
    """
    Return the filter for documents beyond an `_id`; beyond `START` are all.

    Ids of any type follow each other: a plain `$gt` compares with those of its own type only.
    """
    return {"$expr": {"$gt": ["$_id", {"$literal": after}]}}


def tried_at(site: str) -> list[Stage]:
    """Return the pipeline that reads those wanted files that were tried in vain at a site."""
    tried = {
        "$and": [
            {"$eq": ["$$s.name", {"$literal": site}]},
            {"$eq": [{"$ifNull": ["$$s.created_dt", None]}, None]},
            {"$ne": [{"$ifNull": ["$$s.tries", None]}, None]},
        ]
    }
    anywhere = {"$anyElementTrue": [{"$map": {"input": SITES, "as": "s", "in": tried}}]}
    return [
        {"$match": wanted_at(site)},
        {"$project": {"files": _chosen(anywhere)}},
        {"$match": {"files.0": {"$exists": True}}},
    ]


def unsettled(topology: Topology) -> Expression:
    """Return whether a handler may have something to say about the file `$$f`."""
    known = {"$literal": sorted(topology.known)}
    required = {"$literal": sorted(topology.together(topology.always))}
    groups = {topology.alternatives_of(site) for site in topology.known}
    return {
        "$or": [
            {"$ne": [{"$type": "$$f"}, "object"]},
            {"$not": [{"$isArray": "$$f.sites"}]},
            {"$not": [{"$setIsSubset": [required, NAMES]}]},
            {
                "$anyElementTrue": [
                    {"$map": {"input": SITES, "as": "s", "in": _needs_a_look(known)}}
                ]
            },
            *(partly_present(group, NAMES) for group in map(sorted, groups) if len(group) > 1),
        ]
    }


def below(folders: Sequence[str]) -> list[Stage]:
    """Return the pipeline for the paths of all files that documents have below some folders."""
    ranges = [{"$gte": f"{folder}/", "$lt": f"{folder}0"} for folder in folders]  # "0" follows "/"
    found = [{"files.path": within} for within in ranges]
    return [
        {"$match": {"$or": found, **REPRESENTATION}},
        {"$unwind": "$files"},
        {"$match": {"$or": found}},
        {"$group": {"_id": "$files.path"}},
    ]


def with_ids(sites: Iterable[str], ids: Iterable[str]) -> list[Stage]:
    """
    Return the pipeline for the paths of all files with one of some ids at some sites.

    It goes through all that documents have at these sites: no index knows ids.
    """
    entry = {"name": {"$in": sorted(sites)}, "id": {"$in": sorted(ids)}}
    found = {"files.sites": {"$elemMatch": entry}}
    return [
        {"$match": {**found, **REPRESENTATION}},
        {"$unwind": "$files"},
        {"$match": {**found, "files.path": {"$type": "string"}}},
        {"$group": {"_id": "$files.path"}},
    ]


def ids_at(sites: Iterable[str], paths: Iterable[str]) -> list[Stage]:
    """Return the pipeline for the pairs of path and id that some sites' entries have at paths."""
    named = {"files.path": {"$in": sorted(paths)}}
    entry = {"files.sites.name": {"$in": sorted(sites)}, "files.sites.id": {"$type": "string"}}
    return [
        {"$match": {**named, **REPRESENTATION}},
        {"$unwind": "$files"},
        {"$match": named},
        {"$unwind": "$files.sites"},
        {"$match": entry},
        {"$group": {"_id": {"path": "$files.path", "id": "$files.sites.id"}}},
    ]


def _count(condition: Expression) -> Expression:
    return {"$size": {"$filter": {"input": FILES, "as": "f", "cond": condition}}}


def _representations(ids: Sequence[object] | None) -> Stage:
    named = {} if ids is None else {"_id": {"$in": list(ids)}}
    return {"$match": {**named, **REPRESENTATION}}


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


def partly_present(group: Sequence[str], names: Expression | str) -> Expression:
    """Return whether some, but not all, of a group of alternatives are among the names."""
    present = {"$size": {"$setIntersection": [{"$literal": list(group)}, names]}}
    return {"$not": [{"$in": [present, [0, len(group)]]}]}


def _chosen(condition: Expression | None, positions: list[int] | None = None) -> Expression:
    """
    Return the files for which a condition on `$$f` holds, each as `{i: position, f: file}`.

    Only those at `positions` are looked at, where they are given.
    """
    size = {"$size": FILES}
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
