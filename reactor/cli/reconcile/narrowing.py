"""What a pass is about: projects and sites by name, of those that this machine serves."""

from __future__ import annotations

from collections.abc import Sequence

from config.errors import SettingsError
from config.models import Settings
from reactor.cli.compose import topologies
from reactor.cli.scopes import Asked, require_projects, require_sites
from reactor.database import Client
from reactor.model import Topology
from reactor.sites import Sites


async def narrowed(
    client: Client, settings: Settings, sites: Sites, asked: Asked
) -> dict[str, Topology]:
    """
    Return the topology of each project that is asked about, with only the sites asked about.

    `SettingsError` says what is not there, or not served by this machine.
    """
    names = await require_projects(client, settings, asked.projects)
    there = {site for name in names for site in settings.project(name).sites}
    wanted = require_sites(settings, asked.sites, there)
    topology_of = topologies(settings, sites)
    served = {name: topology for name in names if (topology := topology_of(name))}
    unserved = [name for name in asked.projects if name not in served]
    if unserved or (names and not served):
        raise SettingsError([_unserved_projects(settings, unserved or names)])
    if not wanted:
        return served
    together = frozenset[str]().union(*(one.together(one.served) for one in served.values()))
    if strangers := sorted(wanted - together):
        raise SettingsError([_unserved_site(settings, site, together) for site in strangers])
    only = {name: topology.only(wanted) for name, topology in served.items()}
    return {name: topology for name, topology in only.items() if topology}


def _unserved_projects(settings: Settings, names: Sequence[str]) -> str:
    own = settings.machine.site_id
    return (
        f"nothing of {', '.join(names[:5])} is served by this machine, as site {own!r}: that site "
        "needs a root here, and the project a remote_site or always_accessible_on in the settings"
    )


def _unserved_site(settings: Settings, site: str, together: frozenset[str]) -> str:
    return (
        f"site {site!r} is not served by this machine, whose own site is "
        f"{settings.machine.site_id!r}: it brings files to {', '.join(sorted(together))}"
    )
