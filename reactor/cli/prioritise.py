"""`sitesync prioritise`: which files go first."""

from __future__ import annotations

import click

from config.models import Settings
from reactor.cli.amounts import files_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.scopes import Asked
from reactor.cli.shell import Shell, fail, pass_shell, run_async
from reactor.cli.targets import named_entries
from reactor.model import DEFAULT_PRIORITY
from reactor.operators.operator_edits import prioritise_entries
from reactor.operators.steering import Steering


@command("prioritise")
@pass_shell
def prioritise(
    shell: Shell, projects: tuple[str, ...], representation: str, site: str, priority: int
) -> None:
    """
    Let files go before others, or after them.

    REPRESENTATION is its _id, or the path of one of its files. The highest N, up to 1000,
    goes first; files have 50 until somebody says otherwise. What waits in the queues of
    running reactors is put in the new order at once.

    \b
    sitesync prioritise 65f0… vendor 90
    sitesync prioritise /mnt/projects/Show/shots/x_v003.1001.exr vendor 90
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    asked = Asked(projects, (site,))
    run_async(lambda: _prioritise(settings, representation, asked, priority))


async def _prioritise(settings: Settings, text: str, asked: Asked, priority: int) -> None:
    async with open_database(settings) as client:
        steering = Steering(client, settings.mongo.database, settings.mongo.state_database)
        key, _, sites = await named_entries(client, settings, text, asked)
        there = f"{key.representation} at {asked.sites[0]}"
        wanted = await steering.wanted(key, sites)
        if not wanted:
            fail(f"no file of {there} is wanted: there is nothing to put in order")
        await steering.settle(key, lambda found: prioritise_entries(found, sites, priority))
    usual = " (the usual one)" if priority == DEFAULT_PRIORITY else ""
    click.echo(f"priority {priority}{usual}: {files_text(wanted)} of {there}")
