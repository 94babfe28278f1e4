"""What a pass has found, counted: memory is bounded whatever there is. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from providers.base import Listed, Unlisted
from reactor.judging.merging import Stretch
from reactor.judging.survey import Survey
from reactor.judging.verdicts import Verdict

What = Literal["found", "missing", "truncated", "grown", "rotten", "doubtful", "busy"]

WHATS: tuple[What, ...] = ("found", "missing", "truncated", "grown", "rotten", "doubtful", "busy")
SHOWN = 10_000


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: a file's path as its document has it, and why it is one."""

    what: What
    project: str
    path: str
    why: str = ""


@dataclass(slots=True)
class Unknown:
    """Files that no document knows: all are counted, the first ones are kept."""

    files: int = 0
    size: int = 0
    shown: list[Listed] = field(default_factory=list[Listed])

    def add(self, found: Iterable[Listed]) -> None:
        """Count files, and keep them while there is room."""
        for file in found:
            self.files += 1
            self.size += file.facts.size
            if len(self.shown) < SHOWN:
                self.shown.append(file)

    def drop(self, known: Iterable[Listed]) -> None:
        """Forget files that some document knows after all."""
        gone = set(known)
        self.files -= len(gone)
        self.size -= sum(file.facts.size for file in gone)
        self.shown = [file for file in self.shown if file not in gone]


@dataclass(slots=True)
class Findings:
    """
    Counts of files looked at, and of differences; the first of each kind are kept.

    `unproved` are right as far as their size tells: nothing better is known of them. `marked`,
    `proved` (by their bytes, at last) and `reset` were written. `shut` are folders that could not be read, and `nameless` is how
    many names no document can hold, some of them as `examples`; `failures` say which roots failed.
    """

    files: int = 0
    size: int = 0
    right: int = 0
    unproved: int = 0
    marked: int = 0
    proved: int = 0
    reset: int = 0
    counts: Counter[What] = field(default_factory=Counter[What])
    shown: list[Finding] = field(default_factory=list[Finding])
    unknown: Unknown = field(default_factory=Unknown)
    shut: list[Unlisted] = field(default_factory=list[Unlisted])
    nameless: int = 0
    examples: list[Unlisted] = field(default_factory=list[Unlisted])
    failures: list[str] = field(default_factory=list[str])
    interrupted: bool = False

    def pass_by(self, stretch: Stretch) -> None:
        """Count what is plainly right, and what is unknown."""
        self.files += stretch.files
        self.size += stretch.size
        self.right += stretch.right
        self.unknown.add(stretch.unknown)

    def note(self, project: str, verdict: Verdict, *, deep: bool) -> None:
        """Count a verdict; `deep` ones on right files had to be proved by their bytes."""
        if verdict.word == "right":
            self.right += 1
            self.unproved += deep and verdict.look.proof is None
        else:
            self.add(Finding(what_of(verdict), project, verdict.meaning.path, verdict.reason))

    def add(self, finding: Finding) -> None:
        """Count a difference."""
        self.counts[finding.what] += 1
        if self.counts[finding.what] <= SHOWN:
            self.shown.append(finding)

    def count_written(self, verdict: Verdict) -> None:
        """Count what was written into documents."""
        match verdict.word:
            case "found":
                self.marked += 1
            case "right":
                self.proved += 1
            case _:
                self.reset += 1

    def leave_out(self, survey: Survey) -> None:
        """Count what could not be listed."""
        self.shut += survey.shut
        self.nameless += survey.left_out
        self.examples += survey.nameless

    def take_back(self, project: str, path: str) -> None:
        """Count a file as right that is no difference any more."""
        for finding in self.shown:
            if (finding.project, finding.path) == (project, path):
                self.shown.remove(finding)
                self.counts[finding.what] -= 1
                self.right += 1
                return

    def as_document(self) -> dict[str, Any]:
        """Return the counts, as a bookmark keeps them."""
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        unknown = {"files": self.unknown.files, "size": self.unknown.size}
        return {**numbers, "counts": dict(self.counts), "unknown": unknown}

    def go_on_from(self, kept: Mapping[str, Any]) -> None:
        """Take over the counts of a pass that was interrupted."""
        for name in _NUMBERS:
            setattr(self, name, kept[name])
        self.counts.update(kept["counts"])
        self.unknown.files, self.unknown.size = kept["unknown"]["files"], kept["unknown"]["size"]


_NUMBERS = ("files", "size", "right", "unproved", "marked", "proved", "reset")


def what_of(verdict: Verdict) -> What:
    """Return the kind of difference: of drifted files, whether their size or only their bytes differ."""
    facts, size = verdict.look.facts, verdict.meaning.variant.size
    match verdict.word:
        case "found" | "missing" | "doubtful":
            return verdict.word
        case _:
            if facts is None or size is None or facts.size == size:
                return "rotten"
            return "truncated" if facts.size < size else "grown"
