"""Operators that need no more than the values of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from tests.simulation.values import (
    MISSING,
    Document,
    compare,
    equal,
    is_array,
    is_true,
    kind_of,
    ordered,
)


def _is_nothing(value: Any) -> bool:
    return value is None or value is MISSING


def _has(values: Iterable[Any], value: Any) -> bool:
    return any(equal(one, value) for one in values)


def _distinct(values: Iterable[Any]) -> list[Any]:
    found: list[Any] = []
    for value in sorted(values, key=ordered):
        if not found or not equal(found[-1], value):
            found.append(value)
    return found


def _merge_objects(*objects: Any) -> Document:
    made: Document = {}
    for one in objects:
        if one:
            made.update(one)
    return made


def _element_at(values: Any, at: Any) -> Any:
    if _is_nothing(values) or _is_nothing(at):
        return None
    return values[at] if -len(values) <= at < len(values) else MISSING


def _index_of(values: Any, wanted: Any) -> Any:
    if _is_nothing(values):
        return None
    return next((index for index, one in enumerate(values) if equal(one, wanted)), -1)


def _difference(one: Any, other: Any) -> Any:
    if _is_nothing(one) or _is_nothing(other):
        return None
    kept: list[Any] = []
    for value in one:
        if not _has(other, value) and not _has(kept, value):
            kept.append(value)
    return kept


def _intersection(first: Any, *others: Any) -> Any:
    if any(map(_is_nothing, (first, *others))):
        return None
    return _distinct(one for one in first if all(_has(other, one) for other in others))


def _union(*sets: Any) -> Any:
    if any(map(_is_nothing, sets)):
        return None
    return _distinct(one for some in sets for one in some)


def _concat_arrays(*arrays: Any) -> Any:
    if any(map(_is_nothing, arrays)):
        return None
    return [one for values in arrays for one in values]


def _concat(*texts: Any) -> Any:
    return None if any(map(_is_nothing, texts)) else "".join(texts)


def _object_to_array(value: Any) -> Any:
    if _is_nothing(value):
        return None
    return [{"k": name, "v": inner} for name, inner in value.items()]


def _plus(value: Any, other: Any, sign: int = 1) -> Any:
    if _is_nothing(value) or _is_nothing(other):
        return None
    if isinstance(value, datetime) and isinstance(other, int | float):
        return value + timedelta(milliseconds=sign * other)
    return value + other if sign > 0 else value - other


def _add(first: Any, *others: Any) -> Any:
    for other in others:
        first = _plus(first, other)
    return first


def _subtract(one: Any, other: Any) -> Any:
    return _plus(one, other, -1)


def _is_subset(one: Any, other: Any) -> bool:
    return all(_has(other, value) for value in one)


def _array_to_object(pairs: Any) -> Document:
    return {pair["k"]: pair["v"] for pair in pairs}


def _type(value: Any) -> str:
    return kind_of(value)[1]


def _ne(one: Any, other: Any) -> bool:
    return not equal(one, other)


def _gt(one: Any, other: Any) -> bool:
    return compare(one, other) > 0


def _gte(one: Any, other: Any) -> bool:
    return compare(one, other) >= 0


def _lt(one: Any, other: Any) -> bool:
    return compare(one, other) < 0


def _not(value: Any) -> bool:
    return not is_true(value)


def _in(value: Any, values: Any) -> bool:
    return _has(values, value)


def _range(start: int, end: int) -> list[int]:
    return list(range(start, end))


def _any_true(values: Any) -> bool:
    return any(map(is_true, values))


def _index_of_bytes(text: str, part: str) -> int:
    return text.encode().find(part.encode())


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


OPERATORS: dict[str, Callable[..., Any]] = {
    "$mergeObjects": _merge_objects,
    "$arrayElemAt": _element_at,
    "$indexOfArray": _index_of,
    "$setDifference": _difference,
    "$setIntersection": _intersection,
    "$setUnion": _union,
    "$setIsSubset": _is_subset,
    "$concatArrays": _concat_arrays,
    "$concat": _concat,
    "$objectToArray": _object_to_array,
    "$arrayToObject": _array_to_object,
    "$type": _type,
    "$eq": equal,
    "$ne": _ne,
    "$gt": _gt,
    "$gte": _gte,
    "$lt": _lt,
    "$not": _not,
    "$in": _in,
    "$size": len,
    "$range": _range,
    "$add": _add,
    "$subtract": _subtract,
    "$anyElementTrue": _any_true,
    "$isArray": is_array,
    "$isNumber": _is_number,
    "$indexOfBytes": _index_of_bytes,
}
