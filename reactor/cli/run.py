"""`sitesync run`, and the predecessor's spelling of it."""

from __future__ import annotations

import gc
import sys

import anyio
import click
import structlog

from config.models import Settings
from handlers.table import HANDLERS
from reactor.app import Reactor, Setup
from reactor.cli.compose import open_database, open_sites, topologies
from reactor.cli.shell import DONE, FAILED, Shell, Stop, pass_shell, run_async, watch_signals

log = structlog.stdlib.get_logger()


@click.command()
@click.option("--active-site", metavar="NAME", help="Serve as this site, not as this machine's.")
@click.option(
    "--embedded", is_flag=True, help="Use an embedded MongoDB, whatever the settings say."
)
@click.option("--until-idle", is_flag=True, help="End when there is nothing left to do now.")
@pass_shell
def run(shell: Shell, active_site: str | None, embedded: bool, until_idle: bool) -> None:  # noqa: FBT001 - flags
    r"""
    Serve: watch the database, and bring published files to where they are wanted.

    Runs until it is stopped (Ctrl-C, SIGTERM): it then lets what is under way end for a few
    seconds, and gives the rest up for the next one to go on with. As many as you like may
    run, on any number of machines.

    \b
    sitesync run                            as this machine's own site
    sitesync run --active-site studio       as the studio's server
    sitesync run --until-idle               once, for cron; exit code 1 if something failed
    """
    shell.logs()
    settings = shell.settings(active_site)
    sys.exit(run_async(lambda: serve(settings, embedded=embedded, until_idle=until_idle)))


@click.command(hidden=True)
@click.option("--active_site", required=True, metavar="NAME", help="The site to serve as.")
@pass_shell
def syncserver(shell: Shell, active_site: str) -> None:
    """Serve as a site: the predecessor's spelling of `run --active-site NAME`."""
    shell.logs()
    settings = shell.settings(active_site)
    sys.exit(run_async(lambda: serve(settings, embedded=False, until_idle=False)))


def collect_garbage_less_often() -> None:
    """Look for cycles a tenth as often: a burst makes many objects, and few cycles (a tenth faster)."""
    gc.set_threshold(50_000, 20, 20)


async def serve(settings: Settings, *, embedded: bool, until_idle: bool) -> int:
    """Run a reactor until it is stopped or idle, and return the exit code."""
    collect_garbage_less_often()
    stop, failed = Stop(), False
    async with (
        open_database(settings, embedded=embedded) as client,
        open_sites(settings) as (sites, problems),
        anyio.create_task_group() as tasks,
    ):
        own = settings.machine.site_id
        for label, why in problems.items():
            if label == own or label not in ("studio", "local"):
                log.warning("site not served", site=label, why=why)

        tasks.start_soon(watch_signals, stop)
        reactor = Reactor(
            Setup(
                client,
                settings.mongo.database,
                settings.mongo.state_database,
                own,
                sites,
                topologies(settings, sites),
                HANDLERS,
            )
        )
        await reactor.run(until_idle=until_idle, stop=stop.asked)
        failed = reactor.has_failures
        tasks.cancel_scope.cancel()
    return stop.code or (FAILED if until_idle and failed else DONE)
