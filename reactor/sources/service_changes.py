"""
What a service tells of its own site: a file that somebody put there, changed or took away.

It is asked from time to time, from a token on, by one process at a time. The token is kept only
once all that was told before it has been followed up: what a crash interrupts is told again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import structlog
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from providers.base import Facts, Marker, ProviderError
from providers.services import Change, ChangingProvider, HistoryLostError
from reactor.backoff import SITE_RETRY
from reactor.claims import Claims
from reactor.sites import Site
from reactor.turns import in_turn
from reactor.watching.news import is_news
from reactor.watching.telling import Mode, Told

log = structlog.stdlib.get_logger()

_MOST_HEARD = 100_000
_TURN_INTERVALS = 3


@dataclass(frozen=True, slots=True)
class Turns:
    """
    How processes share the work of following services, and where they keep their tokens.

    Those of one `own` site share it: others may serve other projects, or reach other copies to
    prove a file by.
    """

    claims: Claims
    cursors: AsyncCollection[dict[str, Any]]
    own: str


@dataclass(slots=True)
class ServiceChanges:
    """
    One root of one site whose service tells of changes: a `RootSource`.

    The site is open, and its provider a `ChangingProvider`.
    """

    site: Site
    root: str
    turns: Turns
    told: Told
    mode: Mode = field(default="starting", init=False)
    why: str = field(default="", init=False)
    _heard: dict[str, Change] = field(default_factory=dict[str, Change], init=False)
    _begin_again: bool = field(default=False, init=False)

    @property
    def folder(self) -> str:
        """The root as documents have it: a service's own address of it says little."""
        return f"{{root[{self.root}]}}" if self.root else "{root}"

    async def run(self) -> None:
        """Ask what happened when it is this process's turn, for ever."""
        failures = 0
        while True:
            wait = _TURN_INTERVALS * self.site.changes_interval
            try:
                await self._take_turn()
                failures = 0
            except Exception as error:  # noqa: BLE001 - told with its name; the next may be better
                failures += 1
                self._silent(error)
                wait = max(wait, SITE_RETRY.delay(failures, random.random()))  # noqa: S311 - jitter
            now = time.monotonic()
            await anyio.sleep(max(wait, (self.site.resting_until(now) or now) - now))

    async def seen(self, paths: Sequence[str]) -> dict[str, Facts | None]:
        """Return what the service has told of files, and what is in folders now."""
        seen: dict[str, Facts | None] = {}
        for path in paths:
            change = self._heard.pop(path, None)
            seen[path] = change.facts if change else None
            if change is not None and change.folder:
                async for listed in self.site.provider.listing(self.root, path):
                    seen[listed.where.path] = listed.facts
        return seen

    def again(self) -> None:
        """Ask anew from the token that was kept: what was told since is told again."""
        self._begin_again = True

    async def _take_turn(self) -> None:
        """Follow the service for as long as no other process of the own site does."""
        await self.site.open()
        marker = await self.site.marker(self.root)
        async with in_turn(
            self.turns.claims, f"changes of {marker.id} for {self.turns.own}"
        ) as ours:
            if ours:
                await self._follow(marker)
            elif self.mode != "elsewhere":
                self.mode, self.why = "elsewhere", "another process follows it"

    async def _follow(self, marker: Marker) -> None:
        key = f"changes of {marker.id} at {self.site.label} for {self.turns.own}"
        kept = await self._kept(key)
        token = kept or await self._now()
        log.info("following", site=self.site.label, root=self.root, anew=not kept or None)
        while True:
            token = await self._ask(token)
            self.mode, self.why = "live", ""
            await anyio.sleep(self.site.changes_interval)
            if await self.site.marker(self.root) != marker:
                return  # nothing below another root is what it was
            if self._begin_again:
                self._begin_again = False
                token = await self._kept(key) or await self._now()
            elif token != kept and self.told.settled():
                await self._keep(key, token)
                kept = token

    async def _ask(self, token: str) -> str:
        """Tell what happened since a token, and return the one to go on from."""
        service = cast("ChangingProvider", self.site.provider)
        try:
            async for batch in service.changes(self.root, token):
                for change in batch.changes:
                    self._tell(change)
                if batch.unsure:
                    self.told.unsure(0.0)
                token = batch.token
        except HistoryLostError as error:
            log.warning("history lost", site=self.site.label, root=self.root, why=str(error)[:200])
            return await self._now()
        return token

    async def _now(self) -> str:
        """Return a token for this moment; what happened before it only a survey can tell."""
        token = await cast("ChangingProvider", self.site.provider).changes_now(self.root)
        self.told.unsure(0.0)
        return token

    def _tell(self, change: Change) -> None:
        path = change.where.path if change.where else None
        if change.id and not change.folder:
            self.told.lost(change.id, path)  # it may have had another place
        if path is not None and is_news(path):
            self._heard[path] = change
            self.told.happened(path)
            if len(self._heard) > _MOST_HEARD:
                self._heard.clear()
                self.told.unsure(0.0)

    def _silent(self, error: Exception) -> None:
        known = isinstance(error, ProviderError | PyMongoError)
        why = str(error)[:300] if known else f"unexpected {type(error).__name__}: {error}"[:300]
        if (self.mode, self.why) != ("silent", why):
            trace = None if known else error
            log.warning(
                "not following", site=self.site.label, root=self.root, why=why, exc_info=trace
            )
        self.mode, self.why = "silent", why

    async def _kept(self, key: str) -> str | None:
        found = await self.turns.cursors.find_one({"_id": key})
        return found["token"] if found else None

    async def _keep(self, key: str, token: str) -> None:
        await self.turns.cursors.update_one({"_id": key}, {"$set": {"token": token}}, upsert=True)
