"""
What adding, resetting or removing a site means for one file: an edit, nothing, or a refusal. Pure.

A site stands for its whole group of alternatives: they hold the same bytes, so all of them are
changed in one write.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from reactor import queries
from reactor.commands import AddEntries
from reactor.edits import FileEdit, file_edit, removal, reset_copy
from reactor.model import Entry, File, Representation
from reactor.scanning import IS_PLAIN
from reactor.updates import addition


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a file stays as it is; `why` reads on after the file's name."""

    why: str


Verdict = FileEdit | Refused | None


@dataclass(frozen=True, slots=True)
class Wish:
    """
    What an operator wishes for the files of some representations.

    Files for which `condition` holds on the server are asked of `judge`. For those of which
    `plain` holds the wish is `update`: they need not be read. All others are as they should be.
    """

    condition: queries.Expression
    judge: Callable[[Representation, File], Verdict]
    plain: queries.Expression = field(default_factory=lambda: {"$literal": False})
    update: Sequence[queries.Stage] = ()


def adding(group: frozenset[str]) -> Wish:
    """Return the wish that a group of sites has an entry in every file."""

    def judge(representation: Representation, file: File) -> Verdict:
        missing = group - file.names
        if not missing:
            return None
        if file.flaw:
            return Refused(file.flaw)
        return file_edit(AddEntries(representation.ref(file), missing))

    lacking = queries.lacking_any(group)
    plain = {"$and": [lacking, IS_PLAIN]}
    odd = {"$and": [lacking, {"$not": [IS_PLAIN]}]}
    return Wish(odd, judge, plain, addition(group, plain))


def resetting(site: str, group: frozenset[str]) -> Wish:
    """Return the wish that a group's bytes are proved or sent again; failures are forgotten."""

    def judge(representation: Representation, file: File) -> Verdict:
        if not any(_is_to_reset(entry) for entry in file.entries if entry.name in group):
            return None
        if has_only_copy(file, group):
            return Refused(
                f"the only copy that documents know of is at {site!r}: there is nothing to send "
                f"it again from; `sitesync validate --site {site}` looks at its bytes"
            )
        return reset_copy(representation.ref(file), group)

    return Wish(queries.naming_any(group), judge)


def removing(site: str, group: frozenset[str]) -> Wish:
    """Return the wish that a group has no entries."""

    def judge(representation: Representation, file: File) -> Verdict:
        if not group & file.names:
            return None
        if has_only_copy(file, group):
            return Refused(
                f"the only copy that documents know of is at {site!r}: bring the file to another "
                "site first"
            )
        return removal(representation.ref(file), group)

    return Wish(queries.naming_any(group), judge)


def has_only_copy(file: File, sites: frozenset[str]) -> bool:
    """Return whether the file is available at some of the sites, and nowhere else."""
    return bool(file.holders) and file.holders <= sites


def _is_to_reset(entry: Entry) -> bool:
    """Return whether an entry says more than that the file is wanted."""
    proofs = (entry.available, entry.id, entry.checksum, entry.verified, entry.source_hash)
    troubles = (entry.error, entry.tries, entry.retry_at, entry.progress is not None)
    return any((*proofs, *troubles))
