"""
What the full scan asks the server, and what it makes of the answers. Pure.

The server looks at every representation and returns those of which a handler may have more to
say than that something is wanted, which `queries.due_at` finds by its index. Whether an entry
is stale it cannot tell, having no such digest: what was digested comes along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import bson
from bson import CodecOptions

from reactor.documents import MOST_BYTES
from reactor.model import Topology, source_hash
from reactor.queries import (
    FILES,
    NAMES,
    REPRESENTATION,
    SITES,
    Expression,
    Stage,
    after_id,
    partly_present,
)

_NOTHING = ["missing", "null", "undefined"]
_MOST = float(MOST_BYTES)

# Less than `documents.parse_path` accepts: what begins with a dot is looked at, too.
_GOOD_PATH = r"\A\{root(\[[^\[\]{}/\\]+\])?\}/[^{}\\\x00]*[^{}\\\x00/]\z"


class Found(NamedTuple):
    """A document that a scan found, with how many files it has, settled ones included."""

    id: object
    files: int


def overlooked(topology: Topology, after: object) -> list[Stage]:
    """
    Return the pipeline of the full scan beyond an `_id`, in that order.

    Each document tells how many `files` it has, whether it is `odd`, and what was `made`.
    """
    wanting: Expression = {"$or": [{"odd": True}, {"made": {"$ne": []}}]}
    return [
        {"$match": {**REPRESENTATION, **after_id(after)}},
        {"$sort": {"_id": 1}},
        {"$project": {"files": {"$size": FILES}, "odd": _is_odd(topology), "made": _MADE}},
        {"$match": wanting},
    ]


def judged(
    batch: bytes, codec: CodecOptions[dict[str, Any]], after: object
) -> tuple[list[Found], object]:
    """Return those documents of a batch to look at, and the last `_id` that was judged."""
    found: list[Found] = []
    for document in bson.decode_iter(batch, codec):
        after = document["_id"]
        if _is_to_look_at(document):
            found.append(Found(after, document["files"]))
    return found, after


def portions(found: Iterable[Found], most: int = 2_000) -> Iterator[list[Found]]:
    """Yield documents in portions of at most so many files, or of one document."""
    portion: list[Found] = []
    for one in found:
        if portion and sum(other.files for other in portion) + one.files > most:
            yield portion
            portion = []
        portion.append(one)
    if portion:
        yield portion


def _is_to_look_at(document: Mapping[str, Any]) -> bool:
    return document["odd"] or any(map(_is_stale, document["made"]))


def _is_stale(made: str) -> bool:
    """Return whether an entry of a file was made for another `hash` than the file has."""
    digests, _, file_hash = made.partition("\n")
    return digests.replace(source_hash(file_hash) + " ", "") != ""


def _is_odd(topology: Topology) -> Expression:
    """Return whether a handler has something to say of a document, be it that it is flawed."""
    odd_files = {"$map": {"input": FILES, "as": "f", "in": _is_odd_file(topology)}}
    return {
        "$or": [
            {"$eq": [{"$type": "$_id"}, "object"]},
            {"$not": [{"$isArray": "$files"}]},
            {"$anyElementTrue": [odd_files]},
        ]
    }


def _is_odd_file(topology: Topology) -> Expression:
    required = {"$literal": sorted(topology.together(topology.always))}
    groups = {topology.alternatives_of(site) for site in topology.known}
    odd = {
        "$or": [
            {"$ne": [{"$type": "$$f"}, "object"]},
            {"$not": [{"$in": [{"$type": "$$f.sites"}, ["array", *_NOTHING]]}]},
            {"$not": [{"$setIsSubset": [required, "$$names"]}]},
            {"$ne": [{"$size": "$$names"}, {"$size": {"$setUnion": ["$$names"]}}]},
            {"$anyElementTrue": [{"$map": {"input": "$$names", "as": "n", "in": _IS_NO_NAME}}]},
            *(partly_present(group, "$$names") for group in map(sorted, groups) if len(group) > 1),
            {"$not": [_HAS_GOOD_PATH]},
            {"$not": [_HAS_GOOD_SIZE]},
        ]
    }
    return {"$let": {"vars": {"names": NAMES}, "in": odd}}


def _text(path: str, otherwise: object) -> Expression:
    return {"$cond": [{"$eq": [{"$type": path}, "string"]}, path, otherwise]}


_IS_NO_NAME: Expression = {"$ne": [{"$type": "$$n"}, "string"]}
_PATH = _text("$$f.path", "")
_HAS_GOOD_PATH: Expression = {
    "$and": [
        {"$regexMatch": {"input": _PATH, "regex": _GOOD_PATH}},
        {"$lt": [{"$indexOfBytes": [_PATH, "/."]}, 0]},
    ]
}
_HAS_GOOD_SIZE: Expression = {
    "$or": [
        {"$in": [{"$type": "$$f.size"}, _NOTHING]},
        {
            "$and": [
                {"$in": [{"$type": "$$f.size"}, ["int", "long", "double"]]},
                {"$gte": ["$$f.size", 0]},
                {"$lt": ["$$f.size", _MOST]},
            ]
        },
    ]
}
_IS_PLAIN: Expression = {
    "$and": [
        {"$eq": [{"$type": "$$f"}, "object"]},
        {"$in": [{"$type": "$$f.sites"}, ["array", *_NOTHING]]},
        {
            "$not": [
                {"$anyElementTrue": [{"$map": {"input": "$$names", "as": "n", "in": _IS_NO_NAME}}]}
            ]
        },
        _HAS_GOOD_PATH,
        _HAS_GOOD_SIZE,
    ]
}
# The file `$$f` has no flaw, and its `sites` are not of the old shape.
IS_PLAIN: Expression = {"$let": {"vars": {"names": NAMES}, "in": _IS_PLAIN}}

# Of each file with a `source_hash`: all of them, each with a space behind it, a line break,
# and the file's `hash`. One text a file is what costs both ends least.
_DIGESTS: Expression = {
    "$reduce": {
        "input": SITES,
        "initialValue": "",
        "in": {
            "$cond": [
                {"$eq": [{"$type": "$$this.source_hash"}, "string"]},
                {"$concat": ["$$value", "$$this.source_hash", " "]},
                "$$value",
            ]
        },
    }
}
_MADE_OF_FILE: Expression = {
    "$let": {
        "vars": {"digests": _DIGESTS},
        "in": {
            "$cond": [
                {"$eq": ["$$digests", ""]},
                None,
                {"$concat": ["$$digests", "\n", _text("$$f.hash", "")]},
            ]
        },
    }
}
_MADE: Expression = {
    "$filter": {
        "input": {"$map": {"input": FILES, "as": "f", "in": _MADE_OF_FILE}},
        "as": "m",
        "cond": {"$ne": ["$$m", None]},
    }
}
