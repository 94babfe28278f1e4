"""`sitesync site reset`: bytes proved again, or sent again."""

from __future__ import annotations

from config.models import Settings
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.shell import Shell, pass_shell, run_async
from reactor.cli.site.report import Report, Words, finish
from reactor.cli.site.subject import Meant, about_files, find_subject
from reactor.cli.site.sweeping import change_entries
from reactor.operators.site_edits import resetting

_WORDS = Words(
    done="reset",
    settled="had nothing to reset",
    then="Reactors prove their bytes again, and send again what is not right.",
)


@command("site reset")
@about_files
@pass_shell
def reset(shell: Shell, meant: Meant, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """
    Let reactors prove a site's bytes again, or send them again.

    Entries of SITE become wanted, together with those of its alternatives; failures and
    their tries are forgotten, priority and pause stay. No bytes are deleted. A file whose
    only known copy is at SITE stays as it is: `sitesync validate` looks at such ones.

    \b
    sitesync site reset vendor --representation 65f0…
    sitesync site reset vendor --project Bunny --all
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    finish(run_async(lambda: _reset(settings, meant)), _WORDS, as_json=as_json)


async def _reset(settings: Settings, meant: Meant) -> Report:
    async with open_database(settings) as client:
        subject = await find_subject(client, settings, meant)
        wish = resetting(subject.site, subject.group)
        return await change_entries(client, settings, subject, wish)
