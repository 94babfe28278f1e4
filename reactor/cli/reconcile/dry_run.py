"""`sitesync reconcile --dry-run`: the plan, read without a trace."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import AsyncIterator, Hashable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import click
from rich.filesize import decimal

from config.models import Settings
from handlers.table import HANDLERS
from reactor.cli.amounts import files_text
from reactor.cli.compose import make_sites, open_database
from reactor.cli.reconcile.narrowing import narrowed
from reactor.cli.scopes import Asked
from reactor.cli.shell import print_table
from reactor.events import Key, Notice, Origin
from reactor.model import Representation, Topology
from reactor.operators.plan import Plan, Step
from reactor.presence import read_presence
from reactor.queries import START, Due
from reactor.reader import Reader
from reactor.scanning import Found, judged, portions

_PAGE = 500
_SHOWN = 500


@dataclass(slots=True)
class Planned:
    """All that would be done; `paused` files are wanted too, and stay."""

    steps: list[Step] = field(default_factory=list[Step])
    paused: int = 0

    @property
    def size(self) -> int:
        """Return the bytes that would be moved."""
        return sum(step.size for step in self.steps)


async def plan(settings: Settings, asked: Asked) -> Planned:
    """Return what a pass would do. Nothing is written, opened at a site, or claimed."""
    planned = Planned()
    sites, _ = make_sites(settings)
    async with open_database(settings) as client:
        pauses = (await read_presence(client[settings.mongo.state_database])).in_force
        topologies = await narrowed(client, settings, sites, asked)
        for topology in topologies.values():
            async for step in _steps(Reader(client[settings.mongo.database]), topology):
                moves = step.what in ("bring", "prove")
                if moves and pauses.covers(step.project, step.site):
                    planned.paused += 1
                else:
                    planned.steps.append(step)
    return planned


async def _steps(reader: Reader, topology: Topology) -> AsyncIterator[Step]:
    made = Plan(topology, HANDLERS)
    async with await reader.overlooked(topology, START) as batches:
        async for batch in batches:
            found, _ = judged(batch, reader.codec, START)
            for representation in await _read(reader, topology, found, thorough=True):
                for step in made.edits(representation):
                    yield step
    due = Due(topology.together(topology.served), topology.retry_count)
    after: object = START
    while page := await reader.due(topology.project, due, after, _PAGE):
        for representation in await _read(reader, topology, page, thorough=False):
            for step in made.transfers(representation):
                yield step
        after = page[-1].id


async def _read(
    reader: Reader, topology: Topology, found: Iterable[Found], *, thorough: bool
) -> list[Representation]:
    read: list[Representation] = []
    for some in portions(found):
        keys = [Key(topology.project, one.id) for one in some if _is_id(one.id)]
        notices = [Notice(key, Origin.SCAN, thorough) for key in keys]
        events = await reader.events(topology, notices)
        read += [event.representation for event in events if event.representation]
    return read


def _is_id(value: object) -> bool:
    return isinstance(value, Hashable)  # a mapping is none: such a document is not served


def show_plan(planned: Planned) -> None:
    """Print the plan as a table: all of it in a pipe, what can be read on a terminal."""
    steps = planned.steps
    if steps:
        shown = steps[:_SHOWN] if sys.stdout.isatty() else steps
        columns = ["what", "project", "site", "path", "size", "why"]
        print_table("Plan", columns, [_row(step) for step in shown])
        if len(shown) < len(steps):
            click.echo(f"… and {len(steps) - len(shown)} more: --json shows all.", err=True)
        click.echo(f"To do: {_told(planned)}. Nothing was changed.", err=True)
    else:
        click.echo("Nothing to do: every file is where it should be.")
    if planned.paused:
        click.echo(f"{files_text(planned.paused)} wanted where it is paused stay.", err=True)


def plan_json(planned: Planned) -> dict[str, Any]:
    """Return the plan as one object."""
    steps = [asdict(step) for step in planned.steps]
    return {"steps": steps, "bytes": planned.size, "paused": planned.paused}


def _row(step: Step) -> list[str]:
    size = decimal(step.size) if step.what == "bring" else "-"
    return [step.what, step.project, step.site, step.path, size, step.why]


def _told(planned: Planned) -> str:
    counted = Counter(step.what for step in planned.steps)
    parts = [f"{what} ×{count}" for what, count in counted.items()]
    return f"{', '.join(parts)}; {decimal(planned.size)} to move"
