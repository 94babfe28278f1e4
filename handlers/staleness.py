"""A file was republished under the same path: what was made from the old bytes is wanted again."""

from collections.abc import Iterator

from reactor.commands import Command, ResetStale
from reactor.events import ChangeEvent
from reactor.model import Topology


def reset_stale_entries(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """Yield a reset for the entries whose `source_hash` is not that of the file's `hash`."""
    if event.representation is None:
        return
    for file in event.representation.files:
        stale = frozenset(
            entry.name
            for entry in file.entries
            if entry.name in topology.known and entry.available and entry.stale(file.hash)
        )
        if stale:
            yield ResetStale(event.representation.ref(file), stale)
