"""
What follows from what happened below the roots of one site: looked at, judged, written.

Good news is written at once. Bad news (a file is gone, or is another one) waits for a while and
is looked at again: publishers rename whole folders away for seconds (DESIGN §3).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import anyio
import structlog

from providers.base import Facts
from reactor.judging.inspection import Inspection, Settled
from reactor.judging.verdicts import Verdict
from reactor.model import Policy
from reactor.watching.guard import Guard

log = structlog.stdlib.get_logger()

TOGETHER = 500
_BUSY_SECONDS = 1.0
_AWAITED_SECONDS = 2.0
_TOLD = 10_000

Place = tuple[str, str]  # project, and path as documents have it


@dataclass(slots=True)
class _Held:
    """A verdict that waits; `since` is when it was first passed."""

    verdict: Verdict
    due: float


@dataclass(slots=True)
class Sightings:
    """
    The verdicts on one site's files, of all projects that this process serves.

    `inspection_of` is None for projects that have nothing at this site.
    """

    label: str
    policy: Policy
    inspection_of: Callable[[str], Inspection | None]
    guard: Guard = field(init=False)
    _held: dict[Place, list[_Held]] = field(default_factory=dict[Place, list[_Held]], init=False)
    _busy: dict[Place, float] = field(default_factory=dict[Place, float], init=False)
    _told: dict[tuple[Place, Facts | None], None] = field(
        default_factory=dict[tuple[Place, Facts | None], None], init=False
    )

    def __post_init__(self) -> None:
        self.guard = Guard(self.policy.deletion_limit)

    async def look(
        self, project: str, paths: Sequence[str], seen: dict[str, Facts | None] | None = None
    ) -> set[str]:
        """
        Look at documents' paths, and return those that a document names.

        Raises `SiteError` or `PyMongoError`; what was held of these paths is then still held.
        """
        inspection = self.inspection_of(project)
        if inspection is None:
            return set()
        unseen = [path for path in paths if not (seen or {}).get(path)]
        awaited = await inspection.worked_on(unseen) if unseen else set[str]()
        verdicts = await inspection.assess(paths, seen)
        for path in paths:
            self._busy.pop((project, path), None)
        self._await(project, awaited.difference(verdict.meaning.path for verdict in verdicts))
        self._sort(project, paths, verdicts)
        await self._settle(project, [v for v in verdicts if v.word == "found"])
        return {verdict.meaning.path for verdict in verdicts}

    async def expect(self, project: str) -> None:
        """
        Look later at what somebody brings just now, for as long as they do.

        It may have been taken away again before documents say that it is there.
        """
        if inspection := self.inspection_of(project):
            self._await(project, await inspection.under_way())

    def _await(self, project: str, paths: Iterable[str]) -> None:
        later = time.monotonic() + _AWAITED_SECONDS
        self._busy.update({(project, path): later for path in paths})

    def _sort(self, project: str, paths: Iterable[str], verdicts: Iterable[Verdict]) -> None:
        """Hold bad news, go on holding what is the same as before, and forget the rest."""
        now = time.monotonic()
        before = {path: self._held.pop((project, path), []) for path in paths}
        for verdict in verdicts:
            place = (project, verdict.meaning.path)
            if verdict.word in ("missing", "drifted"):
                same = [h for h in before[verdict.meaning.path] if _is_same(h.verdict, verdict)]
                due = same[0].due if same else now + self.policy.vanish_grace
                self._held.setdefault(place, []).append(_Held(verdict, due))
            elif verdict.word == "doubtful":
                self._tell(place, verdict)

    def bad_due(self) -> dict[str, list[Verdict]]:
        """Return bad news by project that was held for long enough, as far as the guard allows it."""
        now = time.monotonic()
        missing = sum(h.verdict.word == "missing" for held in self._held.values() for h in held)
        if not self.guard.sees(missing, now):
            self._forget_missing()
        due: dict[str, list[Verdict]] = {}
        for (project, _), held in self._due(now):
            due.setdefault(project, []).extend(h.verdict for h in held)
        return due

    async def believe(self, project: str, verdicts: Sequence[Verdict]) -> None:
        """Write down what follows from bad news of one project."""
        self.guard.believes(sum(v.word == "missing" for v in verdicts), time.monotonic())
        if self.policy.on_missing == "report":
            for verdict in verdicts:
                self._tell((project, verdict.meaning.path), verdict)
        for start in range(0, len(verdicts), TOGETHER):
            await self._settle(project, verdicts[start : start + TOGETHER])

    def busy_due(self) -> dict[str, list[str]]:
        """Return paths by project at which something else went on, to be looked at again."""
        now = time.monotonic()
        due: dict[str, list[str]] = {}
        for project, path in [place for place, at in self._busy.items() if at <= now]:
            del self._busy[project, path]
            due.setdefault(project, []).append(path)
        return due

    def next_time(self) -> float | None:
        """Return when something is due, in seconds of the monotonic clock."""
        times = [held.due for each in self._held.values() for held in each]
        return min([*times, *self._busy.values()], default=None)

    @property
    def settled(self) -> bool:
        """Return whether nothing is held, or disbelieved: there is too much of it."""
        return not self._held and not self._busy and not self.guard.is_tripped

    def forget(self) -> None:
        """Forget what is held: the site is not what it was, and nothing can be believed."""
        self._held.clear()
        self._busy.clear()

    def forget_project(self, project: str) -> None:
        """Forget what is held of one project: its documents cannot be read."""
        for held in (self._held, self._busy):
            for place in [place for place in held if place[0] == project]:
                del held[place]

    def _due(self, now: float) -> list[tuple[Place, list[_Held]]]:
        due = [(place, held) for place, held in self._held.items() if held[0].due <= now]
        for place, _ in due:
            del self._held[place]
        return due

    def _forget_missing(self) -> None:
        for place, held in [*self._held.items()]:
            kept = [one for one in held if one.verdict.word != "missing"]
            if kept:
                self._held[place] = kept
            else:
                del self._held[place]

    async def _settle(self, project: str, verdicts: Sequence[Verdict]) -> None:
        inspection = self.inspection_of(project)
        if inspection is None or not verdicts:
            return
        settled = Settled((), ())
        with anyio.CancelScope(shield=True):  # claims are not left lying about
            settled = await inspection.settle(verdicts, self.policy.on_missing)
        again = time.monotonic() + _BUSY_SECONDS
        anew = (*settled.busy, *settled.changed)
        self._busy.update({(project, path): again for path in anew})
        for verdict in settled.written:
            self._tell((project, verdict.meaning.path), verdict)

    def _tell(self, place: Place, verdict: Verdict) -> None:
        """Log a verdict, once as long as nothing changes there."""
        said = (place, verdict.look.facts)
        if said in self._told and verdict.word == "doubtful":
            return
        self._told[said] = None
        if len(self._told) > _TOLD:
            del self._told[next(iter(self._told))]
        level = log.info if verdict.word == "found" else log.warning
        level("seen", what=verdict.word, site=self.label, path=place[1], why=verdict.reason or None)


def _is_same(one: Verdict, other: Verdict) -> bool:
    same = one.word == other.word and one.meaning == other.meaning
    return same and one.look.facts == other.look.facts
