"""A wish carried out from the command line: with its progress, and stopped by Ctrl-C."""

from __future__ import annotations

import anyio

from config.models import Settings
from providers.base import ProviderError
from reactor.cli.shell import Stop, watch_signals
from reactor.cli.site.counting import counting
from reactor.cli.site.report import Report
from reactor.cli.site.subject import Subject
from reactor.database import Client
from reactor.operators.site_edits import Wish
from reactor.operators.sweep import Carrier, EntryEdits, Sweep
from reactor.reader import Reader
from reactor.recorder import Recorder


def reader_of(client: Client, settings: Settings) -> Reader:
    """Return what reads the studio's documents."""
    return Reader(client[settings.mongo.database])


def recorder_of(client: Client, settings: Settings) -> Recorder:
    """Return what writes the studio's documents."""
    mongo = settings.mongo
    return Recorder(client, client[mongo.database], client[mongo.state_database])


async def change_entries(
    client: Client, settings: Settings, subject: Subject, wish: Wish
) -> Report:
    """Carry a wish out in documents alone."""
    reader = reader_of(client, settings)
    carrier = EntryEdits(reader, recorder_of(client, settings), wish)
    return await carry_out(reader, carrier, subject, wish)


async def carry_out(reader: Reader, carrier: Carrier, subject: Subject, wish: Wish) -> Report:
    """Carry a wish out, batch by batch, until it is done or the program is asked to stop."""
    scope, stop = subject.scope, Stop()
    total = await reader.count(scope.project) if scope.ids is None else len(scope.ids)
    failure: ProviderError | None = None
    with counting(total) as progress:
        sweep = Sweep(reader, carrier, progress, stop.asked.is_set)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(watch_signals, stop)
            try:
                await sweep.run(scope, wish)
            except ProviderError as error:
                failure = error
            tasks.cancel_scope.cancel()
    return Report(subject, sweep.tally, failure)
