"""`sitesync doctor`: whether everything is in place, and what is to be done where it is not."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import asdict

import click
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.text import Text

from config.models import Settings
from config.sources import find
from reactor.cli.checks import machine, reactors, rights
from reactor.cli.checks import providers as provider_checks
from reactor.cli.checks import settings as settings_checks
from reactor.cli.checks.alternatives import check_alternatives
from reactor.cli.checks.database import check_clock, check_history, check_server, unreachable
from reactor.cli.checks.finding import Finding, problem
from reactor.cli.checks.indexes import check_projects
from reactor.cli.checks.predecessor import check_predecessor
from reactor.cli.checks.sites import SiteReport, check_sites
from reactor.cli.commands import command
from reactor.cli.compose import open_database, open_sites
from reactor.cli.end_claim import end_claim
from reactor.cli.shell import (
    DONE,
    FAILED,
    Shell,
    pass_shell,
    plain_cell,
    print_json,
    run_async,
)
from reactor.database import Client, DatabaseError
from reactor.embedded import EmbeddedError
from reactor.presence import read_presence
from reactor.reader import Reader

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "bold red"}


@command("doctor")
@pass_shell
def doctor(shell: Shell, as_json: bool, claim: str | None, yes: bool) -> None:  # noqa: FBT001 - flags
    """
    Check that everything is in place, and say what to do where it is not.

    It looks at the settings, MongoDB, every site and its marker, this machine's limits, and
    who serves. At each site a tiny file is staged and removed again; nothing else is changed.
    Exit code 1 if there is a problem; warnings are none.
    """
    shell.logs(quiet=True)
    settings = shell.settings()
    if claim is not None:
        run_async(lambda: end_claim(settings, claim, sure=yes, as_json=as_json))
        return
    findings = run_async(lambda: _check(shell, settings))
    if as_json:
        counted = Counter(finding.level for finding in findings)
        print_json(
            {
                "findings": [asdict(finding) for finding in findings],
                "problems": counted["problem"],
                "warnings": counted["warning"],
            }
        )
    else:
        _show(findings)
    sys.exit(FAILED if any(one.level == "problem" for one in findings) else DONE)


async def _check(shell: Shell, settings: Settings) -> list[Finding]:
    async with open_sites(settings) as (sites, unserved):
        sources = find(shell.config)
        findings = [*settings_checks.check_settings(settings, sources, unserved)]
        findings += rights.check_rights(settings, sources)
        findings += machine.check_machine()
        findings += provider_checks.check_providers(settings)
        reports = await check_sites(sites)
    for report in reports:
        findings += report.findings
    findings += _alternatives(settings, reports)
    findings += [finding async for finding in _database(settings)]
    return findings


def _alternatives(settings: Settings, reports: Sequence[SiteReport]) -> Iterable[Finding]:
    """Return, each once, what the markers say of every view's alternatives."""
    read = {report.label: report.markers for report in reports if report.markers}
    findings: dict[Finding, None] = {}
    for project in (settings.defaults, *settings.projects.values()):
        labels = {name: f"{name}@{project.name}" for name in project.sites}
        seen = {name: read.get(label) or read.get(name) for name, label in labels.items()}
        markers = {name: roots for name, roots in seen.items() if roots}
        findings.update(dict.fromkeys(check_alternatives(project, markers)))
    return findings


async def _database(settings: Settings) -> AsyncIterator[Finding]:
    """Yield what is to be said of MongoDB and what it holds; without it, only that."""
    try:
        async with open_database(settings) as client:
            for about, check in _DATABASE_CHECKS.items():
                for finding in await _guarded(about, check, client, settings):
                    yield finding
    except (DatabaseError, EmbeddedError) as error:
        yield unreachable(str(error))


_Check = Callable[[Client, Settings], Awaitable[Sequence[Finding]]]


async def _guarded(
    about: str, check: _Check, client: Client, settings: Settings
) -> Sequence[Finding]:
    try:
        return await check(client, settings)
    except PyMongoError as error:
        return [problem(about, f"this cannot be checked: {str(error)[:300]}")]


async def _server(client: Client, _: Settings) -> list[Finding]:
    return [await check_server(client), await check_history(client), await check_clock(client)]


async def _work(client: Client, settings: Settings) -> list[Finding]:
    presence = await read_presence(client[settings.mongo.state_database])
    database = client[settings.mongo.database]
    names = await Reader(database).projects()
    projects = [name for name in names if settings.project(name).enabled]
    sites = settings_checks.synced_sites(settings)
    return [
        *reactors.check_reactors(settings, presence),
        *reactors.check_claims(presence),
        await check_predecessor(database, projects, sites, presence),
    ]


_DATABASE_CHECKS: dict[str, _Check] = {
    "MongoDB": _server,
    "projects": check_projects,
    "reactors": _work,
}


def _show(findings: Sequence[Finding]) -> None:
    """Print the checklist: a line each in a pipe, with what to do below it on a terminal."""
    console = Console()
    for finding in findings:
        cells = [finding.level, finding.about, plain_cell(finding.text), plain_cell(finding.todo)]
        if not console.is_terminal:
            click.echo("\t".join(cells))
            continue
        line = Text.assemble((f"{finding.level:<8}", _COLOURS[finding.level]), " ")
        console.print(line.append(f"{finding.about}: {finding.text}"), soft_wrap=True)
        if finding.todo:
            console.print(Text(f"         -> {finding.todo}", "cyan"), soft_wrap=True)
