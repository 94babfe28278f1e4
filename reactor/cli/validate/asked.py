"""What `validate` was asked for."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass

from config.errors import SettingsError
from config.models import Settings
from reactor.cli.scopes import require_projects, require_sites
from reactor.database import Client
from reactor.judging.inspection import Depth
from reactor.reader import Reader


@dataclass(frozen=True, slots=True)
class Asked:
    """A site, projects (none: all that are enabled), and how to go about it."""

    site: str
    projects: tuple[str, ...]
    checksum: bool
    dry_run: bool
    confirmed: bool

    @property
    def depth(self) -> Depth:
        """Return what convinces of a copy that is marked."""
        return "bytes" if self.checksum else "size"

    @property
    def name(self) -> str:
        """Return what an interrupted pass is found by."""
        return json.dumps([self.site, *sorted(self.projects)], ensure_ascii=False)

    @property
    def manner(self) -> str:
        """Return what must be the same for an interrupted pass to be gone on with."""
        return f"checksum={self.checksum} confirmed={self.confirmed}"


def asking(command: Callable[..., None]) -> Callable[..., None]:
    """Hand a command its options, as one `Asked`."""

    @functools.wraps(command)
    def called(
        *,
        site: str,
        projects: tuple[str, ...],
        checksum: bool,
        dry_run: bool,
        confirm_removals: bool,
        **rest: object,
    ) -> None:
        command(asked=Asked(site, projects, checksum, dry_run, confirm_removals), **rest)

    return called


async def require(client: Client, settings: Settings, asked: Asked) -> tuple[str, list[str]]:
    """
    Return the site, with `local` as this machine's own, and all projects that there are.

    `SettingsError` names what is nearest to a wrong name.
    """
    reader = Reader(client[settings.mongo.database])
    await require_projects(client, settings, asked.projects)
    there = await reader.projects()
    known = {site for name in there for site in settings.project(name).sites}
    if asked.site not in known | {*settings.sites, "local"}:
        for project in asked.projects or there:
            if await reader.knows(project, asked.site):
                raise SettingsError([_without_settings(asked.site, project)])
    (site,) = require_sites(settings, (asked.site,), known)
    return site, there


def _without_settings(site: str, project: str) -> str:
    return (
        f"documents of project {project!r} name the site {site!r}, but the settings do not: "
        f"add [sites.{site}] with its provider and root to validate it"
    )
