"""How far a command is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

_EVERY = 5.0


@contextmanager
def counting(total: int) -> Generator[Callable[[int], None]]:
    """Yield what is told how many of so many representations have been gone through."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(total)
        return
    columns = (
        TextColumn("representations"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        task = bars.add_task("", total=total)
        yield lambda done: bars.update(task, completed=done)


def _lines(total: int) -> Callable[[int], None]:
    due = time.monotonic() + _EVERY

    def tell(done: int) -> None:
        nonlocal due
        if time.monotonic() >= due:
            click.echo(f"{done} of {total} representations", err=True)
            due = time.monotonic() + _EVERY

    return tell
