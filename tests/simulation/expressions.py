"""
Aggregation expressions, as far as our queries and updates use them, told in Python.

An expression is made into a function once; constants of the production code are made once for all
schedules. `tests/simulation/test_database_conformance.py` holds this to a real mongod.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from tests.simulation.operators import OPERATORS
from tests.simulation.values import MISSING, Document, is_array, is_object, is_true, path_of

Variables = dict[str, Any]
Evaluate = Callable[[Variables], Any]

_COMPILED: dict[int, tuple[Any, Evaluate]] = {}
_MOST = 4_000


def compiled(expression: Any) -> Evaluate:
    """Return the function for an expression; it takes the variables, `ROOT` and `NOW` among them."""
    known = _COMPILED.get(id(expression))
    if known is not None:
        return known[1]
    made = _compile(expression)
    if is_object(expression) or is_array(expression):
        if len(_COMPILED) > _MOST:
            _COMPILED.clear()
        _COMPILED[id(expression)] = expression, made
    return made


def _compile(expression: Any) -> Evaluate:
    if isinstance(expression, str):
        return _text(expression)
    if is_object(expression):
        if len(expression) == 1:
            [(name, operand)] = expression.items()
            if name in _SPECIAL:
                return _SPECIAL[name](operand)
            if name.startswith("$"):
                return _operator(OPERATORS[name], operand)
        return _object(expression)
    if is_array(expression):
        parts = [compiled(part) for part in expression]
        return lambda v: [_or_null(part(v)) for part in parts]
    return lambda v: expression


def _or_null(value: Any) -> Any:
    return None if value is MISSING else value


@lru_cache(_MOST)
def _text(text: str) -> Evaluate:
    """Return what a path or a variable leads to, or the text itself."""
    if text.startswith("$$"):
        name, *names = text[2:].split(".")
        if len(names) == 1:
            return _field(name, names[0])
        rest = tuple(names)
        return (lambda v: path_of(v[name], rest)) if rest else (lambda v: v[name])
    if text.startswith("$"):
        names = text[1:].split(".")
        if len(names) == 1:
            return _field("ROOT", names[0])
        path = tuple(names)
        return lambda v: path_of(v["ROOT"], path)
    return lambda v: text


def _field(name: str, field: str) -> Evaluate:
    path = (field,)

    def of_variable(v: Variables) -> Any:
        value = v[name]
        if value.__class__ is dict:
            return value.get(field, MISSING)
        return path_of(value, path)

    return of_variable


def _object(expression: Mapping[str, Any]) -> Evaluate:
    parts = [(name, compiled(part)) for name, part in expression.items()]

    def make(v: Variables) -> Document:
        made: Document = {}
        for name, part in parts:
            value = part(v)
            if value is not MISSING:
                made[name] = value
        return made

    return make


def _many(operand: Any) -> list[Evaluate]:
    return [compiled(part) for part in (operand if is_array(operand) else [operand])]


def _operator(operator: Callable[..., Any], operand: Any) -> Evaluate:
    parts = _many(operand)
    if len(parts) == 1:
        [only] = parts
        return lambda v: operator(only(v))
    if len(parts) == 2:
        one, other = parts
        return lambda v: operator(one(v), other(v))
    return lambda v: operator(*[part(v) for part in parts])


def _cond(operand: Any) -> Evaluate:
    test, yes, no = _many(operand)

    def choose(v: Variables) -> Any:
        found = test(v)
        return yes(v) if found is True or is_true(found) else no(v)

    return choose


def _switch(operand: Mapping[str, Any]) -> Evaluate:
    branches = [(compiled(b["case"]), compiled(b["then"])) for b in operand["branches"]]
    default = compiled(operand["default"])

    def choose(v: Variables) -> Any:
        for test, then in branches:
            if is_true(test(v)):
                return then(v)
        return default(v)

    return choose


def _let(operand: Mapping[str, Any]) -> Evaluate:
    named = [(name, compiled(part)) for name, part in operand["vars"].items()]
    inner = compiled(operand["in"])

    def evaluate(v: Variables) -> Any:
        known = dict(v)
        for name, part in named:
            known[name] = part(v)
        return inner(known)

    return evaluate


def _map(operand: Mapping[str, Any]) -> Evaluate:
    given, name, inner = compiled(operand["input"]), operand["as"], compiled(operand["in"])

    def evaluate(v: Variables) -> Any:
        values = given(v)
        if values is None or values is MISSING:
            return None
        known = dict(v)
        made: list[Any] = []
        for value in values:
            known[name] = value
            made.append(_or_null(inner(known)))
        return made

    return evaluate


def _filter(operand: Mapping[str, Any]) -> Evaluate:
    given, name, test = compiled(operand["input"]), operand["as"], compiled(operand["cond"])

    def evaluate(v: Variables) -> Any:
        values = given(v)
        if values is None or values is MISSING:
            return None
        known = dict(v)
        kept: list[Any] = []
        for value in values:
            known[name] = value
            if is_true(test(known)):
                kept.append(value)
        return kept

    return evaluate


def _reduce(operand: Mapping[str, Any]) -> Evaluate:
    given, initial = compiled(operand["input"]), compiled(operand["initialValue"])
    inner = compiled(operand["in"])

    def evaluate(v: Variables) -> Any:
        values = given(v)
        if values is None or values is MISSING:
            return None
        known = dict(v)
        known["value"] = initial(v)
        for value in values:
            known["this"] = value
            known["value"] = inner(known)
        return known["value"]

    return evaluate


def _and(operand: Any) -> Evaluate:
    parts = _many(operand)

    def evaluate(v: Variables) -> bool:
        for part in parts:  # noqa: SIM110 - a generator a call costs more than all else here
            if not is_true(part(v)):
                return False
        return True

    return evaluate


def _or(operand: Any) -> Evaluate:
    parts = _many(operand)

    def evaluate(v: Variables) -> bool:
        for part in parts:  # noqa: SIM110 - as above
            if is_true(part(v)):
                return True
        return False

    return evaluate


def _if_null(operand: Any) -> Evaluate:
    *parts, default = _many(operand)

    def evaluate(v: Variables) -> Any:
        for part in parts:
            value = part(v)
            if value is not None and value is not MISSING:
                return value
        return default(v)

    return evaluate


def _regex_match(operand: Mapping[str, Any]) -> Evaluate:
    given, pattern = compiled(operand["input"]), re.compile(operand["regex"].replace(r"\z", r"\Z"))

    def evaluate(v: Variables) -> bool:
        value = given(v)
        return isinstance(value, str) and pattern.search(value) is not None

    return evaluate


# What is not simply a function of values: their arguments are no values, or not always looked at.
_SPECIAL: dict[str, Callable[[Any], Evaluate]] = {
    "$literal": lambda operand: lambda v: operand,
    "$cond": _cond,
    "$switch": _switch,
    "$let": _let,
    "$map": _map,
    "$filter": _filter,
    "$reduce": _reduce,
    "$and": _and,
    "$or": _or,
    "$ifNull": _if_null,
    "$regexMatch": _regex_match,
}
