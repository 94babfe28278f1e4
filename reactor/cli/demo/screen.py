"""What the demo shows: sentences, and progress as bars on a terminal or as lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TransferSpeedColumn,
)
from rich.table import Column

from reactor.cli.demo.watching import Arrived

Show = Callable[[Sequence[Arrived]], None]

_EVERY = 1.0
_MIB = 1024 * 1024


class Screen:
    """The terminal, or whatever stdout is."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def say(self, text: str = "") -> None:
        """Print a line, above the bars if there are any."""
        self._console.print(text, markup=False, soft_wrap=True)

    @contextmanager
    def progress(self) -> Generator[Show]:
        """Yield a function that shows how far things are."""
        if not self._console.is_terminal:
            yield _Lines(self).show
            return
        columns = (
            TextColumn("  {task.description:<8}"),
            BarColumn(),
            TextColumn("{task.fields[files]}"),
            # A narrow terminal takes its room from the bar: figures stay on their line.
            DownloadColumn(binary_units=True, table_column=Column(no_wrap=True)),
            TransferSpeedColumn(table_column=Column(no_wrap=True)),
        )
        with Progress(*columns, console=self._console) as bars:
            tasks: dict[str, TaskID] = {}
            yield partial(_show_bars, bars, tasks)


def _show_bars(bars: Progress, tasks: dict[str, TaskID], arrived: Sequence[Arrived]) -> None:
    for now in arrived:
        if now.site not in tasks:
            tasks[now.site] = bars.add_task(now.site, files="")
        files = f"{now.files:>3}/{now.files_wanted} files"
        bars.update(tasks[now.site], completed=now.size, total=now.size_wanted, files=files)


class _Lines:
    """Progress as a line a second, while something changes."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._last: tuple[Arrived, ...] = ()
        self._due = 0.0

    def show(self, arrived: Sequence[Arrived]) -> None:
        """Print the arrived, unless they are known or the last ones are too fresh."""
        now = time.monotonic()
        complete = all(one.files == one.files_wanted for one in arrived)
        if tuple(arrived) != self._last and (now >= self._due or complete):
            self._screen.say("  " + " · ".join(_told(one) for one in arrived))
            self._last, self._due = tuple(arrived), now + _EVERY


def _told(now: Arrived) -> str:
    return (
        f"{now.site} {now.files}/{now.files_wanted} files, "
        f"{now.size // _MIB}/{now.size_wanted // _MIB} MiB"
    )
