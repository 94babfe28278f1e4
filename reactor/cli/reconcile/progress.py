"""How far a pass is, on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

import anyio
import click
from pymongo.errors import PyMongoError
from rich.console import Console
from rich.filesize import decimal
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from reactor.app import Reactor
from reactor.cli.amounts import duration_text, rate_text
from reactor.standing import SiteStanding

_SHOW_SECONDS = 0.5
_LINE_SECONDS = 10.0
_ASK_SECONDS = 2.0
_ASK_SHARE = 20


@dataclass(frozen=True, slots=True)
class Far:
    """Files and bytes that are done, of as many as are known to be wanted."""

    files: int = 0
    files_wanted: int = 0
    done: int = 0
    size: int = 0


Show = Callable[[Far], None]


async def follow(reactor: Reactor, standings: Callable[[], Awaitable[list[SiteStanding]]]) -> None:
    """Show how far a reactor is, until it is cancelled."""
    far, ask_at = Far(), 0.0
    with _screen() as show:
        while True:
            now = time.monotonic()
            if now >= ask_at:
                with suppress(PyMongoError):  # the reactor itself says so
                    far = _measured(reactor, await standings())
                took = time.monotonic() - now
                ask_at = time.monotonic() + max(_ASK_SECONDS, _ASK_SHARE * took)
            far = _advanced(reactor, far)
            show(far)
            await anyio.sleep(_SHOW_SECONDS)


def _measured(reactor: Reactor, standings: Sequence[SiteStanding]) -> Far:
    """Return what there is to do in all: what is done, and what documents want still."""
    done = reactor.results
    waiting = sum(one.files["waiting"] + one.files["retrying"] for one in standings)
    size = sum(one.size for one in standings)
    return Far(0, done.moved + done.right + waiting, 0, done.bytes + int(size))


def _advanced(reactor: Reactor, far: Far) -> Far:
    done = reactor.results
    running = sum(one.progress.done for one in reactor.scheduler.running.values())
    files, size = done.moved + done.right, done.bytes + running
    return Far(files, max(files, far.files_wanted), size, max(size, far.size))


@contextmanager
def _screen() -> Generator[Show]:
    if not sys.stderr.isatty():
        yield Lines().show
        return
    columns = (
        TextColumn("{task.fields[files]}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=None, files="looking at documents")
        yield partial(_show_bar, bars, task)


def _show_bar(bars: Progress, task: TaskID, far: Far) -> None:
    files = f"{far.files} of {far.files_wanted} files"
    bars.update(task, completed=far.done, total=far.size or None, files=files)


class Lines:
    """A line every few seconds, while something moves."""

    def __init__(self) -> None:
        self._at = time.monotonic()
        self._last = Far()

    def show(self, far: Far) -> None:
        """Print how far it is, unless the last line is fresh or says the same."""
        now = time.monotonic()
        if now - self._at < _LINE_SECONDS or (far.files, far.done) == (
            self._last.files,
            self._last.done,
        ):
            return
        rate = round((far.done - self._last.done) / (now - self._at))
        click.echo(line(far, rate), err=True)
        self._at, self._last = now, far


def line(far: Far, rate: int) -> str:
    """Return how far it is: "3 of 40 files, 1.2 GB of 3.4 GB, 12.0 MB/s, ETA 3 min 5 s"."""
    parts = [
        f"{far.files} of {far.files_wanted} files",
        f"{decimal(far.done)} of {decimal(far.size)}",
    ]
    if rate > 0:
        parts += [rate_text(rate), f"ETA {duration_text((far.size - far.done) / rate)}"]
    return ", ".join(parts)
