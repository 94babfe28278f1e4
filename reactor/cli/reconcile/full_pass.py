"""One full pass: a reactor that begins with a full scan and ends when it is idle."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping

import anyio

from config.models import Settings
from reactor.cli.compose import open_database, open_sites
from reactor.cli.reconcile.narrowing import narrowed
from reactor.cli.reconcile.progress import follow
from reactor.cli.reconcile.summary import Summary
from reactor.cli.run import make_reactor, tell_unserved
from reactor.cli.scopes import Asked
from reactor.cli.shell import Stop, watch_signals
from reactor.database import Client
from reactor.model import Topology
from reactor.presence import Suspended, read_presence
from reactor.sites import Site
from reactor.standing import Scope, SiteStanding, Standing


async def carry_out(settings: Settings, asked: Asked) -> tuple[Summary, int]:
    """Carry a pass out, and return what came of it, and the exit code of an interruption."""
    stop, started = Stop(), time.monotonic()
    async with (
        open_database(settings) as client,
        open_sites(settings) as (sites, problems),
    ):
        tell_unserved(settings, problems)
        topologies = await narrowed(client, settings, sites, asked)
        reactor = make_reactor(settings, client, sites, topologies.get)

        async def standings() -> list[SiteStanding]:
            return await _standings(client, settings, topologies)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_signals, stop)
            tasks.start_soon(follow, reactor, standings)
            await reactor.reconcile(stop.asked)
            tasks.cancel_scope.cancel()
        summary = Summary(
            seconds=time.monotonic() - started,
            results=reactor.results,
            standings=await standings(),
            suspended=list(_suspended(sites)),
            interrupted=stop.asked.is_set(),
            unfinished=reactor.has_failures,
        )
    return summary, stop.code


async def _standings(
    client: Client, settings: Settings, topologies: Mapping[str, Topology]
) -> list[SiteStanding]:
    """Return how each place stands: of alternatives, the one with the most that is wanted."""
    presence = await read_presence(client[settings.mongo.state_database])
    scopes = [scope for topology in topologies.values() for scope in _scopes(topology)]
    found = await Standing(client[settings.mongo.database], presence).of_sites(scopes)
    places: dict[tuple[str, frozenset[str]], SiteStanding] = {}
    for standing in sorted(found, key=lambda one: one.wanted):
        places[standing.scope.project, standing.scope.group] = standing
    return [standing for standing in places.values() if standing.wanted]


def _scopes(topology: Topology) -> Iterable[Scope]:
    for site in sorted(topology.together(topology.served)):
        if topology.destination(site):
            group = topology.alternatives_of(site)
            yield Scope(topology.project, site, group, topology.retry_count)


def _suspended(sites: Iterable[Site]) -> Iterable[Suspended]:
    for site in sites:
        if site.suspension is not None:
            yield Suspended(site.label, site.suspension.kind, site.suspension.reason)
