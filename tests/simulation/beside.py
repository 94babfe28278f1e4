"""A simulated database beside a real one: the same commands for both, and what both hold then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from unittest.mock import patch

import anyio
from anyio.lowlevel import checkpoint

from reactor.claims import Claim, Claims, Journal, Place
from tests.simulation.database import Client
from tests.simulation.server import EPOCH, LockedError, Server
from tests.simulation.values import is_array, is_object

Document = dict[str, Any]
Database = Any
LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
_SOON = timedelta(seconds=5)


T = TypeVar("T")


@dataclass
class Direct:
    """Carries out commands at once; what has to wait for a transaction tries again."""

    name: str = "direct"

    async def call(self, label: str, act: Callable[[], T]) -> T:
        while True:
            await checkpoint()
            try:
                return act()
            except LockedError:
                await anyio.sleep(0.01)


def simulated() -> Client:
    """A simulated server whose clock is the real one."""
    return Client(Server(_seconds), Direct())


def _seconds() -> float:
    return (datetime.now(UTC) - EPOCH).total_seconds()


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same, but for a moment between two clocks."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return abs(one - other) < _SOON
    if is_object(one) and is_object(other):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if is_array(one) and is_array(other):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


async def kept(database: Database, collection: str) -> list[Document]:
    found: list[Document] = await database[collection].find().to_list()
    return sorted(found, key=lambda one: str(one["_id"]))


@dataclass
class Owners:
    """Some processes with claims in one database, and what each last held of a name."""

    database: Database
    serials: Iterator[int] = field(default_factory=lambda: count(1))
    held: dict[tuple[str, str], Claim] = field(default_factory=dict[tuple[str, str], Claim])

    def claims(self, owner: str, dead: Sequence[str] = ()) -> Claims:
        claims = Claims(self.database["claims"], owner)
        claims.dead = frozenset(dead)
        return claims

    async def take(self, owner: str, names: Sequence[str], dead: Sequence[str]) -> object:
        def token_hex(_: int) -> str:
            return f"id{next(self.serials)}"

        with patch("reactor.claims.secrets.token_hex", token_hex):
            taken = await self.claims(owner, dead).take([place_of(name) for name in names])
        for claim in taken.values():
            self.held[owner, claim.place.path] = claim
        return taken

    async def act(self, what: str, owner: str, names: Sequence[str]) -> object:
        claims = self.claims(owner)
        mine = [claim for name in names if (claim := self.held.get((owner, name)))]
        acts: dict[str, Callable[[], Awaitable[object]]] = {
            "renew": lambda: claims.renew(mine),
            "hold": lambda: claims.hold(mine),
            "give up": lambda: claims.give_up(mine),
            "give up all": claims.give_up_all,
            "release": lambda: claims.release(mine),
            "journal": lambda: self._journal(claims, mine),
            "expire": lambda: self._expire(claims, names),
        }
        return await acts[what]()

    async def _journal(self, claims: Claims, mine: Sequence[Claim]) -> None:
        for claim in mine:
            await claims.journal(claim, Journal(offset=3, prefix="p", hash="h"))

    async def _expire(self, claims: Claims, names: Sequence[str]) -> object:
        keys = [place_of(name).key for name in names]
        expired = {"$set": {"expires": LONG_AGO}}
        await self.database["claims"].update_many({"_id": {"$in": keys}}, expired)
        return await claims.abandoned("", 10)


def place_of(name: str) -> Place:
    return Place(f"marker/{name}", "Bunny", "vendor", "work", name)
