"""One pass, put together: parts of this process, its claims, and a bookmark."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

import anyio
import click

from config.models import Settings
from providers.base import ProviderError
from reactor.claims import Claims
from reactor.cli.compose import open_database, open_sites
from reactor.cli.shell import Stop, plain_cell, watch_signals
from reactor.cli.site.sweeping import reader_of, recorder_of
from reactor.cli.validate.asked import Asked, require
from reactor.cli.validate.layout import Layout, Surroundings
from reactor.cli.validate.progress import looking
from reactor.clock import DatabaseClock
from reactor.database import Client
from reactor.judging.desk import Desk
from reactor.judging.validation.bookmark import Bookmark
from reactor.judging.validation.findings import Findings
from reactor.judging.validation.removals import Removals
from reactor.judging.validation.validation import Plot, Validation
from reactor.model import Policy
from reactor.operators.claiming import claiming
from reactor.tasks import then_cancel


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a pass over a site; `since` is when an interrupted one was, that it went on with."""

    asked: Asked
    site: str
    policy: Policy
    findings: Findings
    removals: Removals
    seconds: float
    since: datetime | None


async def carry_out(settings: Settings, asked: Asked) -> Outcome:
    """
    Carry a pass out, and return what came of it.

    Raises `SettingsError` for a wrong name, and `ProviderError` where no root can be gone through.
    """
    started = time.monotonic()
    async with (
        open_database(settings) as client,
        open_sites(settings) as (sites, problems),
    ):
        site, projects = await require(client, settings, asked)
        async with _desk(client, settings, asked) as desk:
            layout = Layout(Surroundings(settings, desk, sites, problems), site, asked.depth)
            for project in projects:
                await layout.add(project, judged=_is_judged(settings, asked, site, project))
            if not layout.inspections:
                raise ProviderError(
                    "\n".join(layout.failures)
                    or f"no project is enabled that has the site {site!r}"
                )
            validation = await _validate(client, settings, asked, layout)
    return Outcome(
        asked,
        site,
        _policy(layout),
        validation.findings,
        validation.removals,
        time.monotonic() - started,
        validation.bookmark.at if validation.bookmark else None,
    )


async def _validate(client: Client, settings: Settings, asked: Asked, layout: Layout) -> Validation:
    plots = await layout.plots(narrowed=bool(asked.projects))
    policy = _policy(layout)
    removals = Removals(policy.deletion_limit, policy.vanish_grace, confirmed=asked.confirmed)
    bookmark = None
    if not asked.dry_run:
        cursors = client[settings.mongo.state_database]["cursors"]
        bookmark = Bookmark(cursors, asked.name, asked.manner)
        await bookmark.find()
        _tell_where(bookmark, plots)
        for project in layout.inspections:
            await reader_of(client, settings).make_indexes(project)
    with looking() as shown:
        validation = Validation(layout.inspections, removals, bookmark, shown)
        validation.findings.failures += layout.failures
        await _until_stopped(validation, plots)
    return validation


async def _until_stopped(validation: Validation, plots: Sequence[Plot]) -> None:
    stop = Stop()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch_signals, stop)
        with anyio.CancelScope() as scope:
            tasks.start_soon(then_cancel, stop.asked.wait, scope)
            await validation.run(plots)
        tasks.cancel_scope.cancel()
    validation.findings.interrupted = stop.asked.is_set()


@asynccontextmanager
async def _desk(client: Client, settings: Settings, asked: Asked) -> AsyncGenerator[Desk]:
    """Yield what documents and claims are read and written with; a dry run claims nothing."""
    reader, recorder, clock = (
        reader_of(client, settings),
        recorder_of(client, settings),
        DatabaseClock(),
    )
    await clock.ask(client)
    state = client[settings.mongo.state_database]
    if asked.dry_run:
        yield Desk(reader, recorder, Claims(state["claims"], ""), clock)
        return
    async with claiming(state, settings.machine.site_id) as claims:
        try:
            yield Desk(reader, recorder, claims, clock)
        finally:
            await recorder.aclose()


def _is_judged(settings: Settings, asked: Asked, site: str, project: str) -> bool:
    if asked.projects:
        return project in asked.projects
    view = settings.project(project)
    return view.enabled and site in view.sites


def _policy(layout: Layout) -> Policy:
    """Return the most careful of what projects say of the site."""
    policies = [inspection.site.policy for inspection in layout.inspections.values()]
    return Policy(
        policies[0].on_missing,
        max(policy.vanish_grace for policy in policies),
        min(policy.deletion_limit for policy in policies),
    )


def _tell_where(bookmark: Bookmark, plots: Iterable[Plot]) -> None:
    if bookmark.at is None:
        return
    after = [bookmark.places.get(plot.marker.id) for plot in plots]
    where = f", after {plain_cell(path)}" if (path := next(filter(None, after), "")) else ""
    click.echo(
        f"going on where it was interrupted at {bookmark.at.astimezone():%H:%M:%S}{where}",
        err=True,
    )
