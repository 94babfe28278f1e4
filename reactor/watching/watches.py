"""All watches of one process: one for each of its own sites on a disk of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, cast

import anyio
import structlog

from providers.base import DiskProvider, ProviderError
from reactor.judging.desk import Desk
from reactor.judging.inspection import Inspection
from reactor.judging.places import Places
from reactor.judging.survey import doubtful
from reactor.model import Topology, Work
from reactor.sites import Site, Sites
from reactor.sources.watch import Surroundings, Watch
from reactor.watching.published import Published
from reactor.watching.root import canary_name
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

    async def run(self, process: str) -> None:
        """Watch the own sites that are disks of this machine, for ever."""
        own = [site for site in self._sites if site.own and site.provider.features.local_paths]
        made = [self._watch(site, canary_name(process)) for site in own]
        self._watches = [watch for watch in made if watch is not None]
        async with anyio.create_task_group() as tasks:
            for watch in self._watches:
                tasks.start_soon(watch.run)

    def _watch(self, site: Site, canary: str) -> Watch | None:
        disk = cast("DiskProvider", site.provider)
        try:
            folders = {root: disk.root_path(root).resolve() for root in site.roots}
        except (ProviderError, OSError) as error:
            log.warning("not watching", site=site.label, why=str(error))
            return None
        sightings = Sightings(site.label, site.policy, partial(self._inspection, site))
        around = Surroundings(
            reader=self._desk.reader,
            projects=self._projects,
            survey=doubtful,
            is_moving=self._running.__contains__,
            is_busy=lambda: len(self._running) >= _MANY,
            published=partial(self._published.facts, site.label),
        )
        return Watch(site, folders, sightings, around, canary)

    def _inspection(self, site: Site, project: str) -> Inspection | None:
        topology = self._topology_of(project)
        if topology is None or self._sites.find(project, site.name) is not site:
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
                "site": root.site.label,
                "folder": str(root.folder),
                "mode": root.mode,
                "why": root.why,
                "vanished": watch.sightings.guard.vanished,
            }
            for watch in self._watches
            for root in watch.roots
        ]
