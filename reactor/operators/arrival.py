"""
Whether a representation is at a site, and if not, what each missing file waits for. Pure.

A file has failed for good when its tries are used up; one that nothing wants there does not
come either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reactor.events import Key
from reactor.model import File, Representation, Topology

FileState = Literal["waiting", "retrying", "paused", "failed", "unwanted", "gone"]
State = Literal["available", "waiting", "failed", "unwanted", "gone"]

_COMING: tuple[FileState, ...] = ("waiting", "retrying", "paused")


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is not there. `path` is "" where the whole representation is not."""

    key: Key
    path: str
    state: FileState
    error: str | None = None
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Arrival:
    """Of how many files which are missing."""

    files: int
    missing: tuple[Missing, ...]

    @property
    def state(self) -> State:
        """Return `waiting` as long as any missing file may come, else what keeps them away."""
        states = {missing.state for missing in self.missing}
        if not states:
            return "available"
        if not states.isdisjoint(_COMING):
            return "waiting"
        return "gone" if "gone" in states else "failed" if "failed" in states else "unwanted"

    @property
    def there(self) -> int:
        """Return how many files have arrived."""
        return self.files - sum(bool(missing.path) for missing in self.missing)


def arrival(key: Key, found: Representation | None, site: str, topology: Topology) -> Arrival:
    """Return what of one representation is at a site; None has no document."""
    if found is None:
        return Arrival(0, (Missing(key, "", "gone"),))
    if found.flaw:
        return Arrival(0, (Missing(key, "", "failed", found.flaw),))
    absent = [file for file in found.files if not file.available_at(site)]
    return Arrival(len(found.files), tuple(_missing(key, file, site, topology) for file in absent))


def together(arrivals: Iterable[Arrival]) -> Arrival:
    """Return several representations as one."""
    known = tuple(arrivals)
    missing = tuple(missing for one in known for missing in one.missing)
    return Arrival(sum(one.files for one in known), missing)


def _missing(key: Key, file: File, site: str, topology: Topology) -> Missing:
    path = file.path or f"file {file.position}"
    if file.flaw:
        return Missing(key, path, "failed", file.flaw)
    entry = file.at(site)
    if entry is None:
        return Missing(key, path, "waiting" if _is_asked_for(file, site, topology) else "unwanted")
    state: FileState = "waiting"
    if topology.failed(entry):
        state = "failed"
    elif entry.paused:
        state = "paused"
    elif entry.tries:
        state = "retrying"
    return Missing(key, path, state, entry.error, entry.tries)


def _is_asked_for(file: File, site: str, topology: Topology) -> bool:
    """Return whether a reactor adds the entry that is missing: the settings ask for it."""
    named = {entry.name for entry in file.entries}
    return site in topology.together((*topology.always, *(named & topology.known)))
