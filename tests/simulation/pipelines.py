"""Filters, updates and aggregation stages, as far as our code sends them. Documents are never changed in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from tests.simulation.expressions import Variables, compiled
from tests.simulation.values import (
    MISSING,
    Document,
    compare,
    equal,
    is_array,
    is_object,
    is_true,
    ordered,
)

_TYPES = {"array": list, "string": str, "object": dict, "int": int, "long": int, "double": float}


def matches(document: Mapping[str, Any], wanted: Mapping[str, Any], variables: Variables) -> bool:
    """Return whether a filter takes a document."""
    for name, condition in wanted.items():
        if name == "$or":
            if not any(matches(document, one, variables) for one in condition):
                return False
        elif name == "$expr":
            if not is_true(compiled(condition)({**variables, "ROOT": document})):
                return False
        elif not _has(document, name, condition):
            return False
    return True


def _has(document: Mapping[str, Any], name: str, condition: Any) -> bool:
    """Return whether a condition on one field holds."""
    if "." in name:
        return _field_matches(_values(document, name.split(".")), condition)
    value = document.get(name, MISSING)
    if condition.__class__ is str and value.__class__ is str:
        return bool(value == condition)
    return _field_matches([value, *value] if is_array(value) else [value], condition)


def _values(value: Any, names: Sequence[str]) -> list[Any]:
    """Return all that a path leads to: what is in an array, and the array itself."""
    if not names:
        return [value, *value] if is_array(value) else [value]
    name, rest = names[0], names[1:]
    if is_object(value):
        return _values(value.get(name, MISSING), rest)
    if is_array(value):
        found = [one for inner in value if is_object(inner) for one in _values(inner, names)]
        if name.isdigit() and int(name) < len(value):
            found += _values(value[int(name)], rest)
        return found or [MISSING]
    return [MISSING]


def _field_matches(values: list[Any], condition: Any) -> bool:
    if condition.__class__ is dict and condition:
        for name, operand in condition.items():
            if name[0] != "$":
                break
            if not _holds(values, name, operand):
                return False
        else:
            return True
    return _is_among(values, condition)


def _is_among(values: list[Any], wanted: Any) -> bool:
    if wanted.__class__ is str:
        return wanted in values
    if wanted is None:
        return any(value is None or value is MISSING for value in values)
    return any(equal(value, wanted) for value in values)


def _holds(values: list[Any], name: str, operand: Any) -> bool:
    test = _TESTS.get(name)
    return test(values, operand) if test else any(_ranks(v, name, operand) for v in values)


def _is_any_type(values: list[Any], operand: Any) -> bool:
    kinds: list[str] = operand if is_array(operand) else [operand]
    return any(_is_of(value, kind) for value in values for kind in kinds)


def _any_element(values: list[Any], operand: Any) -> bool:
    elements: list[Any] = [one for value in values if is_array(value) for one in value]
    return any(matches(one, operand, {}) for one in elements if is_object(one))


_TESTS: dict[str, Callable[[list[Any], Any], bool]] = {
    "$in": lambda values, operand: any(_is_among(values, one) for one in operand),
    "$nin": lambda values, operand: not any(_is_among(values, one) for one in operand),
    "$ne": lambda values, operand: not _is_among(values, operand),
    "$not": lambda values, operand: not _field_matches(values, operand),
    "$exists": lambda values, operand: any(v is not MISSING for v in values) is bool(operand),
    "$type": _is_any_type,
    "$elemMatch": _any_element,
}


def _is_of(value: Any, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and not isinstance(value, bool)


def _ranks(value: Any, name: str, operand: Any) -> bool:
    """Return whether a value is on the asked side of another one of its own kind."""
    numbers = isinstance(value, int | float) and isinstance(operand, int | float)
    if not numbers and type(value) is not type(operand):
        return False
    order = compare(value, operand)
    return {"$gt": order > 0, "$gte": order >= 0, "$lt": order < 0, "$lte": order <= 0}[name]


def updated(document: Document, update: Any, variables: Variables) -> Document:
    """Return a document after an update: a pipeline, or a classic one."""
    if is_array(update):
        for stage in update:
            [(name, operand)] = stage.items()
            known = {**variables, "ROOT": document}
            if name == "$replaceWith":
                document = compiled(operand)(known)
            elif name == "$set":
                document = _with(document, operand, known)
            else:
                raise NotImplementedError(name)
        return document
    made = dict(document)
    for name, fields in update.items():
        for path, value in fields.items():
            if "." in path:
                raise NotImplementedError(path)
            if name == "$set":
                made[path] = value
            elif name == "$unset":
                made.pop(path, None)
            else:
                raise NotImplementedError(name)
    return made


def _with(document: Document, fields: Mapping[str, Any], known: Variables) -> Document:
    made = dict(document)
    for name, expression in fields.items():
        value = compiled(expression)(known)
        if value is MISSING:
            made.pop(name, None)
        else:
            made[name] = value
    return made


def aggregated(
    documents: Iterable[Document], pipeline: Sequence[Mapping[str, Any]], variables: Variables
) -> list[Document]:
    """Return what a pipeline makes of documents."""
    found = list(documents)
    for stage in pipeline:
        [(name, operand)] = stage.items()
        match name:
            case "$match":
                found = [one for one in found if matches(one, operand, variables)]
            case "$sort":
                found = _sorted(found, operand)
            case "$limit":
                found = found[:operand]
            case "$project":
                found = [_projected(one, operand, variables) for one in found]
            case "$unwind":
                found = [made for one in found for made in _unwound(one, operand)]
            case "$group":
                found = _grouped(found, operand, variables)
            case _:
                raise NotImplementedError(name)
    return found


def _sorted(documents: list[Document], fields: Mapping[str, int]) -> list[Document]:
    for field, way in reversed(list(fields.items())):
        key = partial(_rank, names=tuple(field.split(".")))
        documents = sorted(documents, key=key, reverse=way < 0)
    return documents


def _rank(document: Document, names: Sequence[str]) -> Any:
    return ordered(_values(document, names)[0])


def _projected(document: Document, fields: Mapping[str, Any], variables: Variables) -> Document:
    known = {**variables, "ROOT": document}
    made: Document = {}
    if "_id" in document and fields.get("_id", 1):
        made["_id"] = document["_id"]
    for name, expression in fields.items():
        value = document.get(name, MISSING) if expression == 1 else compiled(expression)(known)
        if value is not MISSING and name != "_id":
            made[name] = value
    return made


def _unwound(document: Document, how: Any) -> list[Document]:
    path, index = (how, None) if isinstance(how, str) else (how["path"], how["includeArrayIndex"])
    field = path[1:]
    values = document.get(field)
    if values is None:
        return []
    return [
        {**document, field: value, **({index: i} if index else {})}
        for i, value in enumerate(values if is_array(values) else [values])
    ]


def _grouped(
    documents: list[Document], fields: Mapping[str, Any], variables: Variables
) -> list[Document]:
    groups: list[Document] = []
    by = compiled(fields["_id"])
    for document in documents:
        known = {**variables, "ROOT": document}
        key = by(known)
        group = next((one for one in groups if equal(one["_id"], key)), None)
        if group is None:
            group = {"_id": key}
            groups.append(group)
        for name, how in fields.items():
            if name == "_id":
                continue
            [(operator, operand)] = how.items()
            value = compiled(operand)(known)
            if operator == "$push":
                group.setdefault(name, []).append(value)
            elif operator == "$sum":
                group[name] = group.get(name, 0) + value
            else:
                raise NotImplementedError(operator)
    return groups
