"""
How things stand: what is wanted where, what of it runs, fails or waits. Reads only.

It is put together from documents and claims, never from one process's memory: any machine
may ask, whether a reactor runs there or not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, TypeVar

import anyio
from pymongo.asynchronous.database import AsyncDatabase

from reactor import backlog
from reactor.backlog import MOST, STATES, State
from reactor.presence import Presence, SeenClaim

Document = dict[str, Any]
_A = TypeVar("_A")
_T = TypeVar("_T")

_QUERIES_AT_ONCE = 4
_ERRORS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Scope:
    """
    One site of one project, as it is asked about.

    `group` are its alternatives and itself: a transfer to one of them serves them all.
    """

    project: str
    site: str
    group: frozenset[str]
    retry_count: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """An error of failed files, how many have it, and the path of one of them."""

    error: str
    files: int
    example: str


@dataclass(frozen=True, slots=True)
class SiteStanding:
    """
    What is wanted at one site: files by state, and bytes of what has not failed.

    `more` says that there are more than were counted.
    """

    scope: Scope
    files: dict[State, int]
    size: int
    more: bool
    running: tuple[SeenClaim, ...]
    troubles: tuple[Trouble, ...]

    @property
    def wanted(self) -> int:
        """Return how many files are wanted, in whichever state."""
        return sum(self.files.values())

    @property
    def waiting(self) -> int:
        """Return how many files wait for nothing but their turn."""
        return max(0, self.files["waiting"] - len(self.running))

    @property
    def done(self) -> int:
        """Return how many bytes of what runs have been moved."""
        return sum(claim.amount.done for claim in self.running if claim.amount)

    @property
    def rate(self) -> int:
        """Return the bytes per second of all that runs."""
        return sum(claim.amount.rate for claim in self.running if claim.amount)

    @property
    def eta(self) -> float | None:
        """Return the seconds until all that has not failed is there, if it goes on like this."""
        return max(0, self.size - self.done) / self.rate if self.rate else None


@dataclass(frozen=True, slots=True)
class Queued:
    """One wanted file; `wait` are the seconds until it is tried again."""

    scope: Scope
    path: str
    size: int
    priority: int
    tries: int
    wait: float
    error: str | None
    state: State | Literal["running"]
    claim: SeenClaim | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """The first of what is wanted, in the order it is served; `more` says that this is not all."""

    entries: tuple[Queued, ...]
    more: bool = field(default=False)


class Standing:
    """The studio's documents, asked about together with who works on them."""

    def __init__(self, database: AsyncDatabase[Document], presence: Presence) -> None:
        self._database = database
        self._presence = presence
        self._pauses = presence.in_force

    async def of_sites(self, scopes: Sequence[Scope]) -> list[SiteStanding]:
        """Return how each site stands, in the order asked."""
        return await _each(scopes, self._of_site)

    async def queue(self, scopes: Sequence[Scope], most: int) -> Queue:
        """Return what is served next of all the scopes: what runs, waits, rests, has failed."""
        found = await _each(scopes, partial(self._upcoming, most=most + 1))
        entries = sorted((entry for part in found for entry in part), key=_turn)
        return Queue(tuple(entries[:most]), more=len(entries) > most)

    def _running(self, scope: Scope) -> list[SeenClaim]:
        return [
            claim
            for claim in self._presence.claims
            if claim.leased and claim.project == scope.project and claim.site in scope.group
        ]

    async def _of_site(self, scope: Scope) -> SiteStanding:
        counted = await self._ask(scope, backlog.totals(scope.site, scope.retry_count))
        files = dict.fromkeys(STATES, 0) | {found["_id"]: found["files"] for found in counted}
        more = sum(files.values()) > MOST
        if self._pauses.covers(scope.project, scope.site):
            files["paused"] += files["waiting"] + files["retrying"]
            files["waiting"] = files["retrying"] = 0
        return SiteStanding(
            scope,
            files,
            sum(found["bytes"] for found in counted if found["_id"] != "failed"),
            more,
            tuple(self._running(scope)) if any(files.values()) else (),
            await self._troubles(scope) if files["failed"] else (),
        )

    async def _troubles(self, scope: Scope) -> tuple[Trouble, ...]:
        asked = backlog.errors(scope.site, scope.retry_count, _ERRORS_SHOWN)
        found = await self._ask(scope, asked)
        return tuple(Trouble(one["_id"], one["files"], one["example"]) for one in found)

    async def _upcoming(self, scope: Scope, most: int) -> list[Queued]:
        """Return at least the first `most` that are wanted at a site: those that run, then others."""
        claims = {claim.path: claim for claim in self._running(scope)}
        paths = list(claims)[:most]
        running: list[Document] = []
        if paths:
            at_paths = backlog.wanted_at_paths(scope.site, scope.retry_count, paths)
            running = await self._ask(scope, at_paths)
        asked = backlog.upcoming(scope.site, scope.retry_count, most)
        others = [one for one in await self._ask(scope, asked) if one["path"] not in claims]
        return [
            *(self._queued(scope, found, claims[found["path"]]) for found in running),
            *(self._queued(scope, found) for found in others),
        ]

    def _queued(self, scope: Scope, found: Document, claim: SeenClaim | None = None) -> Queued:
        state: State | Literal["running"] = "running" if claim else found["state"]
        covered = self._pauses.covers(scope.project, scope.site)
        if covered and state in ("waiting", "retrying"):
            state = "paused"
        return Queued(
            scope,
            path=found["path"],
            size=int(found["size"]),
            priority=int(found["priority"]),
            tries=int(found["tries"]),
            wait=found["wait"] / 1000,
            error=found["error"],
            state=state,
            claim=claim,
        )

    async def _ask(self, scope: Scope, pipeline: list[Document]) -> list[Document]:
        return await (await self._database[scope.project].aggregate(pipeline)).to_list()


def _turn(entry: Queued) -> tuple[int, int, float]:
    """Return when an entry's turn is, as a sort key: by state, priority, then time."""
    rank = -1 if entry.state == "running" else STATES.index(entry.state)
    return rank, -entry.priority, entry.wait


async def _each(asked: Iterable[_A], ask: Callable[[_A], Awaitable[_T]]) -> list[_T]:
    """Ask a few at a time, and return the answers in order."""
    answers: dict[int, _T] = {}
    limit = anyio.CapacityLimiter(_QUERIES_AT_ONCE)

    async def one(place: int, question: _A) -> None:
        async with limit:
            answers[place] = await ask(question)

    async with anyio.create_task_group() as together:
        for place, question in enumerate(asked):
            together.start_soon(one, place, question)
    return [answers[place] for place in sorted(answers)]
