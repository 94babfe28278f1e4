"""What an answer's JSON holds, with the shape that it should have; else it is not Google's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from providers.gdrive.refusals import RefusedError

Table: TypeAlias = Mapping[str, Any]


def not_googles() -> RefusedError:
    """Return the error for an answer that is none of Google's: a proxy's, or a damaged one."""
    return RefusedError(502, message="an answer that is not Google's")


def table(told: object) -> Table:
    """Return what has to be a JSON object."""
    if not isinstance(told, dict):
        raise not_googles()
    return cast("Table", told)


def tables_in(told: Table, key: str) -> list[Table]:
    """Return a list of objects; none where there is no such key."""
    return [table(one) for one in _list_in(told, key)]


def texts_in(told: Table, key: str) -> list[str]:
    """Return a list of texts; none where there is no such key."""
    return [_text(one) for one in _list_in(told, key)]


def text_in(told: Table, key: str, default: str | None = None) -> str:
    """Return a text; where there is none, that is an error unless there is a default."""
    return _text(told.get(key, default))


def text_or_none(told: Table, key: str) -> str | None:
    """Return a text, or None where there is none."""
    return None if told.get(key) is None else _text(told[key])


def count_or_none(told: Table, key: str) -> int | None:
    """Return a number that counts something, which Google writes as text; None where there is none."""
    value = told.get(key)
    if value is None:
        return None
    digits = str(value)
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 19):
        raise not_googles()
    return int(digits)


def _list_in(told: Table, key: str) -> list[object]:
    value = told.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise not_googles()
    return cast("list[object]", value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise not_googles()
    return value
