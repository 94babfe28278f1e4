"""`sitesync why`: the whole story of one representation at one site, and what to do next."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from config.errors import SettingsError
from config.models import Project, Settings
from reactor import backlog
from reactor.attempts import last_attempts
from reactor.cli.commands import command
from reactor.cli.compose import open_database, open_sites
from reactor.cli.evidence import Reach, look_at, rules_of
from reactor.cli.narration import MOST_BEFORE, MOST_CHAPTERS, Answer, Told, answer_json, show
from reactor.cli.scopes import require_sites
from reactor.cli.shell import (
    DONE,
    FAILED,
    Shell,
    pass_shell,
    print_json,
    run_async,
)
from reactor.cli.targets import Target, find_representation
from reactor.clock import DatabaseClock
from reactor.database import Client
from reactor.documents import parse_representation
from reactor.model import Representation
from reactor.presence import Document, Presence, read_presence
from reactor.story.entries import turn_priority
from reactor.story.situation import Sight, Situation, moments_of
from reactor.story.telling import Chapter, chapters_of, flaw_of

_MOST_ATTEMPTS = 3


@command("why")
@pass_shell
def why(
    shell: Shell,
    representation: str,
    site: str,
    projects: tuple[str, ...],
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """
    Tell why a representation is, or is not, at a site, and what to do next.

    REPRESENTATION is its _id, or the path of one of its files. Everything is looked at: the
    settings, the document, pauses, who works on it, the last attempts, which reactors run,
    and the site itself if this machine reaches it. Files with the same story are told
    together. Nothing is changed. Exit code 0 if all of it is there, else 1.

    \b
    sitesync why 64f1c0ffee64f1c0ffee64f1 vendor
    sitesync why /mnt/projects/Show/shots/x/x_v003.1001.exr vendor --json
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    answer = run_async(lambda: _ask(settings, representation, site, projects))
    if as_json:
        print_json(answer_json(answer))
    else:
        show(answer)
    sys.exit(DONE if answer.is_available else FAILED)


async def _ask(settings: Settings, text: str, site: str, projects: tuple[str, ...]) -> Answer:
    async with open_database(settings) as client:
        target = await find_representation(client, settings, text, projects)
        inquiry = _Inquiry(client, settings, target, await _document(client, settings, target))
        return await inquiry.answer(site)


async def _document(client: Client, settings: Settings, target: Target) -> Document:
    collection = client[settings.mongo.database][target.project]
    found = await collection.find_one({"_id": target.representation}, {"files": 1})
    if found is None:
        raise SettingsError([f"representation {target.representation} was removed just now"])
    return found


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """One document, and where to look for what is to be known about it."""

    client: Client
    settings: Settings
    target: Target
    document: Document

    async def answer(self, asked: str) -> Answer:
        """Return the story of the document at a site; `SettingsError` if there is no such site."""
        state = self.client[self.settings.mongo.state_database]
        representation = parse_representation(self.target.project, self.document)
        presence = await read_presence(state)
        names = frozenset(entry.name for file in representation.files for entry in file.entries)
        names |= {reactor.site for reactor in presence.reactors}
        (site,) = require_sites(self.settings, [asked], names.union(self._project.sites))
        case = await self._situation(representation, presence, site, names)
        chapters = chapters_of(representation, case)
        told = await self._told(case, chapters[:MOST_CHAPTERS])
        return Answer(
            project=self.target.project,
            representation=self.target.representation,
            site=site,
            flaw=flaw_of(representation),
            told=told,
            chapters=tuple(chapters),
            reactors=tuple(presence.alive),
        )

    @property
    def _project(self) -> Project:
        return self.settings.project(self.target.project)

    async def _situation(
        self, representation: Representation, presence: Presence, site: str, names: frozenset[str]
    ) -> Situation:
        clock = DatabaseClock()
        await clock.ask(self.client)
        async with open_sites(self.settings) as (sites, problems):
            reach = Reach(self.settings, self._project, sites, problems)
            running = {reactor.site for reactor in presence.alive}
            rules = rules_of(reach, names.union(self._project.sites, (site,)), running)
            there = reach.find(site)
            sight = await look_at(there, site, representation) if there else Sight()
        return Situation(
            site=site,
            representation=self.target.representation,
            rules=rules,
            presence=presence,
            now=clock.now(),
            sight=sight,
            moments=moments_of(self.document, site),
        )

    async def _told(self, case: Situation, chapters: Sequence[Chapter]) -> tuple[Told, ...]:
        state = self.client[self.settings.mongo.state_database]
        paths = {chapter.story.file.path for chapter in chapters}
        attempts = await last_attempts(state, case.project, case.group, paths, _MOST_ATTEMPTS)
        return tuple(
            [
                Told(
                    chapter,
                    tuple(attempts.get(chapter.story.file.path, ())),
                    await self._before(case, chapter),
                )
                for chapter in chapters
            ]
        )

    async def _before(self, case: Situation, chapter: Chapter) -> int | None:
        """Return how many of the project's files are served before an example that is queued."""
        if chapter.story.findings[0].code != "queued":
            return None
        file = chapter.story.file
        turn = backlog.Turn(turn_priority(file, case), case.representation, file.position)
        asked = backlog.before(case.site, case.view.retry_count, turn, MOST_BEFORE)
        collection = self.client[self.settings.mongo.database][case.project]
        counted = await (await collection.aggregate(asked)).to_list()
        return counted[0]["files"] if counted else 0
