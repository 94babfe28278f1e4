"""
What dead owners left: claims on places where nothing is wanted, and staged files of no claim.

Staged files that were made after their claim was over are looked for a few times (`stragglers`).

A claim is ended by taking it over and revoking what was staged under it and its formers; only
then is it deleted (ARCHITECTURE, rule 5). Where something is wanted it is left alone: the next
transfer to that place goes on from it.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterable, Sequence
from typing import Any, cast

import anyio
import structlog
from anyio import CapacityLimiter
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import PyMongoError

from providers.base import DiskProvider, Handle, Location, ProviderError, StagedFile
from reactor.backoff import RECONNECT
from reactor.claims import Claim, Claims, Place
from reactor.leases import LEASE_SECONDS
from reactor.model import File, Topology
from reactor.reader import Reader
from reactor.sites import Site
from reactor.stragglers import Straggler
from reactor.turns import in_turn
from reactor.workers import Serving

log = structlog.stdlib.get_logger()

CLAIMS_SECONDS = float(LEASE_SECONDS)
STRAGGLERS_SECONDS = 10.0
_DAY_SECONDS = 24 * 3600.0
_PAGE = 200
_REVOKED_AT_ONCE = 8


class Leftovers:
    """
    Clears away what is left: claims at start and every half minute, staged files once a day.

    A reactor that runs for weeks must not leave lying about what was given up while a site was
    out of reach, and is wanted by nobody any more. `done` keeps when each root was gone through:
    that takes long, and one process does it.
    """

    def __init__(
        self,
        reader: Reader,
        claims: Claims,
        serving: Serving,
        done: AsyncCollection[dict[str, Any]],
    ) -> None:
        self._reader = reader
        self._claims = claims
        self._serving = serving
        self._done = done
        self._limit = CapacityLimiter(_REVOKED_AT_ONCE)
        self._settled = anyio.Event()

    async def settled(self) -> None:
        """Return when all was cleared away once."""
        await self._settled.wait()

    async def run(self) -> None:
        """Clear away what is left, now and from time to time, for ever."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._look_for_stragglers)
            await self._clear_away()

    async def _clear_away(self) -> None:
        failures, swept_at = 0, -math.inf
        while True:
            try:
                await self.end_claims()
                if time.monotonic() - swept_at >= _DAY_SECONDS:
                    for site in self._serving.sites:
                        await self._sweep_site(site)
                    swept_at = time.monotonic()
            except PyMongoError as error:
                failures += 1
                log.debug("database does not answer", why=str(error)[:200])
                await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
            else:
                failures = 0
                self._settled.set()
                await anyio.sleep(CLAIMS_SECONDS)

    # Claims.

    async def end_claims(self) -> int:
        """End the claims of dead owners on places where nothing is wanted; return how many."""
        ended, after = 0, ""
        while page := await self._claims.abandoned(after, _PAGE):
            after = page[-1].key
            taken = await self._claims.take(await self._unwanted(page))
            ended += await self._end(list(taken.values()))
        if ended:
            log.info("claims of dead owners ended", count=ended)
        return ended

    async def _unwanted(self, places: Sequence[Place]) -> list[Place]:
        """Return the places that this process reaches and where nothing is wanted any more."""
        unwanted: list[Place] = []
        for project in dict.fromkeys(place.project for place in places):
            topology = self._serving.topology_of(project)
            if topology is None:
                continue
            reached = [
                place
                for place in places
                if place.project == project and topology.destination(place.site)
            ]
            wanted = await self._wanted(topology, {_path(place) for place in reached})
            unwanted += [
                place
                for place in reached
                if not wanted.get(_path(place), frozenset()) & topology.alternatives_of(place.site)
            ]
        return unwanted

    async def _wanted(self, topology: Topology, paths: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return, by path, the sites at which a file is wanted, failed and paused ones included."""
        wanted: dict[str, frozenset[str]] = {}
        for representation in await self._reader.at_paths(topology.project, list(paths)):
            for file in representation.files:
                wanted[file.path] = wanted.get(file.path, frozenset()) | _wanted_at(file)
        return wanted

    async def _end(self, claims: Sequence[Claim]) -> int:
        """Revoke what former owners staged, and end the claims under which nothing is left."""
        ended: list[Claim] = []

        async def end(claim: Claim) -> None:
            async with self._limit:
                if await self._revoke_formers(claim):
                    ended.append(claim)

        async with anyio.create_task_group() as together:
            for claim in claims:
                together.start_soon(end, claim)
        await self._claims.release(ended)
        await self._claims.give_up([claim for claim in claims if claim not in ended])
        return len(ended)

    async def _revoke_formers(self, claim: Claim) -> bool:
        """Return whether nothing is staged any more under the claims that were here before."""
        site = self._serving.sites.of(claim.place.project, claim.place.site)
        try:
            await site.open()
            for former in claim.former:
                token = former.journal.token if former.journal else ""
                where = Location(former.root, former.path)
                await site.provider.revoke(Handle(where, former.claim, token))
        except ProviderError as error:
            log.debug("a claim stays", place=claim.place.key, why=str(error))
            return False
        return True

    # Staged files.

    async def _look_for_stragglers(self) -> None:
        while True:
            await anyio.sleep(STRAGGLERS_SECONDS)
            try:
                await self._end_stragglers()
            except PyMongoError as error:
                log.debug("database does not answer", why=str(error)[:200])

    async def _end_stragglers(self) -> None:
        """Look for what is due, unless its claim stands: then its owner may be at work there."""
        sites = {site.name for site in self._serving.sites}
        due = await self._claims.stragglers.due(sites, _PAGE)
        standing = await self._claims.known({straggler.claim for straggler in due})
        for straggler in due:
            if straggler.claim in standing:
                await self._claims.stragglers.postpone(straggler)
            else:
                await self._end_straggler(straggler)

    async def _end_straggler(self, straggler: Straggler) -> None:
        """Remove what was carried out after its claim was over, if this process reaches it."""
        topology = self._serving.topology_of(straggler.project)
        if topology is None or not topology.destination(straggler.site):
            return
        site = self._serving.sites.of(straggler.project, straggler.site)
        try:
            await site.open()
            await site.provider.revoke(straggler.handle)
        except ProviderError as error:
            log.debug("not looked for", path=straggler.path, site=site.name, why=str(error))
            await self._claims.stragglers.postpone(straggler)
        else:
            await self._claims.stragglers.looked(straggler)

    async def _sweep_site(self, site: Site) -> None:
        """Remove old staged files of no claim from the own site's disks."""
        if not (site.own and site.provider.features.local_paths):
            return
        for root in site.roots:
            try:
                await self.sweep(site, root)
            except ProviderError as error:
                log.debug("not gone through", site=site.label, root=root, why=str(error))

    async def sweep(self, site: Site, root: str) -> int:
        """Remove old staged files of no claim below a root, once a day; return how many."""
        marker = await site.marker(root)
        name = f"leftovers of {marker.id}"
        removed = 0
        async with in_turn(self._claims, name) as ours:
            if ours and await self._is_due(name):
                removed = await self._sweep(site, root)
                now = [{"$set": {"at": "$$NOW"}}]
                await self._done.update_one({"_id": name}, now, upsert=True)
        if removed:
            log.info("staged files of nobody removed", site=site.label, root=root, count=removed)
        return removed

    async def _is_due(self, name: str) -> bool:
        a_day_ago = {"$subtract": ["$$NOW", round(_DAY_SECONDS * 1000)]}
        lately = {"_id": name, "$expr": {"$gt": ["$at", a_day_ago]}}
        return await self._done.find_one(lately) is None

    async def _sweep(self, site: Site, root: str) -> int:
        removed = 0
        oldest = (self._serving.clock.now().timestamp() - _DAY_SECONDS) * 1e9
        old: list[StagedFile] = []
        async for file in cast("DiskProvider", site.provider).staged(root):
            if file.touched_ns < oldest:
                old.append(file)
            if len(old) >= _PAGE:
                removed += await self._remove_unknown(site, old)
                old = []
        return removed + await self._remove_unknown(site, old)

    async def _remove_unknown(self, site: Site, old: Sequence[StagedFile]) -> int:
        known = await self._claims.known({file.handle.claim for file in old})
        unknown = [file.handle for file in old if file.handle.claim not in known]
        for handle in unknown:
            await site.provider.revoke(handle)
        return len(unknown)


def _path(place: Place) -> str:
    """Return a place's path as documents have it."""
    return str(Location(place.root, place.path))


def _wanted_at(file: File) -> frozenset[str]:
    names = {entry.name for entry in file.entries}
    return frozenset(name for name in names if not file.available_at(name))
