"""A file is wanted somewhere, and here is a process that can bring it."""

from collections.abc import Iterator
from datetime import datetime

from reactor.commands import Command, KeepTransfers, RequestTransfer, StopTransfer
from reactor.events import ChangeEvent
from reactor.model import Entry, File, Topology, Work


def request_transfers(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """Yield requests for what is wanted, stops for what is paused, and what may go on running."""
    requests: list[RequestTransfer] = []
    if event.representation is not None:
        for file in event.representation.files:
            if not file.flaw:
                requests += _requests(event, file, topology)
    wanted = frozenset(request.work for request in requests)
    yield KeepTransfers(event.key, wanted, event.positions)
    yield from requests
    if event.representation is not None:
        for file in event.representation.files:
            yield from _stops(event, file, topology)


def _requests(event: ChangeEvent, file: File, topology: Topology) -> Iterator[RequestTransfer]:
    for site, entries in _wanted(file, topology).items():
        due = [entry for entry in entries if not entry.paused and not topology.failed(entry)]
        if due and topology.sources(file, site):
            yield RequestTransfer(
                Work(event.key.project, site, file.path),
                priority=_highest(due),
                retry_at=_earliest(due),
            )


def _stops(event: ChangeEvent, file: File, topology: Topology) -> Iterator[StopTransfer]:
    for site, entries in _wanted(file, topology).items():
        if all(entry.paused for entry in entries):
            yield StopTransfer(Work(event.key.project, site, file.path))


def _wanted(file: File, topology: Topology) -> dict[str, list[Entry]]:
    """Return the wanted entries by the served site that stands for their group."""
    groups: dict[str, list[Entry]] = {}
    for name in dict.fromkeys(entry.name for entry in file.entries):
        entry = file.at(name)
        destination = topology.destination(name)
        if entry is not None and destination is not None and not file.available_at(name):
            groups.setdefault(destination, []).append(entry)
    return groups


def _highest(entries: list[Entry]) -> int | None:
    return max((e.priority for e in entries if e.priority is not None), default=None)


def _earliest(entries: list[Entry]) -> datetime | None:
    """Return when the first of the entries may be tried; None if one may be at once."""
    times = [entry.retry_at for entry in entries if entry.tries and entry.retry_at]
    return min(times) if len(times) == len(entries) else None
