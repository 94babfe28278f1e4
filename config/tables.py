"""
Settings as read: tables and values that remember where somebody wrote them.

Layers are merged here, before anything is validated, so that whatever turns out to be
wrong can still be told with its file and line. Nothing is ever changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from pathlib import Path
from typing import cast

KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """Where settings come from; file names in them are relative to `folder`."""

    name: str
    folder: Path = Path()
    lines: Mapping[KeyPath, int] = field(default_factory=dict[KeyPath, int])

    def place(self, path: KeyPath) -> str:
        """Return the name of this source, with the line of a key where it is known."""
        line = self.line(path)
        return f"{self.name}:{line}" if line else self.name

    def line(self, path: KeyPath) -> int:
        """Return the line of a key, or of the nearest table around it; 0 where there is none."""
        around = (path[:length] for length in range(len(path), 0, -1))
        return next((self.lines[key] for key in around if key in self.lines), 0)


@dataclass(frozen=True, slots=True)
class Node:
    """A table or a value, with its key path as somebody wrote it."""

    written: KeyPath
    source: Source = field(repr=False)

    @property
    def place(self) -> str:
        """The file and line, or the environment variable, where this was written."""
        return self.source.place(self.written)


@dataclass(frozen=True, slots=True)
class Value(Node):
    """A value. It may be a password, so it has no part in the repr."""

    value: object = field(repr=False)


@dataclass(frozen=True, slots=True)
class Table(Node):
    """A table of named nodes."""

    entries: Mapping[str, Node]

    def with_entries(self, entries: Mapping[str, Node]) -> Table:
        """Return this table with other entries."""
        return Table(self.written, self.source, entries)

    def with_entry(self, key: str, node: Node) -> Table:
        """Return this table with one entry set."""
        return self.with_entries({**self.entries, key: node})

    def without(self, *keys: str) -> Table:
        """Return this table without some keys."""
        return self.with_entries({k: node for k, node in self.entries.items() if k not in keys})

    def only(self, keys: Iterable[str]) -> Table:
        """Return this table with no other than some keys."""
        return self.with_entries({key: self.entries[key] for key in keys if key in self.entries})

    def table(self, key: str) -> Table:
        """Return the table under a key, an empty one if there is none."""
        node = self.entries.get(key)
        return node if isinstance(node, Table) else Table((*self.written, key), self.source, {})

    def tables(self) -> dict[str, Table]:
        """Return the entries that are tables."""
        return {key: node for key, node in self.entries.items() if isinstance(node, Table)}

    def text(self, key: str) -> str | None:
        """Return the text under a key, or None if there is none."""
        node = self.entries.get(key)
        return node.value if isinstance(node, Value) and isinstance(node.value, str) else None

    def each(self, change: Callable[[Table], Table]) -> Table:
        """Return this table with each of its tables changed."""
        return self.with_entries(
            {k: change(v) if isinstance(v, Table) else v for k, v in self.entries.items()}
        )


NOTHING = Table((), Source("no file"), {})
"""What a file holds that is not there."""


def table_of(data: Mapping[str, object], source: Source, written: KeyPath = ()) -> Table:
    """Return parsed TOML as a table that knows its source."""
    return Table(
        written,
        source,
        {key: node_of(value, source, (*written, key)) for key, value in data.items()},
    )


def node_of(value: object, source: Source, written: KeyPath) -> Node:
    """Return a parsed value as a node that knows its source."""
    if isinstance(value, dict):
        return table_of(cast("dict[str, object]", value), source, written)
    return Value(written, source, value)


def merge(base: Table, top: Table) -> Table:
    """Return `top` laid over `base`: of each value the one in `top` counts; lists are values."""
    merged = dict(base.entries)
    for key, node in top.entries.items():
        below = merged.get(key)
        if isinstance(node, Table) and isinstance(below, Table):
            merged[key] = merge(below, node)
        else:
            merged[key] = node
    return top.with_entries(merged)


def merge_all(tables: Iterable[Table]) -> Table:
    """Return tables laid over each other, the first at the bottom."""
    return reduce(merge, tables)


def unwrapped(node: Node) -> object:
    """Return the bare values of a node, as a parser would have given them."""
    if isinstance(node, Table):
        return {key: unwrapped(entry) for key, entry in node.entries.items()}
    return cast("Value", node).value
