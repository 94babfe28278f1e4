"""Gathering what is wrong with the settings, so that all of it is told at once."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from config.errors import SettingsError, dotted, nearest, plain
from config.tables import Node, Table, unwrapped

Model = TypeVar("Model", bound=BaseModel)


class Problems:
    """What is wrong so far, each thing once although several projects may share it."""

    def __init__(self) -> None:
        self._lines: dict[str, tuple[str, int]] = {}

    def add(self, node: Node, text: str, key: str | None = None) -> None:
        """Note what is wrong with a value or a table, or with the `key` that a table lacks."""
        where = (node.source.name, node.source.line(node.written))
        self._lines[described(node, text, key)] = where

    def add_unknown(
        self, table: Table, known: Collection[str], aliases: Collection[str] = ()
    ) -> None:
        """Note every key of a table that is not known, with the nearest one that is."""
        for key, node in table.entries.items():
            if key not in known:
                self.add(node, f"unknown key{nearest(key, known, aliases)}")

    def checked(self, model: type[Model], table: Table, secrets: Collection[str] = ()) -> Model:
        """
        Return the model that a table's known keys make; what is wrong is noted and left out.

        What a model says of its own may not show `secrets`.
        """
        table = table.only(model.model_fields)
        try:
            return _validated(model, table)
        except ValidationError as error:
            self._add_invalid(table, error, secrets)
            return _stand_in(model, table, error)

    def raise_if_any(self) -> None:
        """Raise `SettingsError` if anything was noted."""
        if self._lines:
            raise SettingsError(sorted(self._lines, key=self._lines.__getitem__))

    def _add_invalid(self, table: Table, error: ValidationError, secrets: Collection[str]) -> None:
        """Note what pydantic found wrong with a table, without the values it found."""
        for detail in error.errors(include_url=False, include_input=False):
            node, key = _found(table, detail["loc"])
            text = _without(plain(detail), secrets)
            self.add(node, text, key if detail["type"] == "missing" else None)


def described(node: Node, text: str, key: str | None = None) -> str:
    """Return one line: the place, the key path in dots, and what is wrong there."""
    path = node.written if key is None else (*node.written, key)
    return ": ".join(part for part in (node.place, dotted(path), text) if part)


def _found(table: Table, location: tuple[int | str, ...]) -> tuple[Node, str]:
    """Return the node that a location of pydantic's leads to, and the last key of the location."""
    node: Node = table
    for part in location:
        if not isinstance(node, Table) or part not in node.entries:
            break
        node = node.entries[str(part)]
    return node, str(location[-1]) if location else ""


def _without(text: str, secrets: Collection[str]) -> str:
    for secret in secrets:
        text = re.sub(re.escape(secret), "********", text, flags=re.IGNORECASE)
    return text


def _validated(model: type[Model], table: Table) -> Model:
    return model.model_validate(unwrapped(table), by_name=True)


def _stand_in(model: type[Model], table: Table, error: ValidationError) -> Model:
    """Return what a table makes without its wrong keys, so that the rest can be judged too."""
    wrong = {str(detail["loc"][0]) for detail in error.errors() if detail["loc"]}
    try:
        return _validated(model, table.without(*wrong))
    except ValidationError:
        return model.model_construct()
