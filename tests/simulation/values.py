"""Values as the server sees them: what is missing, what equals what, and what comes before what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import cmp_to_key
from typing import Any, Final, TypeGuard

from bson import MinKey, ObjectId

Document = dict[str, Any]


class _Missing:
    """What a path leads to where nothing is."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = _Missing()

_KINDS: tuple[tuple[type | tuple[type, ...], int, str], ...] = (
    (bool, 9, "bool"),
    (int, 3, "int"),
    (float, 3, "double"),
    (str, 4, "string"),
    (dict, 5, "object"),
    ((list, tuple), 6, "array"),
    (bytes, 7, "binData"),
    (ObjectId, 8, "objectId"),
    (datetime, 10, "date"),
)


def kind_of(value: Any) -> tuple[int, str]:
    if value is None:
        return 2, "null"
    if value is MISSING:
        return 1, "missing"
    for kind, rank, name in _KINDS:
        if isinstance(value, kind):
            return rank, name
    if isinstance(value, MinKey):
        return 0, "minKey"
    raise TypeError(f"no such value is simulated: {value!r}")


def compare(one: Any, other: Any) -> int:
    """Return how two values are ordered: -1, 0 or 1."""
    ranks = kind_of(one)[0], kind_of(other)[0]
    if ranks[0] != ranks[1]:
        return -1 if ranks[0] < ranks[1] else 1
    if ranks[0] in (0, 1, 2):
        return 0
    if ranks[0] == 5:
        return _first_difference(_pairs(one), _pairs(other))
    if ranks[0] == 6:
        return _first_difference(one, other)
    return int(one > other) - int(one < other)


def _pairs(value: Mapping[str, Any]) -> list[Any]:
    return [part for name, inner in value.items() for part in (kind_of(inner)[0], name, inner)]


def _first_difference(one: Iterable[Any], other: Iterable[Any]) -> int:
    one, other = list(one), list(other)
    for left, right in zip(one, other, strict=False):
        if order := compare(left, right):
            return order
    return (len(one) > len(other)) - (len(one) < len(other))


ordered = cmp_to_key(compare)


def equal(one: Any, other: Any) -> bool:
    """Return whether two values are the same to the server."""
    if one.__class__ is other.__class__ and not isinstance(one, dict | list):
        return bool(one == other)
    return compare(one, other) == 0


def is_true(value: Any) -> bool:
    """Return whether the server takes a value for true."""
    return not (value is None or value is MISSING or value is False or value == 0)


def is_object(value: Any) -> TypeGuard[Document]:
    """Return whether a value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Return whether a value is an array."""
    return isinstance(value, list)


def path_of(value: Any, names: tuple[str, ...]) -> Any:
    """Return what a path leads to; through an array, it leads to each of what lies beyond."""
    for index, name in enumerate(names):
        if is_object(value):
            value = value.get(name, MISSING)
        elif is_array(value):
            rest = names[index:]
            beyond = [path_of(inner, rest) for inner in value if isinstance(inner, dict)]
            return [found for found in beyond if found is not MISSING]
        else:
            return MISSING
    return value
