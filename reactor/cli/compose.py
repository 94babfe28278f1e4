"""From settings to the parts of a reactor: the one place that knows all of them."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, redirect_stdout
from dataclasses import replace
from pathlib import Path

import anyio

from config.errors import SettingsError
from config.load import load
from config.models import Project, Settings
from config.models import Site as SiteSettings
from config.sources import find
from providers.base import ProviderError
from providers.base import Setup as ProviderSetup
from providers.table import PROVIDERS
from reactor.border.errors import Terms
from reactor.border.secrets import SECRETS, secrets_of
from reactor.cli.kinds import OPTIONS
from reactor.database import Client, connect
from reactor.embedded import embedded_mongod
from reactor.model import Policy, Topology
from reactor.sites import Site, Sites, Throttle

TopologyOf = Callable[[str], Topology | None]


def load_settings(
    config: Path | None, active_site: str | None = None, *, relay: bool = False
) -> Settings:
    """Return this process's settings: of the machine of `active_site`, of one that relays."""
    sources = find(config)
    if active_site:
        sources = replace(sources, environ={**sources.environ, "SITESYNC_SITE_ID": active_site})
    if relay:
        sources = replace(sources, environ={**sources.environ, "SITESYNC__MACHINE__RELAY": "true"})
    with redirect_stdout(sys.stderr):  # models of other packages check what they are given
        settings = load(sources, OPTIONS)
    SECRETS.keep(secrets_of(settings))
    if active_site and active_site not in settings.sites:
        settings.defaults.site(active_site)
    return settings


def settings_files(config: Path | None) -> tuple[Path, ...]:
    """Return the files that settings are read from, whether they are there or not."""
    sources = find(config)
    return tuple(file for file in (sources.file, sources.machine_file) if file)


def make_sites(settings: Settings) -> tuple[Sites, dict[str, str]]:
    """Return the sites that this process can try to reach, and why it cannot the others."""
    everywhere = Throttle(settings.limits.bandwidth)
    problems: dict[str, str] = {}
    shared: dict[str, Site] = {}
    for name, site in settings.sites.items():
        if made := _make_site(settings, site, everywhere, problems):
            shared[name] = made
    overridden: dict[tuple[str, str], Site | None] = {}
    for project, view in settings.projects.items():
        for name, site in view.sites.items():
            if site == settings.sites.get(name):
                continue
            made = _make_site(settings, site, everywhere, problems, project)
            overridden[project, name] = made
    return Sites(shared, overridden), problems


def _make_site(
    settings: Settings,
    site: SiteSettings,
    everywhere: Throttle,
    problems: dict[str, str],
    project: str = "",
) -> Site | None:
    label = f"{site.name}@{project}" if project else site.name
    try:
        roots = site.roots()
    except SettingsError as error:
        problems[label] = str(error)
        return None
    if site.problem or not site.enabled:
        problems[label] = site.problem or f"site {site.name!r} is turned off in the settings"
        return None
    setup = ProviderSetup(site.name, roots, site.options)
    try:
        return _site_of(settings, site, setup, everywhere, label)
    except ProviderError as error:
        problems[label] = str(error)
        return None


def _site_of(
    settings: Settings,
    site: SiteSettings,
    setup: ProviderSetup,
    everywhere: Throttle,
    label: str,
) -> Site:
    return Site(
        name=site.name,
        make=lambda: PROVIDERS[site.provider].make(setup),
        throttle=Throttle(site.bandwidth, everywhere),
        limit=site.transfers,
        terms=_terms(site),
        label=label,
        own=site.name == settings.machine.site_id,
        trust_size=site.trust_size,
        policy=Policy(site.on_missing, site.vanish_grace, site.deletion_limit),
        changes_interval=site.changes_interval,
        roots=tuple(sorted(setup.roots)),
    )


def _terms(site: SiteSettings) -> Terms:
    ours = PROVIDERS.package(site.provider) is None
    return Terms(site.provider, site.timeout, apart=not ours)


def topologies(settings: Settings, sites: Sites) -> TopologyOf:
    """Return what tells, for any project, what this process serves of it."""
    known: dict[str, Topology | None] = {}

    def topology_of(project: str) -> Topology | None:
        if project not in known:
            known[project] = _topology(settings, settings.project(project), sites)
        return known[project]

    return topology_of


def _topology(settings: Settings, project: Project, sites: Sites) -> Topology | None:
    """Return a project's topology, or None where nothing of it is this process's business."""
    reachable = frozenset(name for name in project.sites if sites.find(project.name, name))
    topology = topology_of_site(project, settings.machine.site_id, reachable)
    topology = topology.relaying() if settings.machine.relay else topology
    return topology if project.enabled and topology.is_serving else None


def topology_of_site(project: Project, own: str, reachable: frozenset[str]) -> Topology:
    """Return what a process whose own site is `own` knows of a project, if it reaches these sites."""
    remote = [project.remote_site] if project.remote_site else []
    return Topology(
        project=project.name,
        own=own,
        served=tuple(dict.fromkeys((own, *remote, *project.always_accessible_on))),
        alternatives=project.alternatives(),
        reachable=reachable,
        always=project.always_accessible_on,
        retry_count=project.retry_count,
        interval=project.reconcile_interval,
        problems={name: site.problem for name, site in project.sites.items() if site.problem},
        roots=frozenset({"", "work"}.union(*(site.root for site in project.sites.values()))),
    )


@asynccontextmanager
async def open_sites(settings: Settings) -> AsyncGenerator[tuple[Sites, dict[str, str]]]:
    """Yield the sites; those that were opened on the way are closed afterwards."""
    sites, problems = make_sites(settings)
    try:
        yield sites, problems
    finally:
        async with anyio.create_task_group() as leaving:  # one that hangs holds up no other
            for site in sites:
                leaving.start_soon(site.close)


@asynccontextmanager
async def open_database(settings: Settings, *, embedded: bool = False) -> AsyncGenerator[Client]:
    """Yield a client of the studio's database, or of an embedded one where none is named."""
    async with AsyncExitStack() as stack:
        if embedded or settings.mongo.uri is None:
            mongo = settings.mongo
            running = embedded_mongod(mongo.data_folder, mongod=mongo.mongod)
            uri = await stack.enter_async_context(running)
        else:
            uri = settings.mongo.uri.get_secret_value()
        client = await connect(uri)
        stack.push_async_callback(client.close)
        yield client
