"""`sitesync site remove`: files no longer wanted at a site, and their bytes deleted if asked for."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import dataclass

from config.errors import SettingsError
from config.models import Settings
from providers.base import ProviderError
from reactor.cli.amounts import files_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database, open_sites
from reactor.cli.shell import Shell, confirm, pass_shell, run_async
from reactor.cli.site.report import Report, Words, finish
from reactor.cli.site.subject import Meant, Subject, about_files, find_subject
from reactor.cli.site.sweeping import carry_out, change_entries, reader_of, recorder_of
from reactor.clock import DatabaseClock
from reactor.database import Client
from reactor.judging.desk import Desk
from reactor.judging.places import Places
from reactor.operators.claiming import claiming
from reactor.operators.copies import Copies
from reactor.operators.deletion import Deletion
from reactor.operators.site_edits import removing
from reactor.sites import Site, Sites


@dataclass(frozen=True, slots=True)
class _How:
    """Whether bytes go, too, and whether somebody is sure of it."""

    delete_files: bool
    sure: bool


@command("site remove")
@about_files
@pass_shell
def remove(shell: Shell, meant: Meant, delete_files: bool, yes: bool, as_json: bool) -> None:  # noqa: FBT001 - flags
    """
    Let a site no longer have files: remove their entries, and those of its alternatives.

    Never that of the only known copy, nor what a setting would bring back. The bytes stay,
    unless --delete-files is given: then a file goes only where another site that is no
    alternative of SITE is seen to have it, right and verified, and nothing else uses it.

    \b
    sitesync site remove vendor --representation 65f0…
    sitesync site remove vendor --project Bunny --all --delete-files
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    report = run_async(lambda: _remove(settings, meant, _How(delete_files, yes)))
    then = "" if delete_files else "Their bytes stay where they are."
    finish(report, Words("removed", "had no entry there", then), as_json=as_json)


async def _remove(settings: Settings, meant: Meant, how: _How) -> Report:
    async with open_database(settings) as client:
        subject = await find_subject(client, settings, meant)
        _refuse_what_comes_back(subject)
        if meant.everything and not how.sure:
            await _ask(client, settings, subject, how)
        if how.delete_files:
            return await _delete(client, settings, subject)
        wish = removing(subject.site, subject.group)
        return await change_entries(client, settings, subject, wish)


def _refuse_what_comes_back(subject: Subject) -> None:
    """Raise `SettingsError` where a setting asks for the entries: reactors would add them again."""
    asked_for = [site for site in subject.view.always_accessible_on if site in subject.group]
    if asked_for:
        name = subject.view.name
        whose = "" if subject.site in asked_for else f", an alternative of {subject.site!r},"
        raise SettingsError(
            [
                f"{asked_for[0]!r}{whose} is in always_accessible_on of project {name!r}: every "
                "file gets an entry there again. Take it out of that setting first, in "
                f"[projects.{name}] or [defaults]"
            ]
        )


async def _ask(client: Client, settings: Settings, subject: Subject, how: _How) -> None:
    wish = removing(subject.site, subject.group)
    files = await reader_of(client, settings).count_files(subject.scope.project, wish.condition)
    if files:
        deleted = ", and delete their bytes there" if how.delete_files else ""
        confirm(
            f"Remove {files_text(files)} of project {subject.view.name} from "
            f"{subject.sites_text}{deleted}?",
            hint=f"add --yes to remove {files_text(files)} from {subject.sites_text}",
            otherwise="nothing was removed",
        )


async def _delete(client: Client, settings: Settings, subject: Subject) -> Report:
    """Remove entries together with the bytes, under claims."""
    reader, clock = reader_of(client, settings), DatabaseClock()
    await clock.ask(client)
    async with AsyncExitStack() as stack:
        sites, problems = await stack.enter_async_context(open_sites(settings))
        site = _reached(subject, sites, problems)
        state = client[settings.mongo.state_database]
        claims = await stack.enter_async_context(claiming(state, settings.machine.site_id))
        wish = removing(subject.site, subject.group)
        deletion = Deletion(
            Desk(reader, recorder_of(client, settings), claims, clock),
            subject.scope,
            wish,
            Copies(subject.view.name, sites, site, subject.group),
            Places(subject.view.name, site, _roots(subject)),
        )
        return await carry_out(reader, deletion, subject, wish)


def _reached(subject: Subject, sites: Sites, problems: dict[str, str]) -> Site:
    """Return the site, or an alternative of it, that this machine reaches."""
    names = [subject.site, *sorted(subject.group - {subject.site})]
    for name in names:
        if site := sites.find(subject.view.name, name):
            return site
    project = subject.view.name
    known = [problems.get(f"{name}@{project}") or problems.get(name) for name in names]
    why = next((problem for problem in known if problem), "the settings do not name it")
    raise ProviderError(
        f"this machine does not reach {subject.site!r}: {why}; delete its files on one that does"
    )


def _roots(subject: Subject) -> frozenset[str]:
    """Return the names of roots that the project's documents are known to use."""
    return frozenset({"", "work"}.union(*(site.root for site in subject.view.sites.values())))
