"""`sitesync retry`: try again what has failed."""

from __future__ import annotations

from collections import defaultdict

import click

from config.models import Settings
from reactor.cli.amounts import files_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.scopes import Asked, look
from reactor.cli.shell import Shell, pass_shell, run_async
from reactor.cli.targets import named_entries
from reactor.operators.steering import Steering
from reactor.presence import read_presence


@command("retry")
@pass_shell
def retry(
    shell: Shell, projects: tuple[str, ...], sites: tuple[str, ...], representation: str | None
) -> None:
    """
    Try again at once what has failed.

    That is also what waits for another try. The files' tries are counted anew: mend first
    what `sitesync status` says is wrong. Files that somebody changed in place stay as they
    are: `sitesync site reset` brings the published bytes back.

    \b
    sitesync retry                          all that has failed
    sitesync retry -p Bunny -s vendor       one project's files for one site
    sitesync retry -r 65f0…                 one representation
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    files, alive = run_async(lambda: _retry(settings, Asked(projects, sites), representation))
    click.echo(f"{files_text(files)} to be tried again" if files else "nothing has failed there")
    if files and not alive:
        click.echo("No reactor runs: start one with `sitesync run`.")


async def _retry(settings: Settings, asked: Asked, representation: str | None) -> tuple[int, bool]:
    """Return how many files are tried again, and whether a reactor runs that does so."""
    async with open_database(settings) as client:
        steering = Steering(client, settings.mongo.database, settings.mongo.state_database)
        if representation is not None:
            named = await named_entries(client, settings, representation, asked)
            presence = await read_presence(client[settings.mongo.state_database])
            return await steering.retry(named.key, named.together), bool(presence.alive)
        presence, scopes = await look(client, settings, asked)
        sites: defaultdict[str, set[str]] = defaultdict(set)
        for scope in scopes:
            sites[scope.project] |= scope.group
        files = [await steering.retry_all(project, sites[project]) for project in sorted(sites)]
        return sum(files), bool(presence.alive)
