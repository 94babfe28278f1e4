"""`sitesync queue`: wanted files in the order they will be served."""

from __future__ import annotations

from typing import Any

import click
from rich.filesize import decimal

from config.models import Settings
from reactor.cli.amounts import duration_text, progress_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database
from reactor.cli.scopes import Asked, look
from reactor.cli.shell import Shell, pass_shell, print_json, print_table, run_async
from reactor.cli.status import running_json
from reactor.standing import Queue, Queued, Standing


@command("queue")
@pass_shell
def queue(
    shell: Shell,
    projects: tuple[str, ...],
    sites: tuple[str, ...],
    limit: int,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """
    Show wanted files in the order they will be served.

    What runs comes first, then what waits, by priority; then what waits for another try, is
    paused, or has failed. It is read from documents and claims: any machine may ask.
    """
    shell.logs(quiet=True)
    settings = shell.settings()
    found = run_async(lambda: _read(settings, Asked(projects, sites), limit))
    if as_json:
        entries = [_entry_json(entry) for entry in found.entries]
        print_json({"entries": entries, "limit": limit, "more": found.more})
    else:
        _show(found)


async def _read(settings: Settings, asked: Asked, limit: int) -> Queue:
    async with open_database(settings) as client:
        presence, scopes = await look(client, settings, asked)
        return await Standing(client[settings.mongo.database], presence).queue(scopes, limit)


def _show(found: Queue) -> None:
    if not found.entries:
        click.echo("Nothing is wanted: every file is where it should be.")
        return
    columns = ["priority", "state", "project", "site", "path", "size"]
    print_table("Queue", columns, [_row(entry) for entry in found.entries])
    if found.more:
        click.echo("There is more: see it with --limit.", err=True)


def _row(entry: Queued) -> list[str]:
    where = [entry.scope.project, entry.scope.site, entry.path, decimal(entry.size)]
    return [str(entry.priority), _state_text(entry), *where]


def _state_text(entry: Queued) -> str:
    error = entry.error or "no error was noted"
    match entry.state:
        case "running":
            amount = entry.claim.amount if entry.claim else None
            return f"running {progress_text(amount)}" if amount else "running"
        case "retrying":
            tries = f"{entry.tries} of {entry.scope.retry_count} tries"
            return f"retry in {duration_text(entry.wait)} ({tries}: {error})"
        case "failed":
            return f"failed: {error}"
        case _:
            return entry.state


def _entry_json(entry: Queued) -> dict[str, Any]:
    return {
        "project": entry.scope.project,
        "site": entry.scope.site,
        "path": entry.path,
        "size": entry.size,
        "priority": entry.priority,
        "state": entry.state,
        "tries": entry.tries,
        "retry_count": entry.scope.retry_count,
        "retry_in_seconds": entry.wait or None,
        "error": entry.error,
        "running": running_json(entry.claim) if entry.claim else None,
    }
