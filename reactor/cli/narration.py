"""The answer of `why`, as people and as scripts read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import click
from bson import ObjectId
from rich.filesize import decimal

from reactor.attempts import Attempt
from reactor.cli.amounts import duration_text, files_text, progress_text
from reactor.cli.shell import plain_cell
from reactor.cli.status import reactor_json
from reactor.presence import Amount, SeenReactor
from reactor.sourcing import Why
from reactor.story.finding import Finding
from reactor.story.telling import Chapter

MOST_CHAPTERS = 20
MOST_BEFORE = 10_000


@dataclass(frozen=True, slots=True)
class Told:
    """
    A chapter, the last attempts of its example, and how many files are served before that.

    These are counted up to `MOST_BEFORE`, and only where nothing else stands in its way.
    """

    chapter: Chapter
    attempts: tuple[Attempt, ...]
    before: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Why a representation is, or is not, at a site. The first chapters are `told` in full."""

    project: str
    representation: object
    site: str
    flaw: Finding | None
    told: tuple[Told, ...]
    chapters: tuple[Chapter, ...]
    reactors: tuple[SeenReactor, ...]

    @property
    def files(self) -> int:
        """Return how many files the representation has."""
        return sum(chapter.files for chapter in self.chapters)

    @property
    def available(self) -> int:
        """Return how many of its files are there."""
        return sum(one.files for one in self.chapters if one.story.is_available)

    @property
    def is_available(self) -> bool:
        """Return whether all of them are there."""
        return self.flaw is None and self.available == self.files

    @property
    def published(self) -> str | None:
        """Return when the document was made, where its `_id` tells."""
        if not isinstance(self.representation, ObjectId):
            return None
        return f"{self.representation.generation_time:%Y-%m-%d %H:%M:%S} UTC"


def show(answer: Answer) -> None:
    """Print the answer for people. What is quoted from documents cannot steer the terminal."""
    for line in _lines(answer):
        click.echo(plain_cell(line))


def _lines(answer: Answer) -> Iterator[str]:
    yield _summary(answer)
    if answer.published:
        yield f"Published {answer.published}, as its _id tells."
    if answer.flaw:
        yield from _finding_lines(answer.flaw)
    for told in answer.told:
        yield from _chapter_lines(told)
    if rest := answer.chapters[len(answer.told) :]:
        yield ""
        yield f"{files_text(sum(one.files for one in rest))} more, with {len(rest)} other stories."
    if not answer.is_available:
        yield ""
        yield from _reactor_lines(answer)


def _summary(answer: Answer) -> str:
    name = f"Representation {answer.representation} of project {answer.project!r}"
    if answer.is_available:
        return f"{name} is at {answer.site!r}."
    if answer.files <= 1 or not answer.available:
        return f"{name} is not at {answer.site!r}."
    return f"{name} is not whole at {answer.site!r}: {answer.available} of {answer.files} files are there."


def _chapter_lines(told: Told) -> Iterator[str]:
    chapter = told.chapter
    file = chapter.story.file
    example = "for example " if chapter.files > 1 else ""
    size = f" ({decimal(file.size)})" if file.size is not None else ""
    yield ""
    yield f"{files_text(chapter.files)}: {example}{file.path or f'files[{file.position}]'}{size}"
    for finding in chapter.story.findings:
        yield from _finding_lines(finding)
    if told.before is not None:
        yield f"  {_before(told.before)}"
    if told.attempts:
        yield "  The last attempts:"
        yield from (f"    {_attempt_text(attempt)}" for attempt in told.attempts)


def _finding_lines(finding: Finding) -> Iterator[str]:
    label = "Note: " if finding.level == "note" else ""
    details = ", ".join(_details(finding.facts))
    text = f"{finding.text.removesuffix('.')} ({details})." if details else finding.text
    yield f"  {label}{text}"
    if finding.todo:
        yield f"  -> {finding.todo}"


def _details(facts: Mapping[str, object]) -> Iterator[str]:
    """Yield what differs from file to file, in words."""
    known = cast("Mapping[str, Any]", facts)
    if "found_size" in known:
        yield f"{known['found_size']} bytes instead of {known['size']}"
    if "done" in known:
        yield progress_text(Amount(known["done"], known["size"], known["rate"]))
    for key, (before, after) in _PHRASES.items():
        if key in known:
            value = known[key]
            said = duration_text(value) if key.endswith("_seconds") else str(value)
            yield f"{before}{said}{after}"


_PHRASES = {
    "since": ("since ", ""),
    "checksum": ("", ""),
    "retry_in_seconds": ("in ", ""),
    "last_failed": ("last failed ", ""),
    "priority": ("priority ", ""),
    "by": ("by ", ""),
    "host": ("one ran on ", ""),
    "ago_seconds": ("", " ago"),
    "seen_ago_seconds": ("last seen ", " ago"),
    "taken_ago_seconds": ("begun ", " ago"),
    "lease_seconds": ("its lease ends in ", ""),
}


def _before(count: int) -> str:
    if count == 0:
        return "No other file of this project waits before it."
    more = "at least " if count >= MOST_BEFORE else ""
    return f"Before it come {more}{files_text(count)} of this project."


def _attempt_text(attempt: Attempt) -> str:
    chosen = f" ({attempt.chosen})" if attempt.chosen and attempt.chosen != Why.ONLY else ""
    source = f" from {attempt.source!r}{chosen}" if attempt.source else ""
    how = f", verified by {attempt.verified}" if attempt.verified else ""
    why = f": {attempt.error}" if attempt.error else ""
    took = f"{attempt.ms:.0f} ms" if attempt.ms < 10_000 else duration_text(attempt.ms / 1000)
    return (
        f"{duration_text(attempt.ago)} ago: {attempt.outcome} at {attempt.site!r}{source}, "
        f"{decimal(attempt.sent)} sent of {decimal(attempt.bytes)} in {took}{how}{why}"
    )


def _reactor_lines(answer: Answer) -> Iterator[str]:
    if not answer.reactors:
        yield "No reactor runs anywhere."
    for one in answer.reactors:
        seen = f"seen {duration_text(one.seen)} ago"
        yield f"A reactor of {one.site!r} runs on {one.host} (pid {one.pid}, {seen})."


def answer_json(answer: Answer) -> dict[str, Any]:
    """Return the answer as one object with stable keys."""
    return {
        "project": answer.project,
        "representation": answer.representation,
        "site": answer.site,
        "available": answer.is_available,
        "files": answer.files,
        "available_files": answer.available,
        "published": answer.published,
        "flaw": asdict(answer.flaw) if answer.flaw else None,
        "stories": [_told_json(told) for told in answer.told],
        "more_stories": len(answer.chapters) - len(answer.told),
        "reactors": [reactor_json(reactor) for reactor in answer.reactors],
    }


def _told_json(told: Told) -> dict[str, Any]:
    story = told.chapter.story
    return {
        "files": told.chapter.files,
        "bytes": told.chapter.size,
        "example": story.file.path,
        "available": story.is_available,
        "findings": [asdict(finding) for finding in story.findings],
        "files_before": told.before,
        "attempts": [asdict(attempt) for attempt in told.attempts],
    }
