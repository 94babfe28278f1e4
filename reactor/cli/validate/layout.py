"""Which roots a pass goes through, and which projects mean something by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.models import Settings
from providers.base import Marker, ProviderError
from reactor.cli.compose import topology_of_site
from reactor.judging.desk import Desk
from reactor.judging.inspection import Depth, Inspection
from reactor.judging.inventory import Part, folders_of
from reactor.judging.places import Places
from reactor.judging.survey import Ground
from reactor.judging.validation.validation import Plot
from reactor.model import Topology
from reactor.sites import Site, Sites


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of this process, and why some sites are out of its reach."""

    settings: Settings
    desk: Desk
    sites: Sites
    problems: Mapping[str, str]


@dataclass(slots=True)
class Layout:
    """
    The plots of one site, and the inspection of each project that is judged.

    A root is one plot, however many projects and names it has. `failures` say what is left out.
    """

    around: Surroundings
    site: str
    depth: Depth
    inspections: dict[str, Inspection] = field(default_factory=dict[str, Inspection])
    failures: list[str] = field(default_factory=list[str])
    _plots: dict[str, Plot] = field(default_factory=dict[str, Plot], init=False)

    async def add(self, project: str, *, judged: bool) -> None:
        """Add what a project means by the site; without `judged`, its files are only known."""
        site = self.around.sites.find(project, self.site)
        if site is None:
            self._fail(self._problem(project), judged=judged)
            return
        topology = self._topology(project)
        places = Places(project, site, frozenset(site.roots))
        try:
            await places.mark()
        except ProviderError as error:
            self._fail(str(error), judged=judged)
            return
        group = topology.alternatives_of(self.site) if judged else frozenset[str]()
        for marker, named in _by_marker(places, site):
            part = Part.of(project, site.roots, named, group)
            self._add(marker, named[0], site, part)
        if judged:
            desk, sites = self.around.desk, self.around.sites
            self.inspections[project] = Inspection(desk, sites, topology, places, self.depth)

    async def plots(self, *, narrowed: bool) -> list[Plot]:
        """
        Return the plots in which a judged project has something to say.

        With `narrowed`, where others share a root, only the folders that those projects use.
        """
        found = [plot for plot in self._plots.values() if any(p.group for p in plot.ground.parts)]
        if not narrowed:
            return found
        return [one for plot in found if (one := await self._narrowed(plot))]

    async def _narrowed(self, plot: Plot) -> Plot | None:
        judged = [part for part in plot.ground.parts if part.group]
        if len(judged) == len(plot.ground.parts):
            return plot
        reader = self.around.desk.reader
        folders = {
            folder
            for part in judged
            for folder in await reader.folders(part.project, folders_of(part))
        }
        if "" in folders:  # files lie in the root itself
            return plot
        ground = replace(plot.ground, folders=tuple(sorted(folders)))
        return replace(plot, ground=ground) if folders else None

    def _add(self, marker: Marker, root: str, site: Site, part: Part) -> None:
        plot = self._plots.get(marker.id)
        if plot is None:
            names = self._topology(part.project).roots
            inside = self._inside(part.project, root)
            self._plots[marker.id] = Plot(Ground(site, root, (part,)), marker, inside, names)
        else:
            ground = replace(plot.ground, parts=(*plot.ground.parts, part))
            names = plot.names | self._topology(part.project).roots
            self._plots[marker.id] = replace(plot, ground=ground, names=names)

    def _inside(self, project: str, root: str) -> tuple[str, ...]:
        """Return the folders below a root that are other roots of the site."""
        roots = self.around.settings.project(project).site(self.site).roots()
        folders = {name: folder.replace("\\", "/").rstrip("/") for name, folder in roots.items()}
        top = f"{folders[root]}/"
        return tuple(
            folder.removeprefix(top) for folder in folders.values() if folder.startswith(top)
        )

    def _topology(self, project: str) -> Topology:
        view, sites = self.around.settings.project(project), self.around.sites
        reachable = frozenset(name for name in view.sites if sites.find(project, name))
        return topology_of_site(view, self.around.settings.machine.site_id, reachable)

    def _problem(self, project: str) -> str:
        problems = self.around.problems
        told = problems.get(f"{self.site}@{project}") or problems.get(self.site)
        return told or f"project {project!r} has no site {self.site!r}"

    def _fail(self, why: str, *, judged: bool) -> None:
        if judged and why not in self.failures:
            self.failures.append(why)


def _by_marker(places: Places, site: Site) -> Sequence[tuple[Marker, list[str]]]:
    """Return the roots of a site by name, those together that are one folder."""
    found: dict[str, tuple[Marker, list[str]]] = {}
    for root in site.roots:
        if marker := places.marker(root):
            found.setdefault(marker.id, (marker, []))[1].append(root)
    return list(found.values())
