"""The demo from its first line to its last."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import anyio
from anyio import to_thread

from reactor.cli.demo.drive import Witness
from reactor.cli.demo.earlier import DATABASE, STATE, clear_unless_interrupted
from reactor.cli.demo.handover import hand_over
from reactor.cli.demo.layout import PROJECT, DemoError, Layout
from reactor.cli.demo.publishing import HERO, Item, Publisher, make_files, make_workfile
from reactor.cli.demo.reactor_process import kept_running
from reactor.cli.demo.report import COLUMNS, after, compare, resumed, rows
from reactor.cli.demo.screen import Screen, Show
from reactor.cli.demo.studio import open_studio
from reactor.cli.demo.watching import Arrived, Watch
from reactor.cli.shell import print_table
from reactor.database import Client, connect
from reactor.embedded import embedded_mongod
from reactor.presence import read_presence

_POLL = 0.1
_PATIENCE = 60.0
_MIB = 1024 * 1024
_RESUMED = {"outcome": "available", "$expr": {"$lt": ["$sent", "$bytes"]}}


async def perform(layout: Layout, cache_size: int, screen: Screen) -> bool:
    """Return whether everything arrived, and every copy equals its source."""
    layout.log.unlink(missing_ok=True)
    screen.say("SiteSync demo: the main job, on real files and real servers.")
    screen.say(f"  folder    {layout.folder}")
    async with _database(layout) as client:
        version = (await client.server_info())["version"]
        screen.say(f"  database  MongoDB {version}, embedded, a replica set of one")
        interrupted = await clear_unless_interrupted(client, layout)
        async with open_studio(layout) as servers:
            screen.say(f"  vendor    SFTP, {servers.sftp}; vendor_web is an alternative of it")
            screen.say("  backup    a second disk, which gets everything (always_accessible_on)")
            if servers.drive is not None:
                place = f"an emulator of it on {servers.drive.site['endpoint']}"
                screen.say(f"  gdrive    Google Drive, {place}, which gets everything too")
            if interrupted:
                screen.say("An earlier demo was interrupted: its work is finished on the way.")
            witness = servers.drive.witness if servers.drive else None
            return await Story(layout, client, screen, witness).tell(cache_size)


@asynccontextmanager
async def _database(layout: Layout) -> AsyncGenerator[Client]:
    async with embedded_mongod(layout.mongod) as uri:
        client = await connect(uri)
        try:
            yield client
        finally:
            with anyio.CancelScope(shield=True):
                await client.close()


@dataclass
class Story:
    """A studio that is set up, and what happens in it."""

    layout: Layout
    client: Client
    screen: Screen
    witness: Witness | None
    watch: Watch = field(init=False)
    publisher: Publisher = field(init=False)

    def __post_init__(self) -> None:
        documents = self.client[DATABASE][PROJECT]
        self.watch = Watch(self.layout, documents)
        self.publisher = Publisher(self.layout, documents)

    async def tell(self, cache_size: int) -> bool:
        """Publish, follow, and show what came of it; return whether all is right."""
        size = f"{cache_size // _MIB} MiB"
        self.screen.say(f"Making a workfile, frames and a cache of {size} …")
        version = await self.publisher.next_version()
        items = await to_thread.run_sync(partial(make_files, self.layout, version, cache_size))
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.watch.follow)
            async with kept_running(self.layout, self.screen.say):
                await self._publish(items)
                await self._publish_hero(version)
            tasks.cancel_scope.cancel()
        return await self._compare()

    async def _publish(self, items: Iterable[Item]) -> None:
        self.screen.say("Publishing, as OpenPype's integrator does …")
        for item in items:
            await self.publisher.publish(item)
        with self.screen.progress() as show:
            await self._until_complete(show)
        print_table("Published", COLUMNS, list(rows(self.watch, self.publisher.moments)))
        async for attempt in self.client[STATE]["attempts"].find(_RESUMED):
            self.screen.say(resumed(attempt))

    async def _publish_hero(self, version: int) -> None:
        """Publish the workfile again under its path: other bytes, of the same size."""
        item = make_workfile(self.layout, version, saved=2)
        identity = await self.publisher.publish(item)
        await self._until_complete(_show_nothing)
        hero = self.watch.representations[identity]
        if compare(self.layout, [hero]).different:
            raise DemoError(f"{HERO} was published again, and an old copy stands where it was")
        times = after(self.watch, hero, self.publisher.moments[identity])
        self.screen.say(f"The hero version {HERO}, published again under its path:")
        self.screen.say(f"  its new bytes were {times}.")

    async def _compare(self) -> bool:
        self.screen.say("Reading every copy back, from its disk and beside its source …")
        published = list(self.watch.representations.values())
        found = await to_thread.run_sync(compare, self.layout, published)
        for copy in found.different:
            self.screen.say(f"  {copy} is not what was published")
        if not found.different:
            self.screen.say(
                f"  {found.copies} copies, {found.size // _MIB} MiB: every byte is as published."
            )
        right = await self._is_right_on_drive() and not found.different
        if right:
            self.screen.say(hand_over(self.layout))
        return right

    async def _is_right_on_drive(self) -> bool:
        if self.witness is None:
            return True
        self.screen.say(
            "rclone, a witness that others wrote, reads the Drive beside the studio's disk …"
        )
        different = await self.witness.check(self.layout)
        self.screen.say(f"  {different or 'It finds every byte as published, and nothing else.'}")
        return different is None

    async def _until_complete(self, show: Show) -> None:
        """Return when every file is available everywhere; `DemoError` where that cannot be."""
        last: list[Arrived] = []
        moved = time.monotonic()
        while not await self.watch.is_complete():
            arrived = [self.watch.arrived(site) for site in self.layout.copies]
            show(arrived)
            if arrived != last:
                last, moved = arrived, time.monotonic()
            if problem := self.watch.problem():
                raise DemoError(problem)
            if time.monotonic() - moved > _PATIENCE:
                raise DemoError(await self._standstill())
            await anyio.sleep(_POLL)
        show([self.watch.arrived(site) for site in self.layout.copies])

    async def _standstill(self) -> str:
        """Return why nothing moves any more, as far as the reactor says."""
        presence = await read_presence(self.client[STATE])
        for site in (site for reactor in presence.alive for site in reactor.suspended):
            return f"site {site.site!r} is not served: {site.why}"
        return f"nothing has moved for {_PATIENCE:.0f} s: look into {self.layout.log}"


def _show_nothing(_: object) -> None:
    """Let something small go by."""
