"""A document of the wrong shape: say so once, stop that file, and let all others go on."""

from collections.abc import Iterator

from reactor.commands import Command, Complain, FailEntries
from reactor.events import ChangeEvent
from reactor.model import Entry, File, Topology


def report_flaws(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """Yield a complaint for each flaw, and stop the wanted entries that the file has."""
    representation = event.representation
    if representation is None:
        return
    if representation.flaw:
        yield Complain(event.key, representation.flaw)
    for file in representation.files:
        if file.flaw or file.oddity:
            name = file.path or f"file {file.position}"
            yield Complain(event.key, f"{name}: {file.flaw or file.oddity}")
        if file.flaw and (sites := _to_stop(file, file.flaw, topology)):
            ref = representation.ref(file)
            yield FailEntries(ref, sites, file.flaw, topology.retry_count)


def _to_stop(file: File, flaw: str, topology: Topology) -> frozenset[str]:
    """Return the sites whose entries are wanted and do not tell of the flaw yet."""

    def untold(entry: Entry) -> bool:
        return not entry.available and not (entry.error == flaw and topology.failed(entry))

    served = topology.together(topology.served)
    return frozenset(entry.name for entry in file.entries if entry.name in served and untold(entry))
