"""Puts the story together: of one file, and of all files of a representation that share it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reactor.model import File, Representation
from reactor.story.entries import (
    available,
    entry_findings,
    entry_notes,
    resting,
    turn_priority,
    unseen_by_scans,
)
from reactor.story.finding import Finding, command, names, ordered, reason
from reactor.story.routes import (
    Route,
    best_of,
    movers_of,
    pause_findings,
    route_findings,
    routes_of,
)
from reactor.story.sights import look, sight_findings
from reactor.story.situation import Situation
from reactor.story.working import working


@dataclass(frozen=True, slots=True)
class Story:
    """What there is to say of one file, the deciding reason first."""

    file: File
    findings: tuple[Finding, ...]

    @property
    def is_available(self) -> bool:
        """Return whether the file is there: marked, and not seen to be missing."""
        return self.findings[0].level == "ok"

    @property
    def shared(self) -> tuple[tuple[str, str, str], ...]:
        """Return what is the same for all files with this story."""
        below = self.file.path.partition("}/")[2]

        def plain(text: str) -> str:
            return text.replace(below, "…") if below else text

        return tuple((one.code, plain(one.text), plain(one.todo)) for one in self.findings)


@dataclass(frozen=True, slots=True)
class Chapter:
    """Files with the same story: one example of them, how many they are, and their bytes."""

    story: Story
    files: int
    size: int


def flaw_of(representation: Representation) -> Finding | None:
    """Return what is wrong with a whole document."""
    if representation.flaw:
        text = f"The document cannot be served: {representation.flaw}"
        return reason("flaw", text, "publish it again")
    if not representation.files:
        return reason("flaw", "The document names no files.", "publish it again")
    return None


def chapters_of(representation: Representation, case: Situation) -> list[Chapter]:
    """Return all stories of a representation's files: those that are not there first."""
    alike: dict[object, list[Story]] = {}
    for file in representation.files:
        story = tell(file, case)
        alike.setdefault(story.shared, []).append(story)
    chapters = [Chapter(same[0], len(same), _size(same)) for same in alike.values()]
    return sorted(chapters, key=lambda one: (one.story.is_available, -one.files))


def tell(file: File, case: Situation) -> Story:
    """Return the story of one file."""
    if file.available_at(case.site):
        found = [*available(file, case), *look(file, case)]
    else:
        found = _missing(file, case)
    return Story(file, ordered([*found, *entry_notes(file, case)]))


def _missing(file: File, case: Situation) -> list[Finding]:
    """Return why a file is not there: at least one reason."""
    working_on_it = list(working(file, case))
    if any(one.code == "running" for one in working_on_it):
        return working_on_it
    if file.flaw:
        text = f"The document describes it wrongly: {file.flaw}"
        retry = command("retry", "--representation", case.representation, "--site", case.site)
        todo = f"mend that, then: {retry}"
        return [*working_on_it, reason("flaw", text, todo)]
    routes = routes_of(file, case)
    found = [*working_on_it, *_obstacles(file, case, routes)]
    if not any(one.level == "reason" for one in found):
        found.append(_queued(file, case, routes))
    return found


def _obstacles(file: File, case: Situation, routes: list[Route]) -> Iterator[Finding]:
    yield from _switched_off(case)
    yield from entry_findings(file, case)
    yield from pause_findings(routes, case)
    yield from route_findings(file, case, routes)
    yield from sight_findings(file, case, decides=not movers_of(routes, case))
    yield from resting(file, case)
    yield from unseen_by_scans(file, case)


def _switched_off(case: Situation) -> Iterator[Finding]:
    if not case.rules.studio_enabled:
        text = "Syncing is turned off for the whole studio."
        yield reason("studio_off", text, "set enabled = true at the top of the settings")
    if not case.rules.project_enabled:
        text = f"Syncing is turned off for project {case.project!r}."
        todo = f"set enabled = true under [projects.{case.project}] or [defaults]"
        yield reason("project_off", text, todo)


def _queued(file: File, case: Situation, routes: list[Route]) -> Finding:
    """Return that nothing stands in a file's way."""
    movers = movers_of(routes, case)
    hosts = dict.fromkeys(f"{one.reactor.host} (pid {one.reactor.pid})" for one in movers)
    choices = [choice for one in movers for choice in best_of(one, file, case)]
    sources = list(dict.fromkeys(choice.name for choice in choices))
    first = f", {sources[0]!r} first ({choices[0].why})" if len(sources) > 1 else ""
    front = command("prioritise", case.representation, case.site, 90)
    return reason(
        "queued",
        f"It waits for its turn: the reactor on {' or '.join(hosts)} brings it from "
        f"{names(sources)}{first}; nothing stands in its way.",
        f"to move it to the front: {front}; if it stays, look there with {command('doctor')}",
        priority=turn_priority(file, case),
    )


def _size(stories: Iterable[Story]) -> int:
    return sum(story.file.size or 0 for story in stories)
