"""`sitesync pause` and `sitesync resume`: everything, a project, a site, or one representation."""

from __future__ import annotations

import getpass
import shlex
import socket
from collections.abc import Sequence

import click

from config.models import Settings
from reactor.cli.amounts import files_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.scopes import Asked, require_projects, require_sites
from reactor.cli.shell import Shell, pass_shell, plain_cell, run_async
from reactor.cli.targets import named_entries
from reactor.database import Client
from reactor.events import Key
from reactor.model import groups_of
from reactor.operators.operator_edits import pause_entries, resume_entries
from reactor.operators.steering import Steering
from reactor.pauses import Pause
from reactor.presence import Presence, read_presence


@command("pause")
@pass_shell
def pause(
    shell: Shell, projects: tuple[str, ...], sites: tuple[str, ...], representation: str | None
) -> None:
    """
    Stop transfers until they are resumed.

    All of them, or those of a project, to a site, or of one representation. What runs stops
    within a moment, on every machine, and goes on from there after `sitesync resume`. It is
    kept in the database: a reactor that starts later obeys it, too.

    \b
    sitesync pause                          everything
    sitesync pause -p Bunny                 one project
    sitesync pause -p Bunny -s vendor       one project's files for one site
    sitesync pause -r 65f0…                 what is wanted of one representation
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    run_async(lambda: _pause(settings, Asked(projects, sites), representation))


@command("resume")
@pass_shell
def resume(
    shell: Shell, projects: tuple[str, ...], sites: tuple[str, ...], representation: str | None
) -> None:
    """
    End a pause.

    Exactly the one that is named; what else still pauses the same transfers is told.

    \b
    sitesync resume                         ends `sitesync pause`
    sitesync resume -p Bunny                ends `sitesync pause -p Bunny`
    sitesync resume -r 65f0…                one representation's entries, at all sites
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    run_async(lambda: _resume(settings, Asked(projects, sites), representation))


async def _pause(settings: Settings, asked: Asked, representation: str | None) -> None:
    async with open_database(settings) as client:
        steering = Steering(client, settings.mongo.database, settings.mongo.state_database)
        if representation is not None:
            named = await named_entries(client, settings, representation, asked)
            await _pause_entries(steering, named.key, named.together)
            return
        presence = await read_presence(client[settings.mongo.state_database])
        for level in await _levels(client, settings, asked, presence):
            await steering.pause(level._replace(by=_operator()))
            click.echo(f"paused: {_covered(level)}. Go on with: {_command(level)}")


async def _resume(settings: Settings, asked: Asked, representation: str | None) -> None:
    async with open_database(settings) as client:
        steering = Steering(client, settings.mongo.database, settings.mongo.state_database)
        state = client[settings.mongo.state_database]
        if representation is not None:
            named = await named_entries(client, settings, representation, asked)
            await _resume_entries(steering, named.key, named.together)
            levels = [Pause(named.key.project, site) for site in sorted(named.together)]
        else:
            levels = await _levels(client, settings, asked, await read_presence(state))
            for level in levels:
                ended = await steering.resume(level)
                click.echo(f"{'resumed' if ended else 'was not paused'}: {_covered(level)}")
        _tell_what_stays(levels, await read_presence(state))


async def _pause_entries(steering: Steering, key: Key, sites: frozenset[str]) -> None:
    wanted = await steering.wanted(key, sites)
    await steering.settle(key, lambda found: pause_entries(found, sites))
    if wanted:
        files = files_text(wanted)
        click.echo(f"paused: {files} of {key.representation} for {_sites(sites)}")
    else:
        click.echo(f"nothing of {key.representation} is wanted there: there is nothing to pause")


async def _resume_entries(steering: Steering, key: Key, sites: frozenset[str]) -> None:
    resumed = await steering.settle(key, lambda found: resume_entries(found, sites))
    if resumed:
        files = files_text(resumed)
        click.echo(f"resumed: {files} of {key.representation} for {_sites(sites)}")
    else:
        click.echo(f"no entry of {key.representation} was paused there")


async def _levels(
    client: Client, settings: Settings, asked: Asked, presence: Presence
) -> list[Pause]:
    """
    Return the pauses that are meant; a site stands for its alternatives, too.

    What is paused is known, though the settings or the database may have it no longer.
    """
    paused = {pause.project for pause in presence.pauses}
    await require_projects(client, settings, [one for one in asked.projects if one not in paused])
    projects = asked.projects or (None,)
    seen = {reactor.site for reactor in presence.reactors}
    seen |= {pause.site for pause in presence.pauses if pause.site}
    levels: list[Pause] = []
    for project in projects:
        view = settings.defaults if project is None else settings.project(project)
        groups = groups_of(view.alternatives())
        sites = require_sites(settings, asked.sites, seen.union(view.sites))
        named = sorted({one for site in sites for one in groups.get(site, {site})})
        levels += [Pause(project, site) for site in named or (None,)]
    return levels


def _tell_what_stays(levels: Sequence[Pause], presence: Presence) -> None:
    """Say which pauses still stop something of what was resumed, and how each is ended."""
    for stays in presence.pauses:
        if any(stays.overlaps(level) for level in levels):
            by = f" by {plain_cell(stays.by)}" if stays.by else ""
            click.echo(f"still paused{by}: {_covered(stays)}. End it with: {_command(stays)}")


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (ImportError, KeyError, OSError):  # a service without a user's name
        user = "somebody"
    return f"{user}@{socket.gethostname()}"


def _covered(level: Pause) -> str:
    project = f"project {level.project}" if level.project else "every project"
    return plain_cell(f"{project}, {f'site {level.site}' if level.site else 'every site'}")


def _command(level: Pause) -> str:
    project = ["--project", level.project] if level.project else []
    site = ["--site", level.site] if level.site else []
    return plain_cell(shlex.join(["sitesync", "resume", *project, *site]))


def _sites(names: frozenset[str]) -> str:
    return plain_cell(", ".join(sorted(names)))
