"""All watches of one process: over its own disks, and over services that tell of changes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, cast

import anyio
import structlog
from pymongo.errors import PyMongoError

from providers.base import DiskProvider, ProviderError
from reactor.backoff import SITE_RETRY
from reactor.judging.desk import Desk
from reactor.judging.inspection import Inspection
from reactor.judging.places import Places
from reactor.judging.survey import doubtful
from reactor.model import Topology, Work
from reactor.sites import Site, Sites
from reactor.sources.service_changes import ServiceChanges, Turns
from reactor.sources.watch import MakeSource, Surroundings, Watch
from reactor.watching.published import Published
from reactor.watching.root import RootWatch, canary_name
from reactor.watching.sightings import Sightings

log = structlog.stdlib.get_logger()

_PROJECTS_SECONDS = 10.0
_MANY = 64  # transfers at once: somebody publishes a sequence


class Watches:
    """
    Makes and runs the watches, and tells how they are.

    `running` is the work under way in this process, `published` what it has brought lately.
    """

    def __init__(
        self,
        desk: Desk,
        sites: Sites,
        topology_of: Callable[[str], Topology | None],
        running: Collection[Work],
        published: Published,
    ) -> None:
        self._published = published
        self._desk = desk
        self._sites = sites
        self._topology_of = topology_of
        self._running = running
        self._known: list[str] = []
        self._known_until = 0.0
        self._watches: list[Watch] = []

    async def run(self, process: str, turns: Turns) -> None:
        """Watch the own sites that are disks of this machine, and follow services, for ever."""
        async with anyio.create_task_group() as tasks:
            for site in self._sites:
                if not site.provider.features.local_paths:
                    tasks.start_soon(self._follow, site, turns)
                elif site.own and (sources := _disks(site, canary_name(process))):
                    tasks.start_soon(self._watch(site, sources).run)

    async def _follow(self, site: Site, turns: Turns) -> None:
        """Follow a site whose service tells of changes, once it is served; return if it does not."""
        failures = 0
        while site.provider.features.changes:
            try:
                if await self._is_served(site):
                    await site.open()
                    break
            except (ProviderError, PyMongoError) as error:
                log.debug("not followed yet", site=site.label, why=str(error)[:200])
            failures += 1
            await anyio.sleep(SITE_RETRY.delay(failures, random.random()))  # noqa: S311 - jitter
        if site.provider.features.changes:
            sources = {root: partial(ServiceChanges, site, root, turns) for root in site.roots}
            await self._watch(site, sources).run()

    async def _is_served(self, site: Site) -> bool:
        return any(self._inspection(site, project) for project in await self._projects())

    def _watch(self, site: Site, sources: Mapping[str, MakeSource]) -> Watch:
        sightings = Sightings(site.label, site.policy, partial(self._inspection, site))
        around = Surroundings(
            reader=self._desk.reader,
            projects=self._projects,
            survey=doubtful,
            moving=self._running,
            is_busy=lambda: len(self._running) >= _MANY,
            published=partial(self._published.facts, site.label),
        )
        watch = Watch(site, sources, sightings, around)
        self._watches.append(watch)
        return watch

    def _inspection(self, site: Site, project: str) -> Inspection | None:
        topology = self._topology_of(project)
        if topology is None or self._sites.find(project, site.name) is not site:
            return None
        if site.name not in topology.together(topology.served):
            return None
        places = Places(project, site, topology.roots)
        return Inspection(self._desk, self._sites, topology, places, "time")

    async def _projects(self) -> Sequence[str]:
        """Return the projects that are served; a new one is known within seconds."""
        now = time.monotonic()
        if now >= self._known_until:
            found = await self._desk.reader.projects()
            self._known = [project for project in found if self._topology_of(project)]
            self._known_until = now + _PROJECTS_SECONDS
        return self._known

    @property
    def surveyed(self) -> bool:
        """Whether each root was surveyed since it became unsure what happened there."""
        return all(watch.surveyed for watch in self._watches)

    def as_documents(self) -> list[dict[str, Any]]:
        """Return how each watch is, for `status`."""
        return [
            {
                "site": watch.site.label,
                "folder": root.folder,
                "mode": root.mode,
                "why": root.why,
                "vanished": watch.sightings.guard.vanished,
            }
            for watch in self._watches
            for root in watch.roots
        ]


def _disks(site: Site, canary: str) -> Mapping[str, MakeSource]:
    """Return what makes the watch over each root of a site on a disk of this machine."""
    disk = cast("DiskProvider", site.provider)
    try:
        folders = {root: disk.root_path(root).resolve() for root in site.roots}
    except (ProviderError, OSError) as error:
        log.warning("not watching", site=site.label, why=str(error))
        return {}
    return {
        root: partial(RootWatch, site, root, folder, canary) for root, folder in folders.items()
    }
