"""An operator beside running reactors, to whom anything may happen between two steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from typing import Any

from bson import ObjectId

from providers.base import Location, Setup
from providers.local_drive import LocalDrive, LocalDriveOptions
from reactor.clock import DatabaseClock
from reactor.edits import FileEdit
from reactor.judging.desk import Desk
from reactor.judging.places import Places
from reactor.operators.claiming import claiming
from reactor.operators.copies import Copies
from reactor.operators.deletion import Deletion
from reactor.operators.site_edits import Wish, removing
from reactor.operators.sweep import EntryEdits, Scope, Sweep
from reactor.operators.tally import Tally
from reactor.reader import Reader
from reactor.recorder import Recorder, Written
from reactor.sites import Site, Sites, Throttle
from tests.path.studio import PROJECT, Studio, some_bytes

Mischief = Callable[[], Awaitable[None]]


class SlyDisk(LocalDrive):
    """A disk at which something happens before one of its calls: a pause, a fault, mischief."""

    def __init__(self, studio: Studio, site: str) -> None:
        roots = {"work": str(studio.path(site))}
        super().__init__(Setup(site, roots, LocalDriveOptions()))
        self.before_remove: Mischief | None = None
        self.before_facts: list[Mischief | None] = []
        self.after_facts: Mischief | None = None

    async def remove(self, where: Location) -> None:
        if self.before_remove is not None:
            await self.before_remove()
        await super().remove(where)

    async def facts(self, where: Location) -> Any:
        if self.before_facts and (mischief := self.before_facts.pop(0)):
            await mischief()
        found = await super().facts(where)
        if self.after_facts is not None:
            await self.after_facts()
        return found


class SlyRecorder(Recorder):
    """Writes, and then something happens at once."""

    after_edit: Mischief | None = None

    async def edit(self, edits: Iterable[FileEdit]) -> Written:
        written = await super().edit(edits)
        if self.after_edit is not None:
            await self.after_edit()
        return written


class Operator:
    """One operator, who deletes files at a site; its disks are its own."""

    def __init__(self, studio: Studio, site: str = "vendor") -> None:
        self.studio = studio
        self.site = site
        self.disks = {name: SlyDisk(studio, name) for name in studio.names}
        self.disk = self.disks[site]
        made = {
            name: Site(name, partial(self.disks.__getitem__, name), Throttle(None))
            for name in self.disks
        }
        self.sites = Sites(made, {})
        self.after_edit: Mischief | None = None

    async def delete(self, representation: ObjectId) -> Tally:
        """Remove one representation from the site, with its bytes."""
        studio, group = self.studio, frozenset({self.site})
        client, state = studio.client, studio.client[f"{studio.database}_state"]
        database = client[studio.database]
        wish, scope = removing(self.site, group), Scope(PROJECT, (representation,))
        site = self.sites.of(PROJECT, self.site)
        async with claiming(state, "studio") as claims:
            reader = Reader(database)
            recorder = SlyRecorder(client, database, state)
            recorder.after_edit = self.after_edit
            deletion = Deletion(
                Desk(reader, recorder, claims, DatabaseClock()),
                scope,
                wish,
                Copies(PROJECT, self.sites, site, group),
                Places(PROJECT, site, frozenset({"", "work"})),
            )
            sweep = Sweep(reader, deletion, lambda _: None, lambda: False)
            await sweep.run(scope, wish)
        return sweep.tally


async def published(studio: Studio, name: str = "a.exr") -> ObjectId:
    """Publish a file, and let a reactor bring it to the vendor."""
    representation = await studio.publish_file(name, some_bytes())
    await studio.run_until_idle()
    assert "created_dt" in await studio.entry(representation, "vendor")
    return representation


async def change_entries(studio: Studio, wish: Wish) -> Tally:
    """Carry a wish out in all documents of the project."""
    database = studio.client[studio.database]
    reader = Reader(database)
    carrier = EntryEdits(reader, Recorder(studio.client, database, studio.state), wish)
    sweep = Sweep(reader, carrier, lambda _: None, lambda: False)
    await sweep.run(Scope(PROJECT), wish)
    return sweep.tally
