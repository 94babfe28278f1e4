"""Sites that must have every file, and alternatives of those that a file names, get an entry."""

from collections.abc import Iterator

from reactor.commands import AddEntries, Command
from reactor.events import ChangeEvent
from reactor.model import Topology


def add_missing_entries(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """
    Yield wanted entries where a setting asks for one.

    An alternative of an available site is added as wanted too: it becomes available when
    somebody who can has looked at the bytes (DESIGN §9), in milliseconds where they are local.
    """
    if event.representation is None:
        return
    for file in event.representation.files:
        if file.flaw:
            continue
        named = frozenset(entry.name for entry in file.entries)
        asked = topology.together((*topology.always, *(named & topology.known)))
        if missing := asked - named:
            yield AddEntries(event.representation.ref(file), missing)
