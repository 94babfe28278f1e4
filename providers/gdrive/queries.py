"""
The language of `q`, as far as it is used here. Pure.

Google reads `and` and `or` from left to right: everything stands in brackets. It does not look
at case where names are compared: callers do.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from providers.gdrive.entries import FOLDER

SHARED_WITH_ME = "sharedWithMe = true"
_IS_FOLDER = f"mimeType = '{FOLDER}'"
_THERE = "trashed = false"


def quoted(text: str) -> str:
    """Return a text as a query holds it."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def inside(folders: Collection[str]) -> str:
    """Return the condition for what lies in one of some folders."""
    return _any(f"{quoted(folder)} in parents" for folder in sorted(folders))


def named(names: Collection[str]) -> str:
    """Return the condition for what has one of some names, in any case."""
    return _any(f"name = {quoted(name)}" for name in sorted(names))


def children(folders: Collection[str]) -> str:
    """Return the query for all that lies in some folders."""
    return f"{inside(folders)} and {_THERE}"


def folders_named(name: str, where: str) -> str:
    """Return the query for the folders of a name that meet a further condition."""
    return f"{where} and {named([name])} and {_IS_FOLDER} and {_THERE}"


def files_named(wanted: Iterable[tuple[Collection[str], Collection[str]]]) -> str:
    """Return the query for files by folders and names, of several such pairs together."""
    pairs = (f"({inside(folders)} and {named(names)})" for folders, names in wanted)
    return f"{_any(pairs)} and {_THERE}"


def _any(conditions: Iterable[str]) -> str:
    return f"({' or '.join(conditions)})"
