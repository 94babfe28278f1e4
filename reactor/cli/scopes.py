"""Which projects and sites a reading command is asked about."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from config.errors import SettingsError, nearest
from config.models import Project, Settings
from config.views import LOCAL
from reactor.database import Client
from reactor.model import groups_of
from reactor.presence import Presence, read_presence
from reactor.reader import Reader
from reactor.standing import Scope


@dataclass(frozen=True, slots=True)
class Asked:
    """The projects and sites that were named; none means all."""

    projects: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()


async def look(
    client: Client, settings: Settings, asked: Asked
) -> tuple[Presence, tuple[Scope, ...]]:
    """
    Return who works, and each site of each project that is asked about.

    Sites are those of the settings, and the own sites of machines that ran lately.
    `SettingsError` names what there is not, and what may have been meant.
    """
    presence = await read_presence(client[settings.mongo.state_database])
    names = await require_projects(client, settings, asked.projects)
    projects = [settings.project(name) for name in names]
    if not asked.projects:
        projects = [project for project in projects if project.enabled]
    seen = {reactor.site for reactor in presence.reactors}
    sites = require_sites(settings, asked.sites, seen.union(*(one.sites for one in projects)))
    scopes = [scope for project in projects for scope in _scopes(project, seen)]
    return presence, tuple(scope for scope in scopes if not sites or scope.site in sites)


async def require_projects(client: Client, settings: Settings, names: Sequence[str]) -> list[str]:
    """Return the named projects, or all there are; `SettingsError` names the nearest to a wrong one."""
    there = await Reader(client[settings.mongo.database]).projects()
    _require("project", names, there)
    return list(names or there)


def require_sites(
    settings: Settings, names: Iterable[str], also: Iterable[str] = ()
) -> frozenset[str]:
    """
    Return the named sites, with `local` as the machine's own site.

    Sites of the settings are known, and `also` others; `SettingsError` names the nearest.
    """
    sites = frozenset(settings.machine.site_id if name == LOCAL else name for name in names)
    _require("site", sites, {*settings.sites, *also})
    return sites


def _scopes(project: Project, seen: Collection[str]) -> Iterable[Scope]:
    groups = groups_of(project.alternatives())
    for site in sorted({*project.sites, *seen}):
        yield Scope(project.name, site, groups.get(site, frozenset((site,))), project.retry_count)


def _require(kind: str, names: Iterable[str], known: Collection[str]) -> None:
    wrong = [
        f"there is no {kind} {name!r}{nearest(name, known)}" for name in names if name not in known
    ]
    if wrong:
        raise SettingsError(wrong)
