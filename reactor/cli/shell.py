"""What every command shares: settings, exit codes, where output goes."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import anyio
import click
from pymongo.errors import PyMongoError
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from config.errors import SettingsError
from config.models import Settings
from providers.base import ProviderError
from reactor.cli.compose import load_settings, settings_files
from reactor.cli.icons import WIDTH, drawing
from reactor.cli.reloading import Reading
from reactor.database import AddressError, DatabaseError
from reactor.embedded import EmbeddedError
from reactor.logs import configure_logs
from reactor.tasks import plain_errors

T = TypeVar("T")

DONE, FAILED, WRONG_USE, INTERRUPTED = 0, 1, 2, 130
_PATIENCE = 60.0
_ROOM = 12  # in less, nobody reads a path
_ICON_PLACE = 0xF0000  # of private use: `plain_cell` lets none of them through


@dataclass(slots=True)
class Shell:
    """One call of the program, before settings are read."""

    config: Path | None = None
    verbose: bool = False

    def settings(self, active_site: str | None = None, *, relay: bool = False) -> Settings:
        """Return the settings; what is wrong with them ends the program with exit code 2."""
        try:
            return load_settings(self.config, active_site, relay=relay)
        except SettingsError as error:
            fail(str(error), WRONG_USE)

    def reading(self, active_site: str | None = None, *, relay: bool = False) -> Reading:
        """Return settings together with how they are read again when they change."""
        first = self.settings(active_site, relay=relay)
        read = partial(load_settings, self.config, active_site, relay=relay)
        return Reading(first, settings_files(self.config), read)

    def logs(self, *, quiet: bool = False) -> None:
        """Set logging up; `quiet` for commands whose output is the answer."""
        configure_logs(verbose=self.verbose, quiet=quiet)


pass_shell = click.make_pass_decorator(Shell, ensure=True)


def fail(message: str, code: int = FAILED) -> NoReturn:
    """End the program with a message on stderr."""
    click.echo(f"sitesync: {message}", err=True)
    sys.exit(code)


def confirm(question: str, *, hint: str, otherwise: str) -> None:
    """
    Go on only if a person agrees; else end the program, and say `otherwise`.

    Where nobody is there to ask, the program ends with a `hint` at what to add.
    """
    if not _is_terminal():
        fail(f"nobody is here to ask: {hint}", WRONG_USE)
    if not _agrees(question):
        fail(otherwise)


def _agrees(question: str) -> bool:
    """Ask a person; Ctrl-C ends the program, though the event loop takes it and waits here."""
    taken = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question, err=True)
    except click.Abort as abort:
        click.echo(err=True)
        if isinstance(abort.__context__, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        return False  # the input has ended without an answer
    finally:
        signal.signal(signal.SIGINT, taken)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def run_async(act: Callable[[], Awaitable[T]]) -> T:
    """Run a command to its end; errors that people can mend end it with their message."""
    try:
        with plain_errors():
            return anyio.run(act)
    except (AddressError, SettingsError) as error:
        fail(str(error), WRONG_USE)
    except (DatabaseError, EmbeddedError, ProviderError) as error:
        fail(str(error))
    except PyMongoError as error:
        fail(f"MongoDB: {str(error)[:300]}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


@dataclass(slots=True)
class Stop:
    """Whether the program was asked to stop, and the exit code that goes with it."""

    asked: anyio.Event = field(default_factory=anyio.Event)
    code: int = DONE


async def watch_signals(stop: Stop) -> None:
    """
    Set `stop` on the first SIGINT or SIGTERM; end the program at once on the second.

    What does not let go of the program is left a minute after the first. Where the loop takes
    no signals (Windows), Ctrl-C interrupts the run itself.
    """
    try:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            number = await anext(signals)
            stop.code = INTERRUPTED if number == signal.SIGINT else DONE
            stop.asked.set()
            click.echo("stopping; once more to stop at once", err=True)
            with anyio.move_on_after(_PATIENCE):
                await anext(signals)
            os._exit(INTERRUPTED)  # leases and journals are made for this
    except NotImplementedError:  # by asyncio on Windows: its loop has no signal handlers
        await anyio.sleep_forever()


def print_json(answer: dict[str, Any]) -> None:
    """Print one object on stdout."""
    click.echo(json.dumps(answer, default=str, ensure_ascii=False))


def print_table(
    title: str, columns: list[str], rows: list[list[str]], icons: Sequence[bytes | None] = ()
) -> None:
    """
    Print a table: with rules on a terminal that is wide enough, else plain columns as in a pipe.

    What cells hold comes from other people's documents: it is neither markup nor control.
    `icons` are drawn at the head of the rows where the terminal can.
    """
    console = Console()
    rows = [[plain_cell(cell) for cell in row] for row in rows]
    draw = drawing(os.environ) if any(icons) else None
    width = _width(columns, rows) + (WIDTH + 3 if draw else 0)
    if not console.is_terminal or console.width < width:
        click.echo("\t".join(columns))
        for row in rows:
            click.echo("\t".join(row))
        return
    table = Table(title=title, title_justify="left", header_style="bold")
    if draw is None:
        _fill(table, columns, rows)
        console.print(table)
        return
    # While the table is laid out, a character that no cell can hold keeps the room of each.
    places = [chr(_ICON_PLACE + at) for at, _ in enumerate(rows)]
    _fill(table, ["", *columns], [[place, *row] for place, row in zip(places, rows, strict=True)])
    table.columns[0].min_width = WIDTH
    with console.capture() as laid_out:
        console.print(table)
    text = laid_out.get()
    for place, icon in zip(places, icons, strict=True):
        text = text.replace(place + " ", draw(icon) if icon else " " * WIDTH)
    console.file.write(text)


def _fill(table: Table, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    for column, room in zip(columns, _rooms(columns, rows), strict=True):
        table.add_column(column, overflow="fold", min_width=room)
    for row in rows:
        table.add_row(*map(Text, row))


def _width(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how wide a table must be at least, with its rules."""
    rooms = _rooms(columns, rows)
    return sum(rooms) + 3 * len(rooms) + 1


def _rooms(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return how much room each column needs: what does not fit goes on in the next line."""
    return [min(_ROOM, max(map(cell_len, cells))) for cells in zip(columns, *rows, strict=True)]


def plain_cell(text: str) -> str:
    """Return a text on one line, without tabs and whatever else steers a terminal."""
    return "".join(char if char.isprintable() else " " for char in text)
