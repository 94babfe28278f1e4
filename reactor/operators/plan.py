"""
What would be done, without doing it: the handlers' commands as steps that people can read. Pure.

Edits are carried out on the model, so that a plan tells of the transfers that follow from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reactor.commands import (
    AddEntries,
    Command,
    Edit,
    FailEntries,
    MigrateSites,
    NoteError,
    RequestTransfer,
    ResetStale,
)
from reactor.events import ChangeEvent, Key, Origin
from reactor.model import Entry, File, Representation, Topology, Work

Handler = Callable[[ChangeEvent, Topology], Iterable[Command]]
What = Literal[
    "bring", "prove", "add entry", "reset entry", "migrate entries", "stop entry", "note error"
]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would be done; `size` is what would be moved, `why` where it comes from."""

    project: str
    site: str
    path: str
    what: What
    size: int = 0
    why: str = ""


class Plan:
    """Turns representations into steps, as one process would take them."""

    def __init__(self, topology: Topology, handlers: Sequence[Handler]) -> None:
        self._topology = topology
        self._handlers = handlers
        self._planned: set[Work] = set()

    def edits(self, representation: Representation) -> Iterator[Step]:
        """Yield what would be written into a document, and the transfers that follow from it."""
        before = self._commands(representation)
        edits = [one for one in before if isinstance(one, Edit)]
        for edit in edits:
            if not isinstance(edit, NoteError):
                yield from self._edit_steps(edit, representation)
        requested = set(_works(before))
        after = mended(representation, edits)
        yield from self._transfers(after, set(_works(self._commands(after))) - requested)

    def transfers(self, representation: Representation) -> Iterator[Step]:
        """Yield the transfers of what a document wants as it is, and why others cannot be."""
        commands = self._commands(representation)
        yield from self._transfers(representation, set(_works(commands)))
        for note in commands:
            if isinstance(note, NoteError):
                yield from self._edit_steps(note, representation)

    def _commands(self, representation: Representation) -> list[Command]:
        key = Key(representation.project, representation.id)
        event = ChangeEvent(key, Origin.SCAN, representation)
        return [one for handler in self._handlers for one in handler(event, self._topology)]

    def _edit_steps(self, edit: Edit, representation: Representation) -> Iterator[Step]:
        file = _file_of(edit, representation)
        sites, what, why = _told(edit, file)
        for site in sites:
            yield Step(representation.project, site, file.path, what, why=why)

    def _transfers(self, representation: Representation, works: set[Work]) -> Iterator[Step]:
        """Yield transfers that were not planned yet: several documents may name one path."""
        for file in representation.files:
            for work in sorted(work for work in works if work.path == file.path):
                if work not in self._planned:
                    self._planned.add(work)
                    yield self._transfer(file, work)

    def _transfer(self, file: File, work: Work) -> Step:
        group = self._topology.alternatives_of(work.site)
        sources = self._topology.sources(file, work.site)
        brought = [site for site in sources if site not in group]
        if brought:
            size = file.size or 0
            return Step(*work[:2], work.path, "bring", size, f"from {brought[0]}")
        return Step(*work[:2], work.path, "prove", why=f"it is marked at {', '.join(sources)}")


def mended(representation: Representation, edits: Iterable[Edit]) -> Representation:
    """Return a representation as it is after some edits."""
    files = {file.position: file for file in representation.files}
    for edit in edits:
        position = edit.file.position
        files[position] = _mended(files[position], edit)
    return replace(representation, files=tuple(files.values()))


def _mended(file: File, edit: Edit) -> File:
    entries = file.entries
    match edit:
        case AddEntries(_, sites):
            entries += tuple(Entry(site) for site in sorted(sites))
        case ResetStale(_, sites):
            entries = tuple(_reset(entry, file, sites) for entry in entries)
        case FailEntries(_, sites, error, tries):
            failed = (
                replace(e, error=error, tries=tries) if e.name in sites else e for e in entries
            )
            entries = tuple(failed)
        case NoteError(_, sites, error):
            entries = tuple(replace(e, error=error) if e.name in sites else e for e in entries)
        case MigrateSites():
            pass
    return replace(file, entries=entries, legacy=False)


def _reset(entry: Entry, file: File, sites: frozenset[str]) -> Entry:
    if entry.name not in sites or not entry.stale(file.hash):
        return entry
    return Entry(entry.name, paused=entry.paused, priority=entry.priority)


def _file_of(edit: Edit, representation: Representation) -> File:
    return next(file for file in representation.files if file.position == edit.file.position)


def _told(edit: Edit, file: File) -> tuple[list[str], What, str]:
    """Return at which sites an edit does what, and why."""
    match edit:
        case AddEntries(_, sites):
            return sorted(sites), "add entry", "a setting asks for it"
        case ResetStale(_, sites):
            return sorted(sites), "reset entry", "its file was published anew since"
        case FailEntries(_, sites, error, _):
            return sorted(sites), "stop entry", error
        case NoteError(_, sites, error):
            return sorted(sites), "note error", error
        case MigrateSites():
            names = sorted({entry.name for entry in file.entries})
            return names, "migrate entries", "they have the old mapping shape"


def _works(commands: Iterable[Command]) -> Iterator[Work]:
    return (one.work for one in commands if isinstance(one, RequestTransfer))
