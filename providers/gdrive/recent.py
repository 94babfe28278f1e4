"""
What this process changed lately: Google's listings are behind its writes, at times by seconds.

For a while after a change, what a listing tells of that file is believed only if it is of the
version that the change made, or of a later one; else the file itself is asked for.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from providers.gdrive.entries import Entry

_SECONDS = 120.0
_MOST = 50_000

Place = tuple[str, str]  # a folder's id, and a name in it


@dataclass(frozen=True, slots=True)
class Doubt:
    """Of what a listing told of one name: what is believed, and which ids to ask for."""

    believed: tuple[Entry, ...]
    asked: frozenset[str]


class Recent:
    """The last changes, by id and by place."""

    def __init__(self) -> None:
        self._versions: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._ids: dict[Place, set[str]] = {}
        self._places: dict[str, Place] = {}

    def note(self, entry: Entry) -> None:
        """Take note of a file as an answer to a change told it."""
        for parent in entry.parents[:1]:
            self._places[entry.id] = parent, entry.name
            self._ids.setdefault((parent, entry.name), set()).add(entry.id)
        self._versions[entry.id] = time.monotonic(), entry.version
        self._versions.move_to_end(entry.id)
        if len(self._versions) > _MOST:
            self._drop(next(iter(self._versions)))

    def doubt(self, places: Iterable[Place], listed: Iterable[Entry]) -> Doubt:
        """Return what to believe of a listing of some places that are one name."""
        self._forget_old()
        entries = {entry.id: entry for entry in listed}
        known = set[str]().union(*(self._ids.get(place, ()) for place in places))
        asked = {
            each for each in known | entries.keys() if self._is_behind(entries.get(each), each)
        }
        believed = tuple(entry for entry in entries.values() if entry.id not in asked)
        return Doubt(believed, frozenset(asked))

    def _is_behind(self, entry: Entry | None, file_id: str) -> bool:
        known = self._versions.get(file_id)
        return known is not None and (entry is None or entry.version < known[1])

    def _forget_old(self) -> None:
        long_ago = time.monotonic() - _SECONDS
        while self._versions:
            file_id, (since, _) = next(iter(self._versions.items()))
            if since > long_ago:
                return
            self._drop(file_id)

    def _drop(self, file_id: str) -> None:
        del self._versions[file_id]
        place = self._places.pop(file_id, None)
        if place is not None and (ids := self._ids.get(place)):
            ids.discard(file_id)
            if not ids:
                del self._ids[place]
