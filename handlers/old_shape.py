"""Older documents keep `sites` as a mapping `{NAME: {…}}`: turn it into the list."""

from collections.abc import Iterator

from reactor.commands import Command, MigrateSites
from reactor.events import ChangeEvent
from reactor.model import Topology


def migrate_sites(event: ChangeEvent, topology: Topology) -> Iterator[Command]:
    """Yield a migration for each file whose `sites` name one of the settings' sites."""
    if event.representation is None:
        return
    for file in event.representation.files:
        if file.legacy and any(entry.name in topology.known for entry in file.entries):
            yield MigrateSites(event.representation.ref(file))
