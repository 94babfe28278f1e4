"""
What operators ask of a representation's entries, as edits. Pure.

Each function returns only what is left to do: what it asks for twice is done once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from reactor.edits import FileEdit
from reactor.model import Entry, File, Representation

Chosen = Callable[[File, Entry], bool]

# A failure that is forgotten; `progress` is not an operator's to judge.
_TRIED = ("tries", "retry_at", "error", "last_failed_dt")


def pause_entries(representation: Representation, sites: Iterable[str]) -> list[FileEdit]:
    """Return the edits that pause what is wanted at some sites."""
    return [
        FileEdit(representation.ref(file), names, set={"paused": True})
        for file, names in _chosen(
            representation, sites, lambda f, e: _is_wanted(f, e) and not e.paused
        )
    ]


def resume_entries(representation: Representation, sites: Iterable[str]) -> list[FileEdit]:
    """Return the edits that end a pause: unset it, for OpenPype tests that `paused` exists."""
    return [
        FileEdit(representation.ref(file), names, "present", unset=("paused",))
        for file, names in _chosen(representation, sites, lambda _, e: e.paused)
    ]


def prioritise_entries(
    representation: Representation, sites: Iterable[str], priority: int
) -> list[FileEdit]:
    """Return the edits that give what is wanted at some sites a priority."""
    return [
        FileEdit(representation.ref(file), names, set={"priority": priority})
        for file, names in _chosen(
            representation, sites, lambda f, e: _is_wanted(f, e) and e.priority != priority
        )
    ]


def retry_entries(representation: Representation, sites: Iterable[str]) -> list[FileEdit]:
    """
    Return the edits that forget failed attempts at some sites: all tries are left again.

    What somebody changed in place is no failed attempt: trying would write over it.
    """

    def failed(file: File, entry: Entry) -> bool:
        return _is_wanted(file, entry) and entry.tries > 0 and not entry.drifted

    return [
        FileEdit(representation.ref(file), names, unset=_TRIED)
        for file, names in _chosen(representation, sites, failed)
    ]


def wanted_files(representation: Representation, sites: Iterable[str]) -> int:
    """Return how many files are wanted at some sites, in whichever state."""
    return len(_chosen(representation, sites, _is_wanted))


def _chosen(
    representation: Representation, sites: Iterable[str], chosen: Chosen
) -> list[tuple[File, frozenset[str]]]:
    """Return the files with entries of some sites that are chosen, and those entries' names."""
    meant = frozenset(sites)
    named = [
        (file, frozenset(e.name for e in file.entries if e.name in meant and chosen(file, e)))
        for file in representation.files
    ]
    return [(file, names) for file, names in named if names]


def _is_wanted(file: File, entry: Entry) -> bool:
    return not entry.available or entry.stale(file.hash)
