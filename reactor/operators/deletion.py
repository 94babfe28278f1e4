"""
Bytes taken away for good, and the entries that spoke of them (DESIGN §4.5).

The order has no exception: claim, revoke what former owners staged, read the documents again,
see another copy, hold the claim, unmark, read once more, remove, end the claim. Whoever dies in
between leaves nothing marked that is gone; and while a removal may still come, nobody else
writes there.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio

from providers.base import Handle, Location, ProviderError, SiteError
from reactor.claims import Claim, Place
from reactor.edits import removal
from reactor.judging.desk import Desk
from reactor.judging.places import Places
from reactor.operators.copies import Copies, doubts_of
from reactor.operators.doomed import BUSY, Doomed, Named, count, refuse
from reactor.operators.site_edits import Refused, Wish
from reactor.operators.sweep import Batch, Chosen, Scope
from reactor.operators.tally import Tally
from reactor.recorder import Ending

_TOGETHER = 100
_MEANWHILE = "its documents were changed meanwhile; run this again"


@dataclass(slots=True)
class Deletion:
    """Deletes bytes at one place after the other, for the documents that a scope covers."""

    desk: Desk
    scope: Scope
    wish: Wish
    copies: Copies
    places: Places
    _failure: SiteError | None = field(default=None, init=False)

    async def carry_out(self, batch: Batch, tally: Tally) -> None:
        """
        Delete files with their entries, where another copy is seen to be right.

        Raises `SiteError` where the site fails; what had been begun is then ended and counted.
        """
        for start in range(0, len(batch.chosen), _TOGETHER):
            together = batch.chosen[start : start + _TOGETHER]
            await self.places.mark(one.file.path for one in together)
            doomed = await self._claimed(together, tally)
            began = time.monotonic()
            await self._each(doomed, self._clear)
            await self._name(doomed)
            await self._each(doomed, self._look)
            await self.places.mark()
            with anyio.CancelScope(shield=True):
                await self._take_away([one for one in doomed if one.named and not one.trouble])
                await self._end(doomed, time.monotonic() - began)
            count(doomed, tally)
            if self._failure is not None:
                raise self._failure

    async def _claimed(self, chosen: Iterable[Chosen], tally: Tally) -> list[Doomed]:
        """Return the places that are ours now; the others are told."""
        asked: dict[str, tuple[Place, list[Chosen]]] = {}
        for one in chosen:
            if place := self.places.named_by(one.file.path):
                asked.setdefault(place.key, (place, []))[1].append(one)
            else:
                why = f"site {self.places.site.name!r} has no such place; remove it without bytes"
                refuse([one], one.file.flaw or why, tally)
        claims = await self.desk.claims.take([place for place, _ in asked.values()])
        for key in asked.keys() - claims.keys():
            refuse(asked[key][1], BUSY, tally)
        return [Doomed(*asked[key], claim=claim) for key, claim in claims.items()]

    async def _each(
        self, doomed: Iterable[Doomed], act: Callable[[Doomed], Awaitable[None]]
    ) -> None:
        """Act on each that is without trouble, a few at a time; what fails is its trouble."""

        async def one_of(one: Doomed) -> None:
            async with self.places.site.slots:
                try:
                    await act(one)
                except ProviderError as error:
                    one.trouble = str(error)
                    if isinstance(error, SiteError):
                        one.unsure = True
                        self._failure = error

        async with anyio.create_task_group() as together:
            for one in doomed:
                if not one.trouble:
                    together.start_soon(one_of, one)

    async def _clear(self, one: Doomed) -> None:
        for former in one.claim.former:
            token = former.journal.token if former.journal else ""
            handle = Handle(Location(former.root, former.path), former.claim, token)
            await self.places.site.provider.revoke(handle)
        one.cleared = True

    async def _name(self, doomed: Sequence[Doomed]) -> None:
        """Note which files lie at the places now and have an entry there."""
        there = await self._files_at(doomed)
        for one in doomed:
            one.named = [named for named in there.get(one.place.key, ()) if self._has_entry(named)]
            for named in one.named:
                one.trouble = one.trouble or self._refusal(named)

    def _has_entry(self, named: Named) -> bool:
        return bool(named.file.names & self.copies.group)

    def _refusal(self, named: Named) -> str:
        if not self.scope.covers(named.representation.id):
            return f"representation {named.representation.id} has the same file there and keeps it"
        if named.file.size is None:
            return "its document does not tell its size, so no other copy can be judged"
        verdict = self.wish.judge(named.representation, named.file)
        return verdict.why if isinstance(verdict, Refused) else ""

    async def _files_at(self, doomed: Iterable[Doomed]) -> dict[str, list[Named]]:
        """Return, by place, the files that documents have there now, in whichever spelling."""
        texts = [chosen.file.path for one in doomed for chosen in one.asked]
        paths = self.places.spellings(texts)
        found: dict[str, list[Named]] = {}
        for representation in await self.desk.reader.at_paths(self.scope.project, paths):
            for file in representation.files:
                if place := self.places.named_by(file.path):
                    found.setdefault(place.key, []).append(Named(representation, file))
        return found

    async def _look(self, one: Doomed) -> None:
        """See what lies there, and that each document's file is also somewhere else."""
        site = self.places.site
        one.found = await site.provider.facts(one.where)
        marker = self.places.marker(one.place.root)
        if one.found is None or marker is None:
            return
        doubts = list(doubts_of(site, one.where, one.found, [named.file for named in one.named]))
        if doubts and len(doubts) == len(one.named):
            one.trouble = (
                f"the bytes there are not those of any document, so they stay: {doubts[0]}"
            )
            return
        for index, named in enumerate(one.named):
            witness = await self.copies.witness(named.file, one.where, marker)
            if isinstance(witness, Refused):
                one.trouble = witness.why
                return
            one.named[index] = Named(named.representation, named.file, witness)

    async def _take_away(self, ready: Sequence[Doomed]) -> None:
        held = await self.desk.claims.hold([one.claim for one in ready])
        for one in ready:
            one.trouble = "" if one.claim.id in held else BUSY
        ready = [one for one in ready if not one.trouble]
        await self.desk.recorder.edit(
            removal(named.representation.ref(named.file), self.copies.group)
            for one in ready
            for named in one.named
        )
        there = await self._files_at(ready)
        for one in ready:
            self._see_unmarked(one, there.get(one.place.key, ()))
        await self._each([one for one in ready if one.found], self._remove)

    def _see_unmarked(self, one: Doomed, there: Iterable[Named]) -> None:
        """Note trouble where a document still names the place, or another copy no longer."""
        now = {named.key: named for named in there}
        one.unmarked = not any(map(self._has_entry, now.values()))
        for named in one.named:
            holders = now[named.key].file.holders if named.key in now else ()
            if one.found and named.witness not in holders:
                one.trouble = f"it is no longer marked at {named.witness!r}"
        if not one.unmarked:
            one.trouble = _MEANWHILE

    async def _remove(self, one: Doomed) -> None:
        provider = self.places.site.provider
        if await provider.facts(one.where) != one.found:
            one.trouble = "they were changed in this moment"
            return
        await provider.remove(one.where)
        one.removed = True

    async def _end(self, doomed: Iterable[Doomed], seconds: float) -> None:
        """End the claims; those under which something may still be staged or removed stay."""
        done: list[Ending] = []
        untouched: list[Claim] = []
        unsure: list[Claim] = []
        for one in doomed:
            if not one.cleared or one.unsure:
                unsure.append(one.claim)
            elif one.unmarked:
                done.append(Ending(one.claim, (), self._attempt(one, seconds)))
            else:
                untouched.append(one.claim)
        await self.desk.claims.give_up(unsure)
        await self.desk.claims.release(untouched)
        await self.desk.recorder.record(done)

    def _attempt(self, one: Doomed, seconds: float) -> dict[str, Any]:
        """Return the line for the log of attempts."""
        line: dict[str, Any] = {
            "outcome": "removed",
            "project": self.scope.project,
            "site": one.place.site,
            "path": one.asked[0].file.path,
            "source": None,
            "bytes": one.found.size if one.found else 0,
            "sent": 0,
            "ms": round(seconds * 1000, 1),
            "at": self.desk.clock.now(),
            "claim": one.claim.id,
        }
        return {**line, "error": one.trouble} if one.trouble else line
