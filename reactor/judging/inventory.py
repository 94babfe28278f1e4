"""
What documents say lies below a root of a site, as one pipeline in the order of paths. Pure.

Each row is one element of one document's `files`, as short as it can be: what is plainly right
is seen from it, and everything else is read again before it is judged.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from providers.base import Facts
from reactor.documents import published_mtime_ns
from reactor.model import source_hash
from reactor.queries import REPRESENTATION, Expression, Stage

# How a file's entries at a group of sites are: none, all available, some of them, none of them.
ABSENT, ALL, SOME, WANTED, ONLY_KNOWN = range(5)


@dataclass(frozen=True, slots=True)
class Part:
    """
    What one project calls a root, and which sites it means by it.

    `names` are the root's names in documents' paths; with `others`, every name but those is.
    `group` are the site and its alternatives; without any, files are only known, not judged.
    """

    project: str
    names: frozenset[str]
    group: frozenset[str] = frozenset()
    others: bool = False

    @staticmethod
    def of(
        project: str, roots: Collection[str], named: Collection[str], group: frozenset[str]
    ) -> Part:
        """
        Return the part of a project that has some of a site's `roots`: those that are `named`.

        As `Setup.root` has it, an only root serves the bare `{root}`, and one without a name
        serves all others.
        """
        if "" in named:
            return Part(project, frozenset(roots).difference(named), group, others=True)
        bare = {""} if "" not in roots and (len(roots) == 1 or "work" in named) else set[str]()
        return Part(project, frozenset(named) | bare, group)


class Row(NamedTuple):
    """
    One file of one document: its path below the root, and how its entries are.

    `spelled` is the path as the document has it, where that is not just its `root` and the path.
    `made` are the digests of the hashes that entries were made from, and `hash` is the file's.
    """

    path: str
    standing: int
    size: object
    made: Sequence[object]
    hash: str | None
    part: int
    root: str
    spelled: str

    @property
    def text(self) -> str:
        """Return the path as the document has it."""
        return self.spelled or f"{self.root}/{self.path}"

    @property
    def is_marked(self) -> bool:
        """Return whether it may be marked as available."""
        return self.standing in (ALL, SOME)

    def is_plainly_right(self, facts: Facts, within_ns: int | None) -> bool:
        """
        Return whether it is marked for the bytes it now means, and what is there has their size.

        With `within_ns` it must have its published time, too, so many nanoseconds about.
        """
        if self.standing != ALL or (self.size is not None and self.size != facts.size):
            return False
        if self.made and any(digest != source_hash(self.hash) for digest in self.made):
            return False
        return within_ns is None or self._has_its_time(facts, within_ns)

    def _has_its_time(self, facts: Facts, within_ns: int) -> bool:
        published = published_mtime_ns(self.hash)
        if published is None or facts.mtime_ns is None:
            return False
        return abs(facts.mtime_ns - published) <= within_ns


def row_of(raw: Mapping[str, Any]) -> Row:
    """Return a row of the pipeline's answer."""
    get = raw.get
    return Row(
        raw["p"],
        raw["w"],
        get("n"),
        get("k") or (),
        get("h"),
        raw["x"],
        raw["r"],
        get("t", ""),
    )


def inventory(
    parts: Sequence[Part], after: str, folders: Sequence[str] = (), *, timed: bool = False
) -> list[Stage]:
    """
    Return the pipeline for all that some projects name below a root and beyond a path.

    It is meant for the first one's collection. Only what lies in some `folders` of the root is
    told, where there are any. With `timed`, rows tell the file's hash.
    """
    first, *rest = [_rows(index, part, timed=timed) for index, part in enumerate(parts)]
    place: Expression = {"p": {"$gt": after}}
    if folders:
        place["$or"] = [{"p": {"$gt": f"{name}/", "$lt": f"{name}0"}} for name in folders]
    unions: list[Stage] = [
        {"$unionWith": {"coll": part.project, "pipeline": [*stages, {"$match": place}]}}
        for part, stages in zip(parts[1:], rest, strict=True)
    ]
    return [*first, {"$match": place}, *unions, {"$sort": {"p": 1}}]


def folders_of(part: Part) -> list[Stage]:
    """Return the pipeline for the first folders below a root in which a project has files."""
    top = {"$arrayElemAt": [{"$split": ["$p", "/"]}, 0]}
    lies_in_root = {"$lt": [{"$indexOfBytes": ["$p", "/"]}, 0]}
    named = {"$cond": [lies_in_root, "", top]}
    stages = _rows(0, part, timed=False)
    return [*stages, {"$match": {"p": {"$gt": ""}}}, {"$group": {"_id": named}}]


def _rows(index: int, part: Part, *, timed: bool) -> list[Stage]:
    roots = [f"{{root[{name}]}}" if name else "{root}" for name in sorted(part.names)]
    row: Expression = {"p": 1, "r": 1, "t": 1, "n": 1, "x": {"$literal": index}}
    if part.group:
        made = "$mine.source_hash"
        row |= {"w": _STANDING, "k": made, "h": "$hash"}
        if not timed:
            row["h"] = {"$cond": [{"$eq": [made, []]}, "$$REMOVE", "$hash"]}
    else:
        row["w"] = {"$literal": ONLY_KNOWN}
    told = {**_FILE, "mine": _entries_of(part.group)} if part.group else _FILE
    return [
        {"$match": REPRESENTATION},
        {"$unwind": "$files"},
        {"$project": told},
        {"$match": {"r": {"$nin" if part.others else "$in": roots}}},
        {"$project": row},
    ]


def _entries_of(group: frozenset[str]) -> Expression:
    """Return a file's entries of some sites; null for the old mapping shape."""
    names = {"$literal": sorted(group)}
    is_one = {"$in": [{"$ifNull": ["$$s.name", None]}, names]}
    found: Expression = {"$filter": {"input": "$files.sites", "as": "s", "cond": is_one}}
    mapped = {"$eq": [{"$type": "$files.sites"}, "object"]}
    otherwise: Expression = {"$cond": [mapped, None, []]}
    return {"$cond": [{"$isArray": "$files.sites"}, found, otherwise]}


_TEXT: Expression = {
    "$cond": [{"$eq": [{"$type": "$files.path"}, "string"]}, "$files.path", ""],
}
_END: Expression = {"$indexOfBytes": [_TEXT, "}/"]}
_BELOW: Expression = {"$substrBytes": [_TEXT, {"$add": [_END, 2]}, -1]}
_IS_ODD: Expression = {"$regexMatch": {"input": _TEXT, "regex": r"/\.?(/|\z)"}}
_PARTS: Expression = {
    "$filter": {
        "input": {"$split": [_BELOW, "/"]},
        "as": "part",
        "cond": {"$not": [{"$in": ["$$part", ["", "."]]}]},
    }
}
# A path in the spelling that `documents.parse_path` gives it.
_PLAIN: Expression = {
    "$reduce": {
        "input": _PARTS,
        "initialValue": "",
        "in": {
            "$cond": [
                {"$eq": ["$$value", ""]},
                "$$this",
                {"$concat": ["$$value", "/", "$$this"]},
            ]
        },
    }
}
_FILE: Expression = {
    "_id": 0,
    "p": {"$cond": [_IS_ODD, _PLAIN, _BELOW]},
    "r": {"$substrBytes": [_TEXT, 0, {"$add": [_END, 1]}]},
    "t": {"$cond": [_IS_ODD, _TEXT, "$$REMOVE"]},
    "n": "$files.size",
    "hash": {"$cond": [{"$eq": [{"$type": "$files.hash"}, "string"]}, "$files.hash", "$$REMOVE"]},
}
# Entries in the old mapping shape are read again to be judged.
_STANDING: Expression = {
    "$switch": {
        "branches": [
            {"case": {"$eq": ["$mine", []]}, "then": ABSENT},
            {"case": {"$eq": ["$mine", None]}, "then": SOME},
            {"case": {"$in": [None, "$mine.created_dt"]}, "then": SOME},
            {"case": {"$eq": ["$mine.created_dt", []]}, "then": WANTED},
            {"case": {"$eq": [{"$size": "$mine"}, {"$size": "$mine.created_dt"}]}, "then": ALL},
        ],
        "default": SOME,
    }
}
