"""
The names that settings hold, for those who are about to type one.

They are read in a moment, without judging the rest: completion runs at each press of a key.
Nothing is written, not even a new machine's site id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.environment import read_environment
from config.sources import Sources
from config.tables import NOTHING, Table, merge_all
from config.toml_file import read_table, read_table_if_any
from config.views import LOCAL, STUDIO


@dataclass(frozen=True, slots=True)
class Names:
    """The names of sites, `local` and what only a project has among them, and of projects."""

    sites: frozenset[str] = frozenset()
    projects: frozenset[str] = frozenset()


def read_names(sources: Sources) -> Names:
    """Return the names that the sources hold; `SettingsError` where one cannot be read."""
    studio = read_table(sources.file) if sources.file else NOTHING
    below = merge_all((studio, read_table_if_any(sources.machine_file)))
    top = merge_all((below, read_environment(sources.environ, below)))
    if not top.entries:
        return Names()
    projects = top.table("projects").tables()
    sites = {STUDIO, LOCAL, *_own(top), *top.table("sites").tables()}
    sites = sites.union(*(project.table("sites").tables() for project in projects.values()))
    return Names(frozenset(sites), frozenset(projects))


def _own(top: Table) -> Iterator[str]:
    """Yield the machine's own site, from wherever the predecessor's key or ours may stand."""
    for table in (top.table("machine"), top, top.table("defaults"), top.table("config")):
        for key in ("site_id", "local_id"):
            if name := table.text(key):
                yield name
