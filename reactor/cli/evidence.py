"""What `why` goes by: the settings seen from every own site, and a look at the site itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

import anyio

from config.models import Project, Settings
from providers.base import Facts, Location, ProviderError, SiteError
from reactor.cli.compose import topology_of_site
from reactor.documents import PathError, parse_path
from reactor.model import Representation
from reactor.sites import Site, Sites
from reactor.story.situation import Rules, Sight, Trouble

_MOST_FILES = 500
_AT_ONCE = 16
_SECONDS = 15.0
_NOT_LOOKED_AT = f"only the first {_MOST_FILES} files are looked at, for {_SECONDS:.0f} s at most"


@dataclass(frozen=True, slots=True)
class Reach:
    """What this machine reaches of one project's sites, and by label why it does not the others."""

    settings: Settings
    project: Project
    sites: Sites
    problems: Mapping[str, str]

    def label(self, name: str) -> str:
        """Return how reactors call a site: by the project, too, where that has its own word."""
        shared = self.project.sites.get(name) == self.settings.sites.get(name)
        return name if shared else f"{name}@{self.project.name}"

    def problem(self, name: str) -> str | None:
        """Return why this machine does not serve a site."""
        return self.problems.get(self.label(name))

    def find(self, name: str) -> Site | None:
        """Return a site as the project sees it, or None where it is not served from here."""
        return None if self.problem(name) else self.sites.find(self.project.name, name)


def rules_of(reach: Reach, owns: Iterable[str], running: Collection[str]) -> Rules:
    """
    Return what the settings say of a project, as reactors of some own sites would go by it.

    Other machines are taken to reach every site that is set up and turned on, and whoever is
    `running` to reach its own.
    """
    settings, project = reach.settings, reach.project
    here = settings.machine.site_id
    spoilt = {name for name, site in project.sites.items() if site.problem or not site.enabled}
    reached = frozenset(n for n, site in project.sites.items() if site.root and n not in spoilt)
    if here not in running and reach.find(here) is None:
        spoilt.add(here)
    return Rules(
        own=here,
        studio_enabled=settings.enabled,
        project_enabled=settings.projects.get(project.name, settings.defaults).enabled,
        active_site=project.active_site,
        remote_site=project.remote_site,
        reached=frozenset(name for name in project.sites if reach.find(name)),
        problems={name: why for name in project.sites if (why := reach.problem(name))},
        views={
            own: topology_of_site(project, own, reached | ({own} - spoilt))
            for own in sorted({here, *owns})
        },
        labels={name: reach.label(name) for name in project.sites},
    )


async def look_at(site: Site, name: str, representation: Representation) -> Sight:
    """Return what is there of the files that a document marks at a site, within some seconds."""
    look = _Look(site)
    marked: dict[str, Location] = {}
    roots: set[str] = set()
    for file in representation.files:
        try:
            where = Location(*parse_path(file.path))
        except PathError:
            continue
        roots.add(where.root)
        if file.available_at(name):
            marked[file.path] = where
    look.failures = dict.fromkeys(marked, _NOT_LOOKED_AT)
    with anyio.move_on_after(_SECONDS):
        await look.at_roots(roots)
        await look.at_files(dict(islice(marked.items(), _MOST_FILES)))
    return look.sight


@dataclass(slots=True)
class _Look:
    """A look at one site. `failures` tell of what it has not come to, too."""

    site: Site
    roots: dict[str, Trouble] = field(default_factory=dict[str, Trouble])
    files: dict[str, Facts | None] = field(default_factory=dict[str, Facts | None])
    failures: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def sight(self) -> Sight:
        """Return what was seen."""
        return Sight(self.roots, self.files, self.failures)

    async def at_roots(self, roots: Iterable[str]) -> None:
        """Ask for the marker of each root."""
        waiting = Trouble("unreachable", f"it did not answer within {_SECONDS:.0f} s")
        self.roots = dict.fromkeys(roots, waiting)
        for root in [*self.roots]:
            trouble = await self._trouble(root)
            if trouble is None:
                del self.roots[root]
            else:
                self.roots[root] = trouble

    async def _trouble(self, root: str) -> Trouble | None:
        try:
            await self.site.marker(root)
        except SiteError as error:
            if error.kind == "marker":
                return Trouble("no_marker", str(error))
            return Trouble("unreachable", f"{error.kind}: {error}")
        except ProviderError as error:
            return Trouble("unreachable", str(error))
        return None

    async def at_files(self, marked: dict[str, Location]) -> None:
        """Ask for each file below a root that is served."""
        limit = anyio.CapacityLimiter(_AT_ONCE)
        async with anyio.create_task_group() as together:
            for path, where in marked.items():
                if where.root not in self.roots:
                    together.start_soon(self._at_file, path, where, limit)

    async def _at_file(self, path: str, where: Location, limit: anyio.CapacityLimiter) -> None:
        async with limit:
            try:
                self.files[path] = await self.site.provider.facts(where)
                del self.failures[path]
            except ProviderError as error:
                self.failures[path] = str(error)
