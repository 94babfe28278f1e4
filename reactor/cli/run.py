"""`sitesync run`, and the predecessor's spelling of it."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import anyio
import structlog

from config.models import Settings
from config.sources import find
from handlers.table import HANDLERS
from reactor.app import Reactor, Setup
from reactor.cli.arenas import share_one_arena
from reactor.cli.checks.rights import check_rights
from reactor.cli.commands import command
from reactor.cli.compose import TopologyOf, open_database, open_sites, topologies
from reactor.cli.cores import write_no_core
from reactor.cli.garbage import collect_garbage_less_often
from reactor.cli.reloading import Reading, changed_settings
from reactor.cli.shell import DONE, FAILED, Shell, Stop, pass_shell, run_async, watch_signals
from reactor.database import Client
from reactor.sites import Sites

log = structlog.stdlib.get_logger()


@command("run")
@pass_shell
def run(
    shell: Shell,
    active_site: str | None,
    embedded: bool,  # noqa: FBT001 - a flag
    until_idle: bool,  # noqa: FBT001 - a flag
    relay: bool,  # noqa: FBT001 - a flag
) -> None:
    """
    Serve: watch the database, and bring published files to where they are wanted.

    Runs until it is stopped (Ctrl-C, SIGTERM): it then lets what is under way end for a few
    seconds, and gives the rest up for the next one to go on with. As many as you like may
    run, on any number of machines.

    \b
    sitesync run                            as this machine's own site
    sitesync run --active-site studio       as the studio's server
    sitesync run --relay                    and between remote sites, without a copy here
    sitesync run --until-idle               once, for cron; exit code 1 if something failed
    """  # noqa: D301 - click looks for this very character
    shell.logs()
    if until_idle:
        settings = shell.settings(active_site, relay=relay)
        _prepare(shell, settings)
        sys.exit(run_async(lambda: serve_once(settings, embedded=embedded)))
    reading = shell.reading(active_site, relay=relay)
    _prepare(shell, reading.first)
    sys.exit(run_async(lambda: serve(reading, embedded=embedded)))


@command("syncserver")
@pass_shell
def syncserver(shell: Shell, active_site: str) -> None:
    """Serve as a site: the predecessor's spelling of `run --active-site NAME`."""
    shell.logs()
    reading = shell.reading(active_site)
    _prepare(shell, reading.first)
    sys.exit(run_async(lambda: serve(reading, embedded=False)))


def _prepare(shell: Shell, settings: Settings) -> None:
    """Keep memory small, and secrets out of its dumps; tell whose hands settings are in."""
    share_one_arena()
    write_no_core()
    for finding in check_rights(settings, find(shell.config)):
        if finding.level != "ok":
            log.warning(finding.text, todo=finding.todo)


def make_reactor(
    settings: Settings, client: Client, sites: Sites, topology_of: TopologyOf
) -> Reactor:
    """Return a reactor of these settings, with all handlers."""
    mongo = settings.mongo
    machine, databases = settings.machine, (mongo.database, mongo.state_database)
    return Reactor(
        Setup(client, *databases, machine.site_id, sites, topology_of, HANDLERS, machine.relay)
    )


def tell_unserved(settings: Settings, problems: Mapping[str, str]) -> None:
    """Log the sites that cannot be served, but for built-in ones that nobody set up."""
    for label, why in problems.items():
        if label == settings.machine.site_id or label not in ("studio", "local"):
            log.warning("site not served", site=label, why=why)


async def serve(reading: Reading, *, embedded: bool) -> int:
    """Run a reactor until it is stopped, anew whenever the settings change; return the exit code."""
    collect_garbage_less_often()
    settings, stop = reading.first, Stop()
    async with (
        open_database(settings, embedded=embedded) as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(watch_signals, stop)
        while not stop.asked.is_set():
            settings = await _serve_while(settings, client, stop, reading)
        tasks.cancel_scope.cancel()
    return stop.code


async def _serve_while(
    settings: Settings, client: Client, stop: Stop, reading: Reading
) -> Settings:
    """Run a reactor until it is stopped, or settings have changed; return those to go on with."""
    over, changed = anyio.Event(), [settings]

    async def end_when_changed() -> None:
        changed.append(await changed_settings(reading, settings))
        over.set()

    async def end_when_asked() -> None:
        await stop.asked.wait()
        over.set()

    async with open_sites(settings) as (sites, problems), anyio.create_task_group() as tasks:
        tell_unserved(settings, problems)
        tasks.start_soon(end_when_asked)
        tasks.start_soon(end_when_changed)
        reactor = make_reactor(settings, client, sites, topologies(settings, sites))
        if settings != reading.first:
            log.info("settings have changed; serving by the new ones")
            reactor.scans.request(full=True)
        await reactor.run(until_idle=False, stop=over)
        tasks.cancel_scope.cancel()
    return changed[-1]


async def serve_once(settings: Settings, *, embedded: bool) -> int:
    """Run a reactor until it is stopped or idle, and return the exit code."""
    collect_garbage_less_often()
    stop, failed = Stop(), False
    async with (
        open_database(settings, embedded=embedded) as client,
        open_sites(settings) as (sites, problems),
        anyio.create_task_group() as tasks,
    ):
        tell_unserved(settings, problems)
        tasks.start_soon(watch_signals, stop)
        reactor = make_reactor(settings, client, sites, topologies(settings, sites))
        await reactor.run(until_idle=True, stop=stop.asked)
        failed = reactor.has_failures
        tasks.cancel_scope.cancel()
    return stop.code or (FAILED if failed else DONE)
