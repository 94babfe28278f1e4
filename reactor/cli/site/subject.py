"""Which site and which files `site add`, `reset` and `remove` are about."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import click

from config.models import Project, Settings
from reactor.cli.scopes import require_projects, require_sites
from reactor.cli.targets import find_representation
from reactor.database import Client
from reactor.model import groups_of
from reactor.operators.sweep import Scope
from reactor.presence import read_presence
from reactor.reader import Reader


@dataclass(frozen=True, slots=True)
class Meant:
    """The site and the files as the command line names them."""

    site: str
    representation: str | None
    project: str | None
    everything: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """
    One site of one project, and which of the project's files are meant.

    `group` are the site and its alternatives: they hold the same bytes.
    """

    view: Project
    site: str
    group: frozenset[str]
    scope: Scope

    @property
    def sites_text(self) -> str:
        """Return the site with its alternatives, for people."""
        others = sorted(self.group - {self.site})
        return f"{self.site} (with its alternatives: {', '.join(others)})" if others else self.site


def about_files(command: Callable[..., None]) -> Callable[..., None]:
    """Hand a command its SITE, and the files that it is about, as one `Meant`."""

    @functools.wraps(command)
    def called(
        *,
        site: str,
        representation: str | None,
        project: str | None,
        everything: bool,
        **rest: object,
    ) -> None:
        if everything == (representation is not None):
            raise click.UsageError("say which files: --representation ID, or --project P --all")
        if everything and project is None:
            raise click.UsageError("say of which project: --project P --all")
        command(meant=Meant(site, representation, project, everything), **rest)

    return called


async def find_subject(client: Client, settings: Settings, meant: Meant) -> Subject:
    """Return what is meant; `SettingsError` names what is nearest to a wrong name."""
    projects = (meant.project,) if meant.project else ()
    if meant.representation is None:
        (project,) = await require_projects(client, settings, projects)
        scope = Scope(project)
    else:
        target = await find_representation(client, settings, meant.representation, projects)
        scope = Scope(target.project, (target.representation,))
    view = settings.project(scope.project)
    site = await _site(client, settings, view, meant.site)
    group = groups_of(view.alternatives()).get(site, frozenset((site,)))
    return Subject(view, site, group, scope)


async def _site(client: Client, settings: Settings, view: Project, name: str) -> str:
    """Return a site that settings, reactors or documents know; `local` is this machine's."""
    presence = await read_presence(client[settings.mongo.state_database])
    known = {*view.sites, *(reactor.site for reactor in presence.reactors)}
    if name not in known and await Reader(client[settings.mongo.database]).knows(view.name, name):
        known.add(name)
    (site,) = require_sites(settings, (name,), known)
    return site
