"""What is paused above single entries: everything, a project, a site. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Pause(NamedTuple):
    """
    What one pause covers; None means every project, or every site.

    `by` tells who paused and `ago` how many seconds ago, where that is known and asked for.
    """

    project: str | None
    site: str | None
    by: str | None = None
    ago: float | None = None

    def covers(self, project: str, site: str) -> bool:
        """Return whether transfers of a project to a site are paused by this one."""
        return self.project in (None, project) and self.site in (None, site)

    def overlaps(self, other: Pause) -> bool:
        """Return whether both may cover the same transfer."""
        pairs = (self.project, other.project), (self.site, other.site)
        return all(None in pair or pair[0] == pair[1] for pair in pairs)


class Pauses:
    """The pauses that are in force."""

    def __init__(self) -> None:
        self._pauses: frozenset[Pause] = frozenset()

    def replace(self, documents: Iterable[Mapping[str, Any]]) -> bool:
        """Take over what the database holds; return whether anything was resumed."""
        before = self._pauses
        self._pauses = frozenset(Pause(raw.get("project"), raw.get("site")) for raw in documents)
        return bool(before - self._pauses)

    def covers(self, project: str, site: str) -> bool:
        """Return whether transfers of a project to a site are paused."""
        return any(pause.covers(project, site) for pause in self._pauses)
