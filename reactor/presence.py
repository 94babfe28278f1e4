"""
The state database as others see it: who runs, what is claimed, what is paused. Reads only.

Whether something is recent is judged by the database's clock alone, in the query itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Location
from reactor.pauses import Pause, Pauses
from reactor.registry import ALIVE_SECONDS
from reactor.sourcing import Way

Document = dict[str, Any]

SILENT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Suspended:
    """A site that one reactor lets rest, and why."""

    site: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class SeenWatch:
    """
    How one root is watched: `live`, or `surveyed` and why.

    That of a service is `silent` where it does not answer, or another process follows it:
    `elsewhere`. `vanished` files were too many to be believed gone, if there are any.
    """

    site: str
    folder: str
    mode: str
    why: str
    vanished: int


@dataclass(frozen=True, slots=True)
class SeenSpace:
    """The room at one root of a site: bytes `free`, of `total`."""

    site: str
    root: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Doing:
    """One transfer of a reactor: the file's path as documents have it, and where it goes."""

    path: str
    site: str


@dataclass(frozen=True, slots=True)
class SeenReactor:
    """
    One process as it last said of itself; `seen` is seconds ago, `place` its full host name.

    One that does not serve is a command that only holds claims; one that relays also brings
    files from one remote site to another. `ways` are what it knows of those between sites;
    `doing` names what runs, or the first hundred of it.
    """

    process: str
    place: str
    pid: int
    site: str
    running: int
    waiting: int
    seen: float
    suspended: tuple[Suspended, ...]
    serves: bool = True
    watches: tuple[SeenWatch, ...] = ()
    doing: tuple[Doing, ...] = ()
    relays: bool = False
    ways: tuple[Way, ...] = ()
    spaces: tuple[SeenSpace, ...] = ()

    @property
    def host(self) -> str:
        """Return the machine's name, for people."""
        return self.place.partition("/")[0]

    @property
    def is_alive(self) -> bool:
        """Return whether it was seen lately."""
        return self.seen <= ALIVE_SECONDS


@dataclass(frozen=True, slots=True)
class Amount:
    """How far a transfer is: bytes done of `size`, and bytes per second."""

    done: int
    size: int
    rate: int
    source: str = ""

    @property
    def eta(self) -> float | None:
        """Return the seconds that are left at this rate, if there is one."""
        return max(0, self.size - self.done) / self.rate if self.rate > 0 else None


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """
    One process's claim on one place; `path` is as documents have it.

    `lease` are the seconds until its lease ends. `held`: no lease ends it (DESIGN §4.5). One
    that was given up has no `process`.
    """

    id: str
    key: str
    process: str
    project: str
    site: str
    path: str
    lease: float
    held: bool
    taken: float
    amount: Amount | None

    @property
    def leased(self) -> bool:
        """Return whether it counts: its lease has not ended."""
        return self.lease > 0


@dataclass(frozen=True, slots=True)
class Presence:
    """What the state database held when it was read."""

    reactors: tuple[SeenReactor, ...]
    claims: tuple[SeenClaim, ...]
    pauses: tuple[Pause, ...]

    @property
    def alive(self) -> list[SeenReactor]:
        """Return the reactors that serve and were seen lately."""
        return [reactor for reactor in self.owners if reactor.serves]

    @property
    def spaces(self) -> dict[tuple[str, str], SeenSpace]:
        """Return the room at sites and roots, as reactors of now were told."""
        return {(one.site, one.root): one for seen in self.alive for one in seen.spaces}

    @property
    def silent(self) -> list[SeenReactor]:
        """Return the reactors of the last hour that neither ended properly nor were seen lately."""
        return [
            reactor
            for reactor in self.reactors
            if reactor.serves and ALIVE_SECONDS < reactor.seen <= SILENT_SECONDS
        ]

    @property
    def owners(self) -> list[SeenReactor]:
        """Return the processes that were seen lately: their claims are theirs."""
        return [reactor for reactor in self.reactors if reactor.is_alive]

    @property
    def in_force(self) -> Pauses:
        """Return the pauses, to be asked what they cover."""
        pauses = Pauses()
        pauses.replace(pause._asdict() for pause in self.pauses)
        return pauses


async def read_presence(state: AsyncDatabase[Document]) -> Presence:
    """Return who runs, what is claimed and what is paused, as the database has it now."""
    reactors = await (await state["reactors"].aggregate(_REACTORS)).to_list()
    claims = await (await state["claims"].aggregate(_CLAIMS)).to_list()
    pauses = await (await state["pauses"].aggregate(_PAUSES)).to_list()
    told: dict[object, Mapping[str, Any]] = {
        (found["_id"], doing.get("to"), doing.get("work")): doing
        for found in reactors
        for doing in found.get("running") or ()
    }
    return Presence(
        tuple(_reactor(found) for found in reactors),
        tuple(_claim(found, told) for found in claims),
        tuple(_pause(found) for found in pauses),
    )


_AGO: Document = {"$divide": [{"$subtract": ["$$NOW", "$seen"]}, 1000]}
_REACTORS: list[Document] = [{"$sort": {"site": 1, "_id": 1}}, {"$set": {"seen": _AGO}}]
# Both are missing for the moment in which a claim is being taken.
_TAKEN: Document = {"$ifNull": ["$taken", "$$NOW"]}
_EXPIRES: Document = {"$ifNull": ["$expires", "$$NOW"]}
# A scan's claim is on no place. Journals can be long.
_CLAIMS: list[Document] = [
    {"$match": {"site": {"$ne": ""}}},
    {"$sort": {"taken": 1, "_id": 1}},
    {
        "$set": {
            "lease": {"$divide": [{"$subtract": [_EXPIRES, "$$NOW"]}, 1000]},
            "taken": {"$divide": [{"$subtract": ["$$NOW", _TAKEN]}, 1000]},
        }
    },
    {"$unset": ["former", "journal", "expires"]},
]


# Of a pause that another tool wrote, who and when may be anything.
_SINCE: Document = {
    "$cond": [
        {"$eq": [{"$type": "$at"}, "date"]},
        {"$divide": [{"$subtract": ["$$NOW", "$at"]}, 1000]},
        None,
    ]
}
_PAUSES: list[Document] = [
    {"$sort": {"project": 1, "site": 1, "_id": 1}},
    {"$set": {"ago": _SINCE}},
]


def _pause(found: Mapping[str, Any]) -> Pause:
    by, ago = found.get("by"), found["ago"]
    return Pause(
        found.get("project"),
        found.get("site"),
        by if isinstance(by, str) else None,
        None if ago is None else round(ago, 1),
    )


def _reactor(found: Mapping[str, Any]) -> SeenReactor:
    suspended: Mapping[str, Mapping[str, str]] = found.get("suspended") or {}
    return SeenReactor(
        process=found["_id"],
        place=found["host"],
        pid=found["pid"],
        site=found["site"],
        running=found.get("running_count") or 0,
        waiting=found.get("waiting") or 0,
        seen=round(found["seen"], 1),
        suspended=tuple(
            Suspended(label, why.get("kind", ""), why.get("why", ""))
            for label, why in sorted(suspended.items())
        ),
        serves=found.get("serves") is not False,
        watches=tuple(_watch(watch) for watch in found.get("watches") or ()),
        doing=tuple(
            Doing(str(doing.get("work") or ""), str(doing.get("to") or ""))
            for doing in found.get("running") or ()
        ),
        relays=found.get("relays") is True,
        ways=tuple(_way(way) for way in found.get("ways") or ()),
        spaces=tuple(_space(space) for space in found.get("spaces") or ()),
    )


def _space(found: Mapping[str, Any]) -> SeenSpace:
    return SeenSpace(
        site=str(found.get("site") or ""),
        root=str(found.get("root") or ""),
        free=int(found.get("free") or 0),
        total=int(found.get("total") or 0),
    )


def _watch(found: Mapping[str, Any]) -> SeenWatch:
    return SeenWatch(
        site=str(found.get("site") or ""),
        folder=str(found.get("folder") or ""),
        mode=str(found.get("mode") or ""),
        why=str(found.get("why") or ""),
        vanished=int(found.get("vanished") or 0),
    )


def _way(found: Mapping[str, Any]) -> Way:
    rate = found.get("rate")
    return Way(
        source=str(found.get("source") or ""),
        destination=str(found.get("destination") or ""),
        rate=float(rate) if isinstance(rate, int | float) else None,
        copies=found.get("copies") is True,
    )


def _claim(found: Mapping[str, Any], told: Mapping[object, Mapping[str, Any]]) -> SeenClaim:
    """Return a claim; what it does not tell of its progress yet, its reactor may."""
    path = found.get("work") or str(Location(found["root"], found["path"]))
    doing = found if "size" in found else told.get((found["process"], found["site"], path))
    return SeenClaim(
        id=found["claim"],
        key=found["_id"],
        process=found["process"] or "",
        project=found["project"],
        site=found["site"],
        path=path,
        lease=round(found["lease"], 1),
        held=found.get("held") is True,
        taken=round(found["taken"], 1),
        amount=_amount(doing) if doing and doing.get("size") else None,
    )


def _amount(doing: Mapping[str, Any]) -> Amount:
    return Amount(doing["done"], doing["size"], doing["rate"], doing.get("from") or "")
