"""
The predecessor's keys, put where ours stand, in each layer before layers are merged.

Its settings keep `retry_cnt`, `loop_delay`, `publish_site` and `local_id` beside `sites`,
or in a table `config`: both shapes are read. Aliases within a provider's own settings are
declared by that provider's model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from config.errors import dotted
from config.problems import Problems
from config.tables import Node, Table

_OF_PROJECTS = {
    "retry_cnt": "retry_count",
    "loop_delay": "reconcile_interval",
    "publish_site": "active_site",
}
_ALSO_ON_TOP = (*_OF_PROJECTS, "active_site", "remote_site", "always_accessible_on")
_TABLES = ("mongo", "machine", "limits", "sites", "defaults", "projects")


def canonical(layer: Table, problems: Problems) -> Table:
    """Return a layer with our keys only, and with tables wherever a table must be."""
    root = rename(layer, {"config": "defaults"}, problems)
    root = only_tables(root, problems, _TABLES)
    root = _moved(root, _ALSO_ON_TOP, "defaults", problems)
    root = _with_site_id(root, problems)
    root = _changed(root, "defaults", partial(rename, names=_OF_PROJECTS, problems=problems))
    root = _changed(root, "sites", partial(only_tables, problems=problems))
    return _changed(root, "projects", partial(_projects, problems=problems))


def _projects(projects: Table, problems: Problems) -> Table:
    return only_tables(projects, problems).each(partial(_project, problems=problems))


def _project(table: Table, problems: Problems) -> Table:
    project = only_tables(rename(table, _OF_PROJECTS, problems), problems, ("sites",))
    return _changed(project, "sites", partial(only_tables, problems=problems))


def _with_site_id(root: Table, problems: Problems) -> Table:
    """Return a layer with `local_id`, wherever it stood, as the machine's `site_id`."""
    nested = root.table("defaults").only(("local_id",)).entries
    root = _joined(root, nested, problems)
    root = _changed(root, "defaults", lambda table: table.without("local_id"))
    root = _moved(root, ("local_id",), "machine", problems)
    names = {"local_id": "site_id"}
    return _changed(root, "machine", partial(rename, names=names, problems=problems))


def _changed(table: Table, key: str, change: Callable[[Table], Table]) -> Table:
    """Return a table with the table under `key`, if there is one, changed."""
    if key not in table.entries:
        return table
    return table.with_entry(key, change(table.table(key)))


def _moved(root: Table, keys: Iterable[str], into: str, problems: Problems) -> Table:
    """Return a layer with some of its top-level keys moved into a table of it."""
    found = root.only(keys).entries
    if not found:
        return root
    target = _joined(root.table(into), found, problems)
    return root.without(*found).with_entry(into, target)


def _joined(table: Table, more: Mapping[str, Node], problems: Problems) -> Table:
    for key in more.keys() & table.entries.keys():
        _note_both(more[key], table.entries[key], problems)
    return table.with_entries({**table.entries, **more})


def only_tables(table: Table, problems: Problems, keys: Iterable[str] | None = None) -> Table:
    """Return a table without the values that stand where a table must (at `keys`, or anywhere)."""
    wanted = table.entries if keys is None else table.only(keys).entries
    wrong = {key: node for key, node in wanted.items() if not isinstance(node, Table)}
    for node in wrong.values():
        problems.add(node, "must be a table")
    return table.without(*wrong)


def rename(table: Table, names: Mapping[str, str], problems: Problems) -> Table:
    """Return a table with aliases replaced; an alias beside its own key is a problem."""
    renamed: dict[str, Node] = {}
    for key, node in table.entries.items():
        name = names.get(key, key)
        if name in renamed:
            _note_both(node, renamed[name], problems)
        renamed[name] = node
    return table.with_entries(renamed)


def _note_both(node: Node, other: Node, problems: Problems) -> None:
    problems.add(node, f"means the same as {dotted(other.written)}: leave one of the two out")
