"""What a process does by the clock: renew its claims or end them, say that it lives, show progress."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import structlog
from pymongo.errors import PyMongoError

from reactor import edits
from reactor.claims import Claims
from reactor.company import Company
from reactor.events import Key
from reactor.leases import RENEW_SECONDS
from reactor.recorder import Recorder, Shown
from reactor.registry import Registry
from reactor.scheduler import Running, Scheduler
from reactor.sites import Sites

log = structlog.stdlib.get_logger()

BEAT_SECONDS = 5.0
SHOW_SECONDS = 3.0
_MOST_WAYS = 100


class Heart:
    """
    The clockwork of one process.

    `watches` tells how sites are watched for changes by hand, `spaces` how much more they take.
    """

    def __init__(
        self,
        registry: Registry,
        claims: Claims,
        recorder: Recorder,
        scheduler: Scheduler,
        sites: Sites,
    ) -> None:
        self._registry = registry
        self._claims = claims
        self._recorder = recorder
        self._scheduler = scheduler
        self._sites = sites
        self._company = Company()
        self.watches: Callable[[], list[dict[str, Any]]] = list
        self.spaces: Callable[[], list[dict[str, Any]]] = list

    async def run(self) -> None:
        """Beat, renew and show, for ever, each by its own clock."""
        async with anyio.create_task_group() as clocks:
            clocks.start_soon(_every, RENEW_SECONDS, self._renew)
            clocks.start_soon(_every, BEAT_SECONDS, self._beat)
            clocks.start_soon(_every, SHOW_SECONDS, self._show)

    async def look_around(self) -> None:
        """Learn who else runs, and who is gone."""
        self._claims.dead = await self._registry.dead()
        await self._registry.bury(self._claims.dead)
        self._company = await self._registry.company()
        self._scheduler.queue.part = self._company.part

    def first_to_look(self, key: Key) -> object:
        """Return the session of who looks first at what is published."""
        return self._company.first(key)

    async def _renew(self) -> None:
        """Renew all claims at once; what has lost its claim stops before it does more work."""
        await self._claims.give_up_owed()
        held = list(self._scheduler.running.values())
        still = await self._claims.renew([running.claim for running in held])
        for running in held:
            if running.claim.id not in still:
                self._scheduler.stop(running.job.work)

    async def _beat(self) -> None:
        for site in self._sites:
            if stuck := site.provider.stuck():
                self._sites.suspend(site, stuck)
        await self.look_around()
        await self._claims.give_up_dead()
        running = [_doing(running) for running in self._scheduler.running.values()]
        now = time.monotonic()
        suspended = {
            site.label: {"kind": why.kind, "why": why.reason}
            for site in self._sites
            if (why := site.in_trouble(now))
        }
        await self._registry.beat(
            {
                "running": running[:100],
                "running_count": len(running),
                "waiting": len(self._scheduler.queue),
                "suspended": suspended,
                "watches": self.watches(),
                "spaces": self.spaces(),
                "ways": [way._asdict() for way in self._sites.ways_known()[:_MOST_WAYS]],
            }
        )

    async def _show(self) -> None:
        """Show progress of what takes longer than a moment: each show is a write and an event."""
        now = time.monotonic()
        long = [
            running
            for running in self._scheduler.running.values()
            if running.progress.size
            and not running.ending
            and now - running.progress.started > SHOW_SECONDS
        ]
        if long:
            await self._recorder.show([_shown(running) for running in long])


def _shown(running: Running) -> Shown:
    progress = running.progress
    done = progress.done / progress.size
    shown = [edits.progress(file, running.job.group, done) for file in running.job.files]
    return running.claim, shown, _doing(running)


def _doing(running: Running) -> dict[str, Any]:
    progress = running.progress
    return {
        "work": progress.work.path,
        "to": progress.work.site,
        "from": progress.source,
        "size": progress.size,
        "done": progress.done,
        "rate": round(progress.sent / max(0.001, time.monotonic() - progress.started)),
    }


async def _every(seconds: float, act: Callable[[], Awaitable[None]]) -> None:
    while True:
        await anyio.sleep(seconds)
        try:
            await act()
        except PyMongoError as error:
            log.debug("database does not answer", why=str(error)[:200])
