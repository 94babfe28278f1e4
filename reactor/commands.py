"""
What handlers ask for, as values.

Edits change a document, each guarded so that carrying it out late or twice is harmless; the
other commands speak to the scheduler and the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from reactor.events import Key
from reactor.model import FileRef, Work


@dataclass(frozen=True, slots=True)
class AddEntries:
    """Add wanted entries for sites, where the file has none of that name."""

    file: FileRef
    sites: frozenset[str]


@dataclass(frozen=True, slots=True)
class ResetStale:
    """Make entries wanted that were made from another `hash`; priority and pause stay."""

    file: FileRef
    sites: frozenset[str]


@dataclass(frozen=True, slots=True)
class MigrateSites:
    """Turn the old mapping shape of `sites` into the list."""

    file: FileRef


@dataclass(frozen=True, slots=True)
class FailEntries:
    """Write an error into wanted entries and use up their tries."""

    file: FileRef
    sites: frozenset[str]
    error: str
    tries: int


@dataclass(frozen=True, slots=True)
class NoteError:
    """Write into wanted entries why nothing can come there now; no try is counted."""

    file: FileRef
    sites: frozenset[str]
    error: str


@dataclass(frozen=True, slots=True)
class RequestTransfer:
    """Bring a file to a site. `retry_at` is the database's time before which not to start."""

    work: Work
    priority: int | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StopTransfer:
    """Stop work at the next chunk, its journal kept; whoever else wants it asks again."""

    work: Work


@dataclass(frozen=True, slots=True)
class KeepTransfers:
    """
    What runs for this document alone, and is not in `works`, is no longer wanted.

    This is said of the elements at `positions` (None: of all).
    """

    key: Key
    works: frozenset[Work]
    positions: frozenset[int] | None = None


@dataclass(frozen=True, slots=True)
class Complain:
    """Say once, in the log, what is wrong with a document."""

    key: Key
    message: str


Edit = AddEntries | ResetStale | MigrateSites | FailEntries | NoteError
Command = Edit | RequestTransfer | StopTransfer | KeepTransfers | Complain
