"""A file is wanted somewhere, and here is a process that can bring it."""

from collections.abc import Iterator
from datetime import datetime

from reactor.commands import Command, KeepTransfers, RequestTransfer, StopTransfer
from reactor.events import ChangeEvent
from reactor.model import Entry, File, Topology, Work


def request_transfers(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """Yield requests for what is wanted, stops for what is paused, and what may go on running."""
    files = event.representation.files if event.representation is not None else ()
    wanted = [(file, _wanted(file, topology)) for file in files]
    requests = [
        request
        for file, by_site in wanted
        if not file.flaw
        for request in _requests(event, file, by_site, topology)
    ]
    works = frozenset(request.work for request in requests)
    yield KeepTransfers(event.key, works, event.positions)
    yield from requests
    for file, by_site in wanted:
        for site, entries in by_site.items():
            if all(entry.paused for entry in entries):
                yield StopTransfer(Work(event.key.project, site, file.path))


def _requests(
    event: ChangeEvent, file: File, wanted: dict[str, list[Entry]], topology: Topology
) -> Iterator[RequestTransfer]:
    for site, entries in wanted.items():
        due = [entry for entry in entries if not entry.paused and not topology.failed(entry)]
        if due and topology.sources(file, site):
            yield RequestTransfer(
                Work(event.key.project, site, file.path),
                priority=_highest(due),
                retry_at=_earliest(due),
            )


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
