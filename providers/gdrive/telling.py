"""What is odd in somebody's Drive, told once in the log: it goes on, but a person should look."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from providers.gdrive.entries import Entry

log = structlog.stdlib.get_logger()


class Telling:
    """Remembers what was told, for one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._told: set[frozenset[str]] = set()

    def duplicates(self, what: str, path: str, chosen: Entry, entries: Sequence[Entry]) -> None:
        """Tell that several files or folders have one name, and which of them is used."""
        ids = frozenset(entry.id for entry in entries)
        if len(ids) < 2 or ids in self._told:
            return
        self._told.add(ids)
        log.warning(
            "several of one name in Drive; rename or remove all but one",
            site=self._site,
            what=what,
            path=path,
            used=chosen.id,
            others=sorted(ids - {chosen.id}),
        )
