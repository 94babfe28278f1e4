"""
Settings from environment variables: a few well-known ones, and `SITESYNC__SECTION__KEY`.

`SITESYNC__SITES__VENDOR__HOST` is `sites.vendor.host`. Upper and lower case are one, as
Windows has it: a name takes the case in which the other layers write it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping

from config.tables import KeyPath, Source, Table, node_of

_PREFIX = "SITESYNC__"

# The later of two for one key counts.
_WELL_KNOWN: Mapping[str, KeyPath] = {
    "OPENPYPE_LOCAL_ID": ("machine", "site_id"),
    "SITESYNC_SITE_ID": ("machine", "site_id"),
    "SITESYNC_MONGO_URI": ("mongo", "uri"),
}


def read_environment(environ: Mapping[str, str], below: Table) -> Table:
    """Return what the environment sets over `below`; an empty variable sets nothing."""
    root = Table((), Source("the environment"), {})
    for name, path in _named(environ, below):
        if environ.get(name):
            root = _with(root, path, Source(f"environment variable {name}"), environ[name])
    return root


def _named(environ: Mapping[str, str], below: Table) -> Iterable[tuple[str, KeyPath]]:
    yield from _WELL_KNOWN.items()
    for name in sorted(environ):
        if name.startswith(_PREFIX):
            yield name, _path(name.removeprefix(_PREFIX).split("__"), below)


def _path(parts: list[str], below: Table) -> KeyPath:
    path: list[str] = []
    for part in parts:
        known = {key.casefold(): key for key in below.entries}
        path.append(known.get(part.casefold(), part.lower()))
        below = below.table(path[-1])
    return tuple(path)


def _with(table: Table, path: KeyPath, source: Source, text: str) -> Table:
    """Return a table with one value set, however deep."""
    key, *rest = path
    written = (*table.written, key)
    if not rest:
        return table.with_entry(key, node_of(_value(text), source, written))
    inner = table.table(key)
    inner = Table(written, source, inner.entries)
    return table.with_entry(key, _with(inner, tuple(rest), source, text))


def _value(text: str) -> object:
    """Return a list or an inline table where the text is one in TOML, else the text itself."""
    if not text.startswith(("[", "{")):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
