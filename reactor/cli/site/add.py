"""`sitesync site add`: files wanted at a site."""

from __future__ import annotations

import click

from config.models import Settings
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.shell import Shell, pass_shell, run_async
from reactor.cli.site.report import Report, Words, finish
from reactor.cli.site.subject import Meant, about_files, find_subject
from reactor.cli.site.sweeping import change_entries
from reactor.operators.site_edits import adding

_WORDS = Words(
    done="wanted there now",
    settled="had an entry there already",
    then="Reactors bring them as soon as they can: see `sitesync queue`.",
)


@command("site add")
@about_files
@pass_shell
def add(shell: Shell, meant: Meant, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """
    Let a site have files: mark them as wanted there.

    Files that have an entry for SITE already stay as they are, in whichever state. Where
    settings name alternatives of SITE, these get an entry in the same write. It may be
    interrupted and run again.

    \b
    sitesync site add vendor --representation 65f0…        one representation
    sitesync site add vendor --project Bunny --all         all that is published already
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    report = run_async(lambda: _add(settings, meant))
    if not report.subject.view.enabled:
        click.echo("Nothing is moved yet: this project is not enabled in the settings.", err=True)
    finish(report, _WORDS, as_json=as_json)


async def _add(settings: Settings, meant: Meant) -> Report:
    async with open_database(settings) as client:
        subject = await find_subject(client, settings, meant)
        return await change_entries(client, settings, subject, adding(subject.group))
