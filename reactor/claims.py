"""
Claims: who is working on the bytes at one place, so that two never publish there at a time.

A claim's key is the place of the bytes (the root's marker and the path below it). Its id is
random and never used twice. Leases only keep work moving: safety rests on `former` being
revoked before the place is used, and on the recording transaction deleting the claim by
key and id (DESIGN §4.4, reference/protocol_findings.md).
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pymongo import UpdateOne
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError

from reactor import leases
from reactor.stragglers import Straggler, Stragglers

Document = dict[str, Any]

_DUPLICATE_KEY = 11000
_MANY = 8  # from so many on, two writes for all cost less than an update for each


@dataclass(frozen=True, slots=True)
class Journal:
    """
    How far a transfer came, for whoever goes on with it.

    `prefix` is the checksum of the first `offset` bytes; without it nobody has hashed them, and
    only what is staged tells how far a copy came. `source`, `size` and `mtime_ns` tell which
    bytes these are; `hash` is the document's; `token` belongs to the handle. `published` is the
    checksum of what was verified (how: `verified`) and made visible.
    """

    offset: int = 0
    prefix: str = ""
    source: str = ""
    size: int = 0
    mtime_ns: int | None = None
    hash: str | None = None
    token: str = ""
    published: str = ""
    verified: Literal["checksum", "size"] = "size"

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Journal:
        """Return the journal that a claim holds; a newer version may have written more there."""
        return cls(**{name: document[name] for name in cls.__slots__ if name in document})

    def as_document(self) -> Document:
        """Return the journal as it stands in the claim."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Former:
    """A claim that was here before; `over` means that its owner can never act on it again."""

    claim: str
    site: str
    root: str
    path: str
    over: bool
    journal: Journal | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a claim's bytes go: the key, and the site, root and path that it stands for."""

    key: str
    project: str
    site: str
    root: str
    path: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim that this process holds, or held when it was returned."""

    place: Place
    id: str
    former: tuple[Former, ...] = field(default=())


class Claims:
    """The `claims` collection, as one process uses it."""

    def __init__(self, collection: AsyncCollection[Document], process: str) -> None:
        self._collection = collection
        self._process = process
        self.dead: frozenset[str] = frozenset()  # processes of this host that are gone
        self._owed: dict[str, Claim] = {}  # to be given up, by id
        self.stragglers = Stragglers(collection.database["stragglers"])

    async def take(self, places: Sequence[Place]) -> dict[str, Claim]:
        """
        Claim places, and return by key those that are ours now; another process has the rest.

        Majority-acknowledged. What earlier owners staged is in `former`: revoke it first.
        """
        wanted = {place.key: Claim(place, secrets.token_hex(8)) for place in places}
        made = await self._insert(wanted) if len(wanted) >= _MANY else {}
        rest = [claim for key, claim in wanted.items() if key not in made]
        taken_over = await self._take_over(rest)
        await self.stragglers.expect(
            [
                _straggler(claim, former)
                for claim in taken_over.values()
                for former in claim.former
                if former.site  # a turn's claim is on no place
            ]
        )
        return {**made, **taken_over}

    async def _insert(self, wanted: Mapping[str, Claim]) -> dict[str, Claim]:
        """
        Claim places that nobody has claimed, which is most of them, in two writes for all.

        Until the second one, which begins the leases, others may take them over.
        """
        claims: list[Document] = [
            {**self._constants(claim), "former": []} for claim in wanted.values()
        ]
        try:
            await self._collection.insert_many(claims, ordered=False)
        except BulkWriteError as error:
            if not _only_met(error):
                raise
            there = {problem["op"]["_id"] for problem in error.details["writeErrors"]}
            wanted = {key: claim for key, claim in wanted.items() if key not in there}
        begun = await self._update_ours(wanted.values(), leases.BEGUN)
        return {key: claim for key, claim in wanted.items() if claim.id in begun}

    async def _take_over(self, wanted: Sequence[Claim]) -> dict[str, Claim]:
        """Claim places that are free, whether somebody had them before or not."""
        updates = [
            UpdateOne(
                {"_id": claim.place.key},
                leases.taking(self._constants(claim), self.dead),
                upsert=True,
            )
            for claim in wanted
        ]
        if not updates:
            return {}
        try:
            await self._collection.bulk_write(updates, ordered=False)
        except BulkWriteError as error:
            if not _only_met(error):
                raise
        places = {claim.place.key: claim.place for claim in wanted}
        ids = [claim.id for claim in wanted]
        held = self._collection.find({"_id": {"$in": list(places)}, "claim": {"$in": ids}})
        return {
            found["_id"]: Claim(places[found["_id"]], found["claim"], self._formers(found))
            async for found in held
        }

    async def renew(self, claims: Collection[Claim]) -> set[str]:
        """Renew claims in one majority update; return the ids of those that are still ours."""
        return await self._update_ours(claims, leases.EXTENDED)

    async def renew_all(self) -> None:
        """Renew whatever this process still holds, in one update."""
        await self._collection.update_many({"process": self._process}, leases.EXTENDED)

    async def journal(self, claim: Claim, journal: Journal) -> bool:
        """Note how far a transfer came; return whether the claim is ours still, and holds it."""
        result = await self._collection.update_one(
            {**_mine(claim), "process": self._process},
            {"$set": {"journal": journal.as_document()}},
        )
        return result.matched_count == 1

    async def hold(self, claims: Sequence[Claim]) -> set[str]:
        """
        Let no lease end these claims, and return the ids of those that were still ours.

        A final name is about to be taken away (DESIGN §4.5): only under a claim in the answer.
        """
        return await self._update_ours(claims, leases.HELD)

    async def _update_ours(
        self, claims: Collection[Claim], update: Sequence[Mapping[str, Any]]
    ) -> set[str]:
        """Carry out one majority update, and return the ids of those claims that are ours."""
        if not claims:
            return set()
        ids = {claim.id for claim in claims}
        # One that was given up is another's, even before it is taken.
        ours = {**mine(claims), "process": self._process}
        result = await self._collection.update_many(ours, update)
        if result.matched_count == len(ids):
            return ids
        return {found["claim"] async for found in self._collection.find(ours, {"claim": 1})}

    async def abandoned(self, after: str, most: int) -> list[Place]:
        """
        Return the next places, by key, whose claims nobody renews any more.

        Their owners are gone, gave them up, or have been silent for far longer than a lease.
        """
        silent: Document = {"held": {"$ne": True}, "$expr": {"$lt": ["$expires", leases.LONG_AGO]}}
        found = self._collection.find(
            {
                "_id": {"$gt": after},
                "site": {"$ne": ""},  # a turn's claim is on no place
                "$or": [{"process": {"$in": [*self.dead]}}, silent],
            },
            sort=[("_id", 1)],
            limit=most,
        )
        return [
            Place(raw["_id"], raw["project"], raw["site"], raw["root"], raw["path"])
            async for raw in found
        ]

    async def worked_on(self, keys: Collection[str]) -> set[str]:
        """Return those places, by key, on which a process works that is not known to be gone."""
        at_work = {"_id": {"$in": list(keys)}, **self._alive}
        return {raw["_id"] async for raw in self._collection.find(at_work, {"_id": 1})}

    async def under_way(self, project: str, sites: Collection[str]) -> list[Place]:
        """Return the places at some sites on which a process works that is not known to be gone."""
        at_work = {"project": project, "site": {"$in": list(sites)}, **self._alive}
        return [
            Place(raw["_id"], raw["project"], raw["site"], raw["root"], raw["path"])
            async for raw in self._collection.find(at_work)
        ]

    @property
    def _alive(self) -> Document:
        return {"process": {"$nin": [None, *self.dead]}}

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those claims, by id, that stand or that a claim that stands remembers."""
        named = {"$in": list(ids)}
        either = {"$or": [{"claim": named}, {"former.claim": named}]}
        found = self._collection.find(either, {"claim": 1, "former.claim": 1})
        return {
            claim
            async for raw in found
            for claim in (raw["claim"], *(one["claim"] for one in raw.get("former") or ()))
        }.intersection(ids)

    async def give_up(self, claims: Sequence[Claim]) -> int:
        """
        Let others go on at once; journals, and what is staged, stay for them.

        Returns how many of the claims there still were: of others, nobody knows what is staged.
        Where the database does not answer, `give_up_owed` says it again.
        """
        if not claims:
            return 0
        self._owed.update((claim.id, claim) for claim in claims)
        given_up = await self._collection.update_many(mine(claims), leases.GIVEN_UP)
        for claim in claims:
            self._owed.pop(claim.id, None)
        return given_up.matched_count

    async def give_up_owed(self) -> None:
        """Give up what the database was not there for: no lease ends a claim that is held."""
        await self.give_up([*self._owed.values()])

    async def give_up_all(self, but: Collection[str] = ()) -> None:
        """Give up whatever this process still holds, but for some by id: it is about to end."""
        held = {"process": self._process, "claim": {"$nin": [*but]}}
        await self._collection.update_many(held, leases.GIVEN_UP)

    async def give_up_dead(self) -> None:
        """
        Give up, in their name, what dead processes of this host held.

        Other hosts cannot see that they are gone, and no lease ends a claim that is held: where
        nobody of this host has a source, its place would never be served again.
        """
        if self.dead:
            await self._collection.update_many({"process": {"$in": [*self.dead]}}, leases.GIVEN_UP)

    async def expect_late(self, claims: Sequence[Claim]) -> None:
        """Remember to look, once these are over, for what was sent under them and arrives late."""
        await self.stragglers.expect([_straggler(claim, claim) for claim in claims])

    async def release(self, claims: Sequence[Claim]) -> None:
        """End claims under which nothing is staged any more."""
        if claims:
            await self._collection.delete_many(mine(claims))

    def _formers(self, found: Mapping[str, Any]) -> tuple[Former, ...]:
        return tuple(
            Former(
                claim=raw["claim"],
                site=raw["site"],
                root=raw["root"],
                path=raw["path"],
                over=bool(raw.get("over")) or raw.get("process") in self.dead,
                journal=Journal.of(raw["journal"]) if raw.get("journal") else None,
            )
            for raw in found.get("former") or ()
        )

    def _constants(self, claim: Claim) -> Document:
        place = claim.place
        return {
            "_id": place.key,
            "claim": claim.id,
            "process": self._process,
            "project": place.project,
            "site": place.site,
            "root": place.root,
            "path": place.path,
        }


def _straggler(claim: Claim, over: Claim | Former) -> Straggler:
    place = claim.place
    if isinstance(over, Claim):
        return Straggler(over.id, place.project, place.site, place.root, place.path)
    return Straggler(over.claim, place.project, over.site, over.root, over.path)


def _mine(claim: Claim) -> Document:
    return {"_id": claim.place.key, "claim": claim.id}


def _only_met(error: BulkWriteError) -> bool:
    """Return whether nothing failed but inserts that met: the other process has those places."""
    problems = error.details["writeErrors"]
    unsure = error.details["writeConcernErrors"]  # a claim that no majority has may roll back
    return not unsure and all(problem["code"] == _DUPLICATE_KEY for problem in problems)


def mine(claims: Collection[Claim]) -> Document:
    """
    Return the filter for claims by key and id, as the recording transaction deletes them.

    Ids are never used twice: one of these ids under one of these keys is the claim that was
    taken. A filter of pairs would say the same, and take the server ten times as long to read.
    """
    keys = [claim.place.key for claim in claims]
    return {"_id": {"$in": keys}, "claim": {"$in": [claim.id for claim in claims]}}
