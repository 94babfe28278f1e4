"""
What is to be said of bytes at a place, and what is to be written about them. Pure.

Only proof makes an entry available, and only a look that found nothing, or other bytes, makes
one wanted again (DESIGN §5, §9).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from providers.base import Facts, Location
from reactor import edits
from reactor.documents import published_mtime_ns
from reactor.edits import FileEdit
from reactor.jobs import Variant
from reactor.model import (
    DRIFTED,
    Entry,
    File,
    FileRef,
    OnMissing,
    Representation,
    Topology,
)
from reactor.proof import Proof

Named = tuple[FileRef, File]
Word = Literal["right", "found", "missing", "drifted", "doubtful"]


@dataclass(frozen=True, slots=True)
class Meaning:
    """
    What some documents mean by the path of one place, and what they say of it there.

    `marked`: they say that the bytes are there. `wanted`: they want them to be. Neither:
    they do not speak of that site. `verified`: wherever they are, their checksum is known.
    """

    path: str
    where: Location
    group: frozenset[str]
    variant: Variant
    marked: bool
    wanted: bool
    verified: bool
    retry_count: int


@dataclass(frozen=True, slots=True)
class Look:
    """
    What a look at the place has found: facts (None: nothing is there), and what they prove.

    `wrong` says why the bytes cannot be the published ones, or why none could be looked at.
    """

    facts: Facts | None
    proof: Proof | None = None
    wrong: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What follows for one meaning of one place.

    right: marked, and nothing speaks against it. found: proved to be there, and not marked.
    missing: marked, and not there. drifted: marked, and other bytes are there. doubtful:
    something is there that may be the published file, and nothing proves it; or no look at it
    was possible.
    """

    word: Word
    meaning: Meaning
    look: Look
    reason: str = ""


def named_files(found: Iterable[Representation]) -> dict[str, list[Named]]:
    """Return all files of representations by their paths; those with a flaw are left out."""
    named: dict[str, list[Named]] = {}
    for representation in found:
        for file in representation.files:
            if not file.flaw:
                named.setdefault(file.path, []).append((representation.ref(file), file))
    return named


def meanings_of(
    where: Location, site: str, named: Iterable[Named], topology: Topology
) -> list[Meaning]:
    """Return what documents mean by one path at a site: a meaning for each `hash` and size."""
    group = topology.alternatives_of(site)
    by_bytes: dict[tuple[str | None, int | None], list[Named]] = {}
    for ref, file in named:
        by_bytes.setdefault((file.hash, file.size), []).append((ref, file))
    return [_meaning(where, group, files, topology) for files in by_bytes.values()]


def _meaning(
    where: Location,
    group: frozenset[str],
    named: Sequence[Named],
    topology: Topology,
) -> Meaning:
    files = [file for _, file in named]
    holders = sorted({name for file in files for name in file.holders})
    entries = [entry for file in files for name in group if (entry := file.at(name))]
    first = files[0]
    variant = Variant(
        hash=first.hash,
        size=first.size,
        mtime_ns=published_mtime_ns(first.hash),
        files=tuple(ref for ref, _ in named),
        sources=tuple(name for name in holders if name not in group),
        witnesses=tuple(name for name in holders if name in group),
        checksums=frozenset[str]().union(*(file.proved_checksums for file in files)),
    )
    return Meaning(
        path=first.path,
        where=where,
        group=group,
        variant=variant,
        marked=bool(variant.witnesses),
        wanted=any(not file.available_at(entry.name) for file in files for entry in entries),
        verified=all(_is_verified(entry) for entry in entries if entry.available),
        retry_count=topology.retry_count,
    )


def _is_verified(entry: Entry) -> bool:
    return entry.verified == "checksum" and bool(entry.checksum and entry.source_hash)


def judge(meaning: Meaning, look: Look) -> Verdict | None:
    """Return what follows from a look; None where nothing does: nothing is there, as is said."""
    if look.facts is None:
        return _of_nothing(meaning, look)
    wrong = look.wrong or _wrong_size(meaning, look.facts)
    if wrong:
        word: Word = "drifted" if meaning.marked else "doubtful"
        return Verdict(word, meaning, look, wrong)
    if look.proof:
        settled = meaning.marked and not meaning.wanted
        return Verdict("right" if settled else "found", meaning, look)
    if meaning.marked and not meaning.wanted:
        return Verdict("right", meaning, look, "its size is that of the document")
    return Verdict(
        "doubtful",
        meaning,
        look,
        "it has the published size, but neither its time nor a checksum proves it",
    )


def _of_nothing(meaning: Meaning, look: Look) -> Verdict | None:
    if look.wrong:
        return Verdict("doubtful", meaning, look, look.wrong)
    if meaning.marked:
        return Verdict("missing", meaning, look, "it is marked here but is not there")
    return None


def _wrong_size(meaning: Meaning, facts: Facts) -> str | None:
    size = meaning.variant.size
    if size is None or facts.size == size:
        return None
    return f"it has {facts.size} bytes, and {size} were published"


def edits_of(verdict: Verdict, on_missing: OnMissing) -> list[FileEdit]:
    """Return what to write, the whole group of alternatives at a time; nothing to report only."""
    return [
        edit for ref in verdict.meaning.variant.files for edit in _edits(verdict, ref, on_missing)
    ]


def _edits(verdict: Verdict, ref: FileRef, on_missing: OnMissing) -> Iterator[FileEdit]:
    group, look = verdict.meaning.group, verdict.look
    is_proved = look.proof is not None and look.proof.checksum is not None
    if verdict.word in ("found", "right") and is_proved and not verdict.meaning.verified:
        yield edits.verification(ref, group, _proved(look))
    match verdict.word, on_missing:
        case "found", _:
            yield FileEdit(ref, add=group)
            yield edits.completion(ref, group, _proved(look))
        case "missing", "restore":
            yield edits.reset(ref, group)
        case "missing", "forget":
            yield edits.removal(ref, group)
            yield edits.reset(ref, group)  # what is left is the only copy that was known
        case "drifted", "restore" | "forget":
            yield edits.drifted(ref, group, _told(verdict), verdict.meaning.retry_count)
        case _:
            return


def _told(verdict: Verdict) -> str:
    return (
        f"{DRIFTED}: {verdict.reason}; publish it again, or bring "
        "the published bytes back with `sitesync site reset`"
    )


def _proved(look: Look) -> Mapping[str, Any]:
    proved: dict[str, Any] = {}
    if look.proof:
        proved["verified"] = look.proof.verified
        if look.proof.checksum:
            proved["checksum"] = look.proof.checksum
    if look.facts and look.facts.id:
        proved["id"] = look.facts.id
    return proved
