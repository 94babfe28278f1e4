"""
What may be done to a file's entries, as values. Pure.

`reactor.updates` makes one update a document of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from reactor.commands import (
    AddEntries,
    Edit,
    FailEntries,
    MigrateSites,
    NoteError,
    ResetStale,
)
from reactor.model import FileRef, source_hash

# Unset when an entry becomes wanted again, or available.
PROOFS = ("created_dt", "checksum", "verified", "source_hash", "id")
TROUBLES = ("progress", "error", "tries", "last_failed_dt", "retry_at")

Guard = Literal["wanted", "stale", "present", "available"]


@dataclass(frozen=True, slots=True)
class FileEdit:
    """
    What to do to one file's entries of `sites`, where `guard` holds for them.

    `stamp` sets `created_dt` to the database's time; `failed_for` counts a failure and
    sets `retry_at` so many milliseconds ahead. `add` are names to add where absent. `remove`
    takes entries out; with `keep_last` nothing happens where `sites` hold the only copy that
    documents know of.
    """

    file: FileRef
    sites: frozenset[str] = frozenset()
    guard: Guard = "wanted"
    set: Mapping[str, Any] = field(default_factory=dict[str, Any])
    unset: tuple[str, ...] = ()
    stamp: bool = False
    failed_for: int | None = None
    add: frozenset[str] = frozenset()
    remove: bool = False
    keep_last: bool = False


def file_edit(edit: Edit) -> FileEdit:
    """Return the file edit that carries out a handler's command."""
    match edit:
        case AddEntries(file, sites):
            return FileEdit(file, add=sites)
        case ResetStale(file, sites):
            return FileEdit(file, sites, "stale", unset=PROOFS + TROUBLES)
        case MigrateSites(file):
            return FileEdit(file)
        case FailEntries(file, sites, error, tries):
            return stopped(file, sites, error, tries)
        case NoteError(file, sites, error):
            return noted(file, sites, error)


def completion(file: FileRef, sites: frozenset[str], facts: Mapping[str, Any]) -> FileEdit:
    """Return the edit that makes entries available: a whole group's, in one write."""
    made_for = {"source_hash": source_hash(file.hash)}
    return FileEdit(
        file,
        sites,
        set={**facts, **made_for},
        unset=(*TROUBLES, "paused", "checksum"),  # another proof's checksum must not stay
        stamp=True,
        add=sites,
    )


def failure(file: FileRef, sites: frozenset[str], error: str, retry_ms: int) -> FileEdit:
    """Return the edit that counts one failed attempt."""
    return FileEdit(file, sites, set={"error": error}, unset=("progress",), failed_for=retry_ms)


def stopped(file: FileRef, sites: frozenset[str], error: str, tries: int) -> FileEdit:
    """Return the edit that uses up all tries: another attempt would fail the same way."""
    return FileEdit(
        file, sites, set={"error": error, "tries": tries}, unset=("progress", "retry_at")
    )


def noted(file: FileRef, sites: frozenset[str], error: str) -> FileEdit:
    """Return the edit that tells why nothing can come: the file is not to blame, no try counts."""
    return FileEdit(file, sites, set={"error": error}, unset=("progress",))


def reset(file: FileRef, sites: frozenset[str], error: str | None = None) -> FileEdit:
    """Return the edit that makes a whole group wanted, with the reason if there is one."""
    told = {"error": error} if error else {}
    return FileEdit(file, sites, "present", set=told, unset=PROOFS + TROUBLES)


def drifted(file: FileRef, sites: frozenset[str], error: str, tries: int) -> FileEdit:
    """Return the edit for other bytes than the published: no copy, no source, not overwritten."""
    told = {"error": error, "tries": tries}
    return FileEdit(file, sites, "present", set=told, unset=PROOFS + TROUBLES)


def reset_copy(file: FileRef, sites: frozenset[str]) -> FileEdit:
    """Return the edit that makes a whole group wanted, where another site has the file."""
    return replace(reset(file, sites), keep_last=True)


def removal(file: FileRef, sites: frozenset[str]) -> FileEdit:
    """Return the edit that takes a whole group's entries out, but never those of the only copy."""
    return FileEdit(file, sites, "present", remove=True, keep_last=True)


def verification(file: FileRef, sites: frozenset[str], facts: Mapping[str, Any]) -> FileEdit:
    """Return the edit that notes what was proved of entries that are available already."""
    made_for = {"source_hash": source_hash(file.hash)}
    return FileEdit(file, sites, "available", set={**facts, **made_for})


def progress(file: FileRef, sites: frozenset[str], done: float) -> FileEdit:
    """Return the edit that shows how far a transfer is."""
    return FileEdit(file, sites, set={"progress": round(done, 3)})


def by_document(edits: Iterable[FileEdit]) -> list[tuple[tuple[str, object], list[list[FileEdit]]]]:
    """
    Return edits grouped by (project, document), in rounds of at most one edit a file.

    Two edits of one file in one batch are rare; they are carried out one after the other.
    """
    documents: dict[tuple[str, object], list[dict[int, FileEdit]]] = {}
    for edit in edits:
        rounds = documents.setdefault((edit.file.project, edit.file.representation), [])
        for done in rounds:
            if edit.file.position not in done:
                done[edit.file.position] = edit
                break
        else:
            rounds.append({edit.file.position: edit})
    return [(key, [list(done.values()) for done in rounds]) for key, rounds in documents.items()]
