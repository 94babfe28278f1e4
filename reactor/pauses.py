"""What is paused above single entries: everything, a project, a site. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class Pause(NamedTuple):
    """What one pause covers; None means every project, or every site."""

    project: str | None
    site: str | None


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
        return any(
            pause.project in (None, project) and pause.site in (None, site)
            for pause in self._pauses
        )
