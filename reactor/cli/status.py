"""`sitesync status`: at a glance, what is wanted, what runs, what has failed, who works."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.filesize import decimal

from config.models import Settings
from reactor.backlog import MOST
from reactor.cli.amounts import duration_text, rate_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.scopes import Asked, look
from reactor.cli.shell import (
    DONE,
    FAILED,
    Shell,
    pass_shell,
    print_json,
    print_table,
    run_async,
)
from reactor.pauses import Pause
from reactor.presence import Presence, SeenClaim, SeenReactor, SeenWatch
from reactor.standing import SiteStanding, Standing

# Said under the errors: it is the same for all of them.
_WHAT_TO_DO = (
    "Mend what the error says, then run `sitesync retry` "
    "(or reset the file in OpenPype's Sync Queue): it is tried again at once."
)


@command("status")
@pass_shell
def status(shell: Shell, projects: tuple[str, ...], as_json: bool) -> None:  # noqa: FBT001 - a flag
    """
    Show at a glance what is wanted, running, paused and failed, and who works on it.

    It is read from the database: any machine may ask. Exit code 1 if something has failed.

    \b
    sitesync status                    everything
    sitesync status -p Bunny --json    one project, for a script
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    presence, standings = run_async(lambda: _read(settings, Asked(projects)))
    if as_json:
        print_json(_as_json(presence, standings))
    else:
        _show(presence, standings)
    sys.exit(FAILED if any(one.files["failed"] for one in standings) else DONE)


async def _read(settings: Settings, asked: Asked) -> tuple[Presence, list[SiteStanding]]:
    """Return who works, and each site at which something is wanted."""
    async with open_database(settings) as client:
        presence, scopes = await look(client, settings, asked)
        found = await Standing(client[settings.mongo.database], presence).of_sites(scopes)
    return presence, [standing for standing in found if standing.wanted]


def _show(presence: Presence, standings: Sequence[SiteStanding]) -> None:
    if standings:
        columns = ["project", "site", "wanted", "bytes", "running", "rate", "ETA"]
        columns += ["retrying", "paused", "failed"]
        print_table("Wanted", columns, [_row(one) for one in standings])
    else:
        click.echo("Nothing is wanted: every file is where it should be.")
    _section("Failed", ["project", "site", "files", "error", "for example"], _failures(standings))
    if any(one.troubles for one in standings):
        click.echo(_WHAT_TO_DO)
    columns = ["project", "site", "by", "since"]
    _section("Paused", columns, [_pause_row(pause) for pause in presence.pauses])
    suspended = [
        [why.site, reactor.host, why.kind, why.why]
        for reactor in presence.alive
        for why in reactor.suspended
    ]
    _section("Suspended sites", ["suspended site", "seen from", "kind", "why"], suspended)
    columns = ["site", "folder", "seen from", "what"]
    _section("Places that need a look", columns, _watch_rows(presence))
    _section("Room", ["site", "root", "free", "of"], _space_rows(presence))
    columns = ["reactor on", "pid", "site", "running", "waiting", "last seen", "does"]
    shown = [*presence.alive, *presence.silent]
    _section("Reactors", columns, [_reactor_row(reactor) for reactor in shown])
    if not presence.alive:
        click.echo("No reactor runs: start one with `sitesync run`.")


def _space_rows(presence: Presence) -> list[list[str]]:
    return [
        [one.site, one.root or "root", decimal(one.free), decimal(one.total)]
        for _, one in sorted(presence.spaces.items())
    ]


def _watch_rows(presence: Presence) -> list[list[str]]:
    """Return a row for each root of which no live watch tells, or too much has vanished."""
    return [
        [watch.site, watch.folder, reactor.host, _watch_text(watch)]
        for reactor in presence.alive
        for watch in reactor.watches
        if watch.mode not in ("live", "elsewhere") or watch.vanished
    ]


def _watch_text(watch: SeenWatch) -> str:
    if watch.vanished:
        return (
            f"{watch.vanished} files have vanished at once, so none is believed to be gone: if "
            f"they are, run `sitesync validate --site {watch.site} --confirm-removals`"
        )
    if watch.mode == "starting":
        return "its watch begins"
    if watch.mode == "silent":
        return f"what others do there is not told now: {watch.why}"
    return f"not watched but surveyed every 10 minutes: {watch.why}"


def _section(title: str, columns: list[str], rows: list[list[str]]) -> None:
    if rows:
        click.echo()
        print_table(title, columns, rows)


def _row(one: SiteStanding) -> list[str]:
    running = str(len(one.running)) if one.running else "-"
    if any(claim.amount for claim in one.running):
        size = sum(claim.amount.size for claim in one.running if claim.amount)
        running += f" ({decimal(one.done)} of {decimal(size)})"
    return [
        one.scope.project,
        one.scope.site,
        f"more than {MOST}" if one.more else str(one.wanted),
        ("more than " if one.more else "") + decimal(int(one.size)),
        running,
        rate_text(one.rate) if one.rate else "-",
        duration_text(one.eta) if one.eta is not None and not one.more else "-",
        *(str(one.files[state] or "-") for state in ("retrying", "paused", "failed")),
    ]


def _failures(standings: Sequence[SiteStanding]) -> list[list[str]]:
    return [
        [one.scope.project, one.scope.site, str(trouble.files), trouble.error, trouble.example]
        for one in standings
        for trouble in one.troubles
    ]


def _pause_row(pause: Pause) -> list[str]:
    since = "-" if pause.ago is None else f"{duration_text(pause.ago)} ago"
    return [pause.project or "every project", pause.site or "every site", pause.by or "-", since]


def _reactor_row(reactor: SeenReactor) -> list[str]:
    numbers = [str(reactor.running), str(reactor.waiting), f"{duration_text(reactor.seen)} ago"]
    return [reactor.host, str(reactor.pid), reactor.site, *numbers, _does(reactor)]


def _does(reactor: SeenReactor) -> str:
    """Return what a reactor does, in a few words."""
    if not reactor.is_alive:
        return "does not answer; what it had begun is taken over"
    if not reactor.doing:
        return "-"
    first, more = reactor.doing[0], reactor.running - 1
    name = first.path.rpartition("/")[2]
    return f"{name} to {first.site}" + (f", and {more} more" if more > 0 else "")


def _as_json(presence: Presence, standings: Sequence[SiteStanding]) -> dict[str, Any]:
    return {
        "sites": [_site_json(one) for one in standings],
        "suspended": [
            {**asdict(why), "host": reactor.host, "pid": reactor.pid}
            for reactor in presence.alive
            for why in reactor.suspended
        ],
        "space": [asdict(one) for _, one in sorted(presence.spaces.items())],
        "pauses": [_pause_json(pause) for pause in presence.pauses],
        "reactors": [reactor_json(reactor) for reactor in presence.alive],
        "silent": [reactor_json(reactor) for reactor in presence.silent],
    }


def _pause_json(pause: Pause) -> dict[str, Any]:
    return {
        "project": pause.project,
        "site": pause.site,
        "by": pause.by,
        "paused_seconds_ago": pause.ago,
    }


def _site_json(one: SiteStanding) -> dict[str, Any]:
    return {
        "project": one.scope.project,
        "site": one.scope.site,
        "wanted": one.wanted,
        "bytes": int(one.size),
        "more": one.more,
        "waiting": one.waiting,
        "retrying": one.files["retrying"],
        "paused": one.files["paused"],
        "failed": one.files["failed"],
        "running": [running_json(claim) for claim in one.running],
        "rate": one.rate,
        "eta_seconds": one.eta,
        "errors": [asdict(trouble) for trouble in one.troubles],
    }


def running_json(claim: SeenClaim) -> dict[str, Any]:
    """Return what one claim's transfer does; what is not told yet is null."""
    amount = claim.amount
    return {
        "path": claim.path,
        "source": amount.source if amount else None,
        "done": amount.done if amount else None,
        "size": amount.size if amount else None,
        "rate": amount.rate if amount else None,
        "eta_seconds": amount.eta if amount else None,
        "claim": claim.id,
    }


def reactor_json(reactor: SeenReactor) -> dict[str, Any]:
    """Return one reactor, and when it was seen."""
    return {
        "host": reactor.host,
        "pid": reactor.pid,
        "site": reactor.site,
        "running": reactor.running,
        "waiting": reactor.waiting,
        "relays": reactor.relays,
        "seen_seconds_ago": reactor.seen,
        "doing": [asdict(doing) for doing in reactor.doing],
        "watches": [asdict(watch) for watch in reactor.watches],
    }
