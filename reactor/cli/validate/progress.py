"""How far a pass is: files and their rate on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from reactor.judging.validation.findings import Findings
from reactor.judging.validation.validation import Shown

_EVERY = 5.0


@contextmanager
def looking() -> Generator[Shown]:
    """Yield what is told how many files were looked at, and that something is waited for."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines()
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        task, began = bars.add_task(""), time.monotonic()

        def progress(findings: Findings) -> None:
            bars.update(task, description=_told(findings, time.monotonic() - began))

        yield Shown(progress, lambda seconds: bars.update(task, description=_wait(seconds)))


def _lines() -> Shown:
    began = time.monotonic()
    due = began + _EVERY

    def progress(findings: Findings) -> None:
        nonlocal due
        if time.monotonic() >= due:
            click.echo(_told(findings, time.monotonic() - began), err=True)
            due = time.monotonic() + _EVERY

    return Shown(progress, lambda seconds: click.echo(_wait(seconds), err=True))


def _told(findings: Findings, seconds: float) -> str:
    differing = sum(findings.counts.values())
    rate = findings.files / max(seconds, 0.001)
    return f"{findings.files} files looked at ({rate:.0f}/s), {differing} differ"


def _wait(seconds: float) -> str:
    return f"looking again in {seconds:.0f} s at what is gone: it may only be on its way"
