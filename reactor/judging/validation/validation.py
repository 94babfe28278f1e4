"""
One pass over the roots of a site: looked at, judged, and what follows written under claims.

What is proved is marked at once. What would be reset waits until the end: it is counted first,
and looked at again. Whatever ends the pass in between, the next one goes on where it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TypeVar

import anyio

from providers.base import Facts, Listed, Location, Marker, ProviderError
from reactor.judging.inspection import Inspection, Settled
from reactor.judging.inventory import Part
from reactor.judging.merging import Stretch
from reactor.judging.survey import Ground, Survey
from reactor.judging.validation.bookmark import Bookmark
from reactor.judging.validation.findings import Finding, Findings
from reactor.judging.validation.removals import Removals
from reactor.judging.verdicts import Verdict, edits_of
from reactor.watching.news import is_news

_TOGETHER, _TOGETHER_DEEP = 500, 32
_PAUSE_SECONDS = 5.0
_ROUNDS = 3

T = TypeVar("T")

_BUSY = "another process is at work there; run this again"


@dataclass(frozen=True, slots=True)
class Plot:
    """
    A ground with the marker of its root.

    Folders `inside` are roots of their own; `names` are those that documents may call roots by.
    """

    ground: Ground
    marker: Marker
    inside: tuple[str, ...] = ()
    names: frozenset[str] = frozenset(("", "work"))


@dataclass(frozen=True, slots=True)
class Shown:
    """Who is told how far a pass is, and for how many seconds it has to wait."""

    progress: Callable[[Findings], None]
    waiting: Callable[[float], None]


@dataclass(slots=True)
class Validation:
    """
    Validates plots of one site with the inspection of each project that is judged.

    Without a `bookmark` it is a dry run: nothing is written, claimed or remembered.
    """

    inspections: Mapping[str, Inspection]
    removals: Removals
    bookmark: Bookmark | None
    shown: Shown
    findings: Findings = field(default_factory=Findings)
    _pending: dict[str, dict[str, Facts | None]] = field(
        default_factory=dict[str, dict[str, "Facts | None"]], init=False
    )
    _spelled: set[str] = field(default_factory=set[str], init=False)
    _pause_at: float = field(default=0.0, init=False)

    async def run(self, plots: Sequence[Plot]) -> None:
        """
        Go through all plots; what a site does not let us do is told in `findings`.

        It may be cancelled at any moment: what is done stays done.
        """
        if self.bookmark and (kept := self.bookmark.kept):
            self.findings.go_on_from(kept["findings"])
            self.removals.go_on_from(kept["held"], kept["removals"], time.monotonic())
        self._pause_at = time.monotonic() + _PAUSE_SECONDS
        for plot in plots:
            try:
                await self._validate(plot)
            except ProviderError as error:
                self.findings.failures.append(str(error))
        try:
            await self._reset_held()
        except ProviderError as error:
            self.findings.failures.append(str(error))
        if self.bookmark and not self.findings.failures:
            await self.bookmark.remove()

    async def _validate(self, plot: Plot) -> None:
        after = self.bookmark.places.get(plot.marker.id, "") if self.bookmark else ""
        if after is None:
            return
        some = next(iter(self.inspections.values()))
        survey = Survey(some.desk.reader, plot.ground, some.depth, after)
        async with aclosing(survey.stretches()) as stretches:
            async for stretch in stretches:
                self._pass_by(plot, stretch)
                self.shown.progress(self.findings)
                if self._is_due(some):
                    await self._judge(plot)
                    await self._keep(plot, stretch.upto)
        await self._judge(plot)
        self.findings.leave_out(survey)
        await self._drop_known(plot)
        await self._keep(plot, None)

    def _pass_by(self, plot: Plot, stretch: Stretch) -> None:
        inside = tuple(f"{folder}/" for folder in plot.inside)
        stretch.unknown = [
            file
            for file in stretch.unknown
            if is_news(file.where.path) and not file.where.path.startswith(inside)
        ]
        self.findings.pass_by(stretch)
        for row, facts in stretch.doubts:
            project = plot.ground.parts[row.part].project
            self._pending.setdefault(project, {})[row.text] = facts

    def _is_due(self, inspection: Inspection) -> bool:
        most = _TOGETHER_DEEP if inspection.depth == "bytes" else _TOGETHER
        waiting = sum(map(len, self._pending.values()))
        return waiting >= most or time.monotonic() >= self._pause_at

    async def _keep(self, plot: Plot, after: str | None) -> None:
        self._pause_at = time.monotonic() + _PAUSE_SECONDS
        if self.bookmark:
            kept = {
                "findings": self.findings.as_document(),
                "removals": self.removals.count,
                "held": self.removals.held(),
            }
            await self.bookmark.put(plot.marker.id, after, kept)

    async def _judge(self, plot: Plot) -> None:
        """Judge what is doubtful, mark what is proved, and hold back what is to be reset."""
        pending, self._pending = self._pending, {}
        for project, seen in pending.items():
            inspection = self.inspections[project]
            for some in _portions([*seen]):
                verdicts = await inspection.assess(some, {path: seen[path] for path in some})
                for verdict in verdicts:
                    self.findings.note(project, verdict, deep=inspection.depth == "bytes")
                    if verdict.look.facts and not seen[verdict.meaning.path]:
                        self._spelled.add(plot.marker.key(verdict.meaning.where.path))
                    if _is_reset(inspection, verdict):
                        self.removals.add(project, verdict.meaning.path, time.monotonic())
                if self.bookmark:
                    await self._write(project, [v for v in verdicts if _is_good_news(v)])
        if self.removals.is_due:
            await self._reset_held()

    async def _reset_held(self) -> None:
        """Reset what is still not as it should be, once it was so for long enough."""
        ripe_at = self.removals.ripe_at()
        if self.bookmark is None or ripe_at is None:
            return
        if (seconds := ripe_at - time.monotonic()) > 0:
            self.shown.waiting(seconds)
            await anyio.sleep(seconds)
        for project, paths in self.removals.take().items():
            inspection = self.inspections[project]
            for some in _portions(paths):
                verdicts = await inspection.assess(some)
                for verdict in verdicts:
                    if verdict.word == "right":
                        self.findings.take_back(project, verdict.meaning.path)
                await self._write(project, [v for v in verdicts if _is_reset(inspection, v)])

    async def _write(self, project: str, verdicts: Sequence[Verdict]) -> None:
        """Write verdicts; two spellings of one place are written one after the other."""
        asked, written = list(verdicts), True
        for _ in range(_ROUNDS):
            if asked and written:
                busy, written = await self._settle(project, asked)
                asked = [verdict for verdict in asked if verdict.meaning.path in busy]
        for verdict in asked:
            self.findings.add(Finding("busy", project, verdict.meaning.path, _BUSY))

    async def _settle(self, project: str, verdicts: Sequence[Verdict]) -> tuple[set[str], bool]:
        """Write verdicts; return the paths that are busy, and whether anything was written."""
        inspection = self.inspections[project]
        settled = Settled((), ())
        with anyio.CancelScope(shield=True):  # claims are not left lying about
            settled = await inspection.settle(verdicts, inspection.site.policy.on_missing)
        for verdict in settled.written:
            self.findings.count_written(verdict)
        return set(settled.busy), bool(settled.written)

    async def _drop_known(self, plot: Plot) -> None:
        """Forget those unknown files that were published meanwhile, or are spelled otherwise."""
        shown = [f for f in self.findings.unknown.shown if f.where.root == plot.ground.root]
        known = {file for file in shown if plot.marker.key(file.where.path) in self._spelled}
        for some in _portions(shown):
            for part in plot.ground.parts:
                known |= await self._named(part, plot.names, some)
        self.findings.unknown.drop(known)
        self._spelled.clear()

    async def _named(
        self, part: Part, names: frozenset[str], files: Sequence[Listed]
    ) -> set[Listed]:
        """Return those files that a project's documents name by now."""
        called = names - part.names if part.others else part.names
        texts = {str(Location(name, file.where.path)): file for file in files for name in called}
        reader = next(iter(self.inspections.values())).desk.reader
        found = await reader.at_paths(part.project, [*texts])
        return {texts[file.path] for one in found for file in one.files}


def _is_good_news(verdict: Verdict) -> bool:
    return verdict.word in ("found", "right") and bool(edits_of(verdict, "report"))


def _is_reset(inspection: Inspection, verdict: Verdict) -> bool:
    on_missing = inspection.site.policy.on_missing
    return verdict.word in ("missing", "drifted") and bool(edits_of(verdict, on_missing))


def _portions(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + _TOGETHER] for start in range(0, len(items), _TOGETHER))
