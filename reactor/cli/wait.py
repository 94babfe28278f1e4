"""`sitesync wait`: until a site has what a script needs."""

from __future__ import annotations

import functools
import shlex
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import anyio
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.models import Settings
from reactor.cli.amounts import duration_text, files_text
from reactor.cli.commands import command
from reactor.cli.compose import open_database, topology_of_site
from reactor.cli.scopes import Asked
from reactor.cli.shell import (
    DONE,
    FAILED,
    Shell,
    pass_shell,
    plain_cell,
    print_json,
    print_table,
    run_async,
)
from reactor.cli.targets import named_entries
from reactor.events import Key
from reactor.model import Representation
from reactor.operators.arrival import Arrival, Missing, State, arrival, together
from reactor.presence import read_presence
from reactor.sources.following import Following

Show = Callable[[Arrival], None]

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class _Answer:
    """How waiting ended; `reactors` is how many run."""

    site: str
    state: State | Literal["timeout"]
    seen: Arrival
    seconds: float
    reactors: int


def _at_a_site(command: Callable[..., None]) -> Callable[..., None]:
    """Hand a command its site, and the projects that it looks in, as one `Asked`."""

    @functools.wraps(command)
    def called(*, site: str, projects: tuple[str, ...], **rest: object) -> None:
        command(asked=Asked(projects, (site,)), **rest)

    return called


@command("wait")
@_at_a_site
@pass_shell
def wait(
    shell: Shell,
    representations: tuple[str, ...],
    asked: Asked,
    timeout: float | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """
    Wait until a site has all files of a representation.

    Made for scripts and render farms. Exit code 0 as soon as all files are there; 1 when the
    time is up, or at once when none of the missing files will come: they have failed for
    good, or nothing wants them there. It waits on while a file is paused.

    \b
    sitesync wait -r 65f0… -s farm && render …
    sitesync wait -r 65f0… -r 65f1… -s farm --timeout 10m --json
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    settings = shell.settings()
    answer = run_async(lambda: _wait(settings, representations, asked, timeout))
    if as_json:
        print_json(_as_json(answer))
    else:
        _tell(answer)
    sys.exit(DONE if answer.state == "available" else FAILED)


async def _wait(
    settings: Settings, texts: Sequence[str], asked: Asked, most: float | None
) -> _Answer:
    started = anyio.current_time()
    async with open_database(settings) as client:
        named = [await named_entries(client, settings, text, asked) for text in texts]
        (site,) = named[0].sites
        keys = list(dict.fromkeys(one.key for one in named))
        with _progress(site) as show:
            watched = _Watched(settings, site, keys, show)
            following = Following(
                client[settings.mongo.database], keys, watched.look, lambda: watched.is_decided
            )
            with anyio.move_on_after(most):
                await following.run()
            if not watched.is_all_seen:  # in so short a time
                await following.look_once()
        seen = watched.seen
        presence = await read_presence(client[settings.mongo.state_database])
    seconds = round(anyio.current_time() - started, 1)
    state = seen.state if watched.is_decided else "timeout"
    return _Answer(site, state, seen, seconds, reactors=len(presence.alive))


class _Watched:
    """What is known so far of what is waited for."""

    def __init__(self, settings: Settings, site: str, keys: Sequence[Key], show: Show) -> None:
        self._settings = settings
        self._site = site
        self._arrivals: dict[Key, Arrival | None] = dict.fromkeys(keys)
        self._show = show

    @property
    def seen(self) -> Arrival:
        """Return what was seen, of all that was looked at."""
        return together(one for one in self._arrivals.values() if one)

    @property
    def is_all_seen(self) -> bool:
        """Return whether everything was looked at."""
        return None not in self._arrivals.values()

    @property
    def is_decided(self) -> bool:
        """Return whether all is there, or nothing of what is missing will come."""
        return self.is_all_seen and self.seen.state != "waiting"

    def look(self, key: Key, found: Representation | None) -> None:
        """Take note of what is there now."""
        project = self._settings.project(key.project)
        topology = topology_of_site(project, self._settings.machine.site_id, frozenset())
        self._arrivals[key] = arrival(key, found, self._site, topology)
        self._show(self.seen)


@contextmanager
def _progress(site: str) -> Generator[Show]:
    """Yield what shows how many files are there: a bar on a terminal, else nothing."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[states]}"),
        TimeElapsedColumn(),
    )
    shown = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not shown) as bars:
        task = bars.add_task(plain_cell(f"at {site}"), total=None, states="")
        yield lambda seen: bars.update(
            task, completed=seen.there, total=seen.files, states=_states(seen)
        )


def _states(seen: Arrival) -> str:
    """Return how many files are missing in which state: "3 waiting, 1 failed"."""
    counted = Counter(missing.state for missing in seen.missing)
    return ", ".join(f"{count} {state}" for state, count in counted.most_common())


def _tell(answer: _Answer) -> None:
    seen, site = answer.seen, plain_cell(answer.site)
    away = f"{len(seen.missing)} of {files_text(seen.files)} not at {site}"
    match answer.state:
        case "available":
            click.echo(f"available: {files_text(seen.files)} at {site}")
            return
        case "timeout":
            after = duration_text(answer.seconds)
            click.echo(f"time is up after {after}: {away} ({_states(seen)})", err=True)
        case "gone":
            click.echo("gone: there is no such representation any more", err=True)
        case _:
            click.echo(f"{answer.state}: {away}, and none of them will come", err=True)
    columns = ["state", "representation", "path", "error"]
    print_table("Missing", columns, [_row(missing) for missing in seen.missing[:_SHOWN]])
    if len(seen.missing) > _SHOWN:
        click.echo("There is more: see it with --json.", err=True)
    for advice in _advice(answer):
        click.echo(plain_cell(advice), err=True)


def _advice(answer: _Answer) -> Iterator[str]:
    """Yield what to do next, for each state in which files are missing."""
    firsts = {one.state: one for one in reversed(answer.seen.missing)}
    for first in firsts.values():
        name = str(first.key.representation)
        match first.state:
            case "failed":
                yield f"Mend what the error says, then: {_command('retry', '-r', name)}"
            case "unwanted":
                command = _command("site", "add", answer.site, "--representation", name)
                yield f"Nothing wants it there; to change that: {command}"
            case "paused":
                yield f"To go on with what is paused: {_command('resume', '-r', name)}"
            case "waiting" | "retrying":
                yield f"For the whole story: {_command('why', name, answer.site)}"
            case "gone":
                pass
    if answer.state == "timeout" and not answer.reactors:
        yield "No reactor runs: start one with `sitesync run`."


def _command(*words: str) -> str:
    return shlex.join(["sitesync", *words])


def _row(missing: Missing) -> list[str]:
    name = str(missing.key.representation)
    return [missing.state, name, missing.path, missing.error or ""]


def _as_json(answer: _Answer) -> dict[str, Any]:
    return {
        "state": answer.state,
        "site": answer.site,
        "files": answer.seen.files,
        "available": answer.seen.there,
        "missing": [
            {
                "project": missing.key.project,
                "representation": str(missing.key.representation),
                "path": missing.path or None,
                "state": missing.state,
                "tries": missing.tries,
                "error": missing.error,
            }
            for missing in answer.seen.missing
        ],
        "seconds": answer.seconds,
        "reactors": answer.reactors,
    }
