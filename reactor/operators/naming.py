"""
What people call a representation, as pipelines that find it by index. Pure.

Each answers with documents of `_id`, `type` and `path`: one of its files' paths, for people to
know it by.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId

from providers.base import Location
from reactor.documents import PathError, parse_path
from reactor.queries import FILES, REPRESENTATION, Stage

_DIGITS = 24
_INTEGERS = 2**63  # MongoDB holds no larger ones
_HEX = frozenset("0123456789abcdef")
_FIRST_PATH: Stage = {
    "$project": {
        "type": 1,
        "path": {"$let": {"vars": {"f": {"$arrayElemAt": [FILES, 0]}}, "in": "$$f.path"}},
    }
}
# A folder can hold a whole project: so much of it is enough to find a name like one.
_DOCUMENTS, _PATHS = 100, 2_000


def ids_of(text: str) -> list[object]:
    """Return what a text can be as an `_id`."""
    ids: list[object] = [text]
    if ObjectId.is_valid(text):
        ids.append(ObjectId(text))
    if re.fullmatch("-?[0-9]{1,19}", text) and abs(number := int(text)) < _INTEGERS:
        ids.append(number)
    return ids


def having_id(ids: Sequence[object]) -> list[Stage]:
    """Return the pipeline for documents of any type that have one of these as `_id`."""
    return [{"$match": {"_id": {"$in": list(ids)}}}, _FIRST_PATH]


def having_path(paths: Sequence[str], most: int) -> list[Stage]:
    """Return the pipeline for representations that name one of these paths."""
    told = {
        "$filter": {
            "input": FILES,
            "as": "f",
            "cond": {"$in": ["$$f.path", {"$literal": list(paths)}]},
        }
    }
    path = {"$let": {"vars": {"f": {"$arrayElemAt": [told, 0]}}, "in": "$$f.path"}}
    return [
        {"$match": {**REPRESENTATION, "files.path": {"$in": list(paths)}}},
        {"$limit": most},
        {"$project": {"type": 1, "path": path}},
    ]


def beside(text: str, most: int) -> list[list[Stage]]:
    """
    Return the pipelines for representations whose `_id` comes just before or after a text.

    Those that share most of its first letters are among them.
    """
    return [
        [
            {"$match": {**REPRESENTATION, "_id": {operator: key}}},
            {"$sort": {"_id": direction}},
            {"$limit": most},
            _FIRST_PATH,
        ]
        for key in _keys(text)
        for operator, direction in (("$lte", -1), ("$gt", 1))
    ]


def closest(text: str, ids: Iterable[str]) -> list[str]:
    """Return those that share most of the first letters with a text; none where none does."""
    shared = {one: _shared(text.lower(), one.lower()) for one in ids}
    most = max(shared.values(), default=0)
    return [one for one, length in shared.items() if length == most > 0]


def in_folder(path: str) -> list[Stage]:
    """Return the pipeline for the files that lie below the folder of a path, up to a number."""
    folder = path.rpartition("/")[0]
    below = {"$gte": f"{folder}/", "$lt": f"{folder}0"}  # 0 comes after /
    return [
        {"$match": {**REPRESENTATION, "files": {"$elemMatch": {"path": below}}}},
        {"$limit": _DOCUMENTS},
        {"$unwind": "$files"},
        {"$match": {"files.path": below}},
        {"$limit": _PATHS},
        {"$project": {"type": 1, "path": "$files.path"}},
    ]


def spellings(roots: Mapping[str, str], root: str, below: str, known: Iterable[str]) -> set[str]:
    """
    Return every form in which documents may name a path below one of a site's roots.

    `roots` are all of the site's: as `Setup.root` has it, an only one serves further names.
    `known` are names of roots that documents use.
    """
    names = {root}
    if not root:
        names |= {*known, "work"}
    elif len(roots) == 1 or root == "work":
        names |= {""}
    return {str(Location(name, below)) for name in names}


def plainly(path: str) -> str:
    """Return a documents' path without what changes nothing in it (`//`, `/./`)."""
    try:
        return str(Location(*parse_path(path)))
    except PathError:
        return path


def _keys(text: str) -> list[object]:
    """Return a text as a key to look beside: also where digits of an ObjectId are missing."""
    digits = text.lower()
    if not digits or not _HEX.issuperset(digits):
        return [text]
    return [text, ObjectId(digits[:_DIGITS].ljust(_DIGITS, "0"))]


def _shared(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
