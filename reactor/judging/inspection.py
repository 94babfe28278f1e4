"""
Bytes at one site, held against the documents: look first, judge, and write under a claim.

A look costs no claim and changes nothing: it is all that a dry run does. What follows from
it is written in the order of DESIGN §4.4 and §4.5: claim, revoke what former owners staged, look
again, then one transaction with the end of the claim.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import anyio

from providers.base import Facts, FileError, Handle, Location, ProviderError
from reactor.checksums import Hasher, by_preference
from reactor.claims import Claim, Place
from reactor.documents import parse_path
from reactor.judging.desk import Desk
from reactor.judging.places import Places
from reactor.judging.verdicts import (
    Look,
    Meaning,
    Verdict,
    edits_of,
    judge,
    meanings_of,
    named_files,
)
from reactor.model import OnMissing, Representation, Topology
from reactor.proof import Proof, bytes_prove, facts_prove, same_algorithm
from reactor.recorder import Ending
from reactor.sites import Site, Sites
from reactor.tasks import plain_errors

Depth = Literal["size", "time", "bytes"]

_LOOKS_AT_ONCE = 16
_END_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Settled:
    """
    Verdicts that were written down, and paths to be looked at anew.

    At `busy` ones another process is at work; of `changed` ones the second look told another
    thing, or a document did. That may be no news below the root: no event need come of it.
    """

    written: tuple[Verdict, ...]
    busy: tuple[str, ...]
    changed: tuple[str, ...] = ()


class _Named(NamedTuple):
    """A documents' path, where that is, and what they mean by it."""

    path: str
    where: Location
    meanings: Sequence[Meaning]


@dataclass(frozen=True, slots=True)
class Inspection:
    """
    Looks at the files of one project at one site.

    `depth` is what convinces of a copy that is marked already: its size, or the published
    time as well (else its checksum), or its checksum alone. One that is not marked is always
    proved (DESIGN §5).
    """

    desk: Desk
    sites: Sites
    topology: Topology
    places: Places
    depth: Depth

    @property
    def site(self) -> Site:
        """The site that is looked at."""
        return self.places.site

    async def assess(
        self, paths: Collection[str], seen: Mapping[str, Facts | None] | None = None
    ) -> list[Verdict]:
        """
        Return what is to be said of documents' paths; what no document names is left out.

        `seen` are facts that are known already, by path; where nothing was seen, one more look
        decides: some listings leave out what can be opened. So it does where listings tell sizes
        only. Raises `SiteError` where the site, or
        `PyMongoError` where the database, does not answer.
        """
        found = await self.desk.reader.at_paths(self.topology.project, sorted(paths))
        known = {} if self.site.provider.features.lists_sizes_only else seen or {}
        verdicts: list[Verdict] = []

        async def look_at(named: _Named) -> None:
            for meaning in named.meanings:
                look = await self._look(meaning, named.where, known.get(named.path))
                verdicts.extend(_judged(meaning, look))

        unsure: list[_Named] = []
        for named in self._meanings(paths, found):
            facts = known.get(named.path)
            looks = [look for m in named.meanings if (look := self._told_by(m, facts))]
            if len(looks) == len(named.meanings):  # most of them: that spares a task for each
                verdicts.extend(
                    v
                    for m, look in zip(named.meanings, looks, strict=True)
                    for v in _judged(m, look)
                )
            else:
                unsure.append(named)
        await self._each(look_at, unsure)
        return verdicts

    async def worked_on(self, paths: Collection[str]) -> set[str]:
        """
        Return those documents' paths at whose places somebody is at work.

        To be asked before documents are: what is recorded afterwards may have been taken away
        already, and no event will tell it. Raises as `assess` does.
        """
        await self.places.mark(paths)
        keys = {path: place.key for path in paths if (place := self.places.named_by(path))}
        busy = await self.desk.claims.worked_on(keys.values())
        return {path for path, key in keys.items() if key in busy}

    async def under_way(self) -> set[str]:
        """Return the paths of the whole site at whose places somebody is at work, as `worked_on`."""
        group = self.topology.alternatives_of(self.site.name)
        places = await self.desk.claims.under_way(self.topology.project, group)
        return {str(Location(place.root, place.path)) for place in places}

    async def settle(self, verdicts: Iterable[Verdict], on_missing: OnMissing) -> Settled:
        """
        Write down what follows from verdicts, where a second look, under a claim, agrees.

        Where it does not, nothing is written, and the caller looks anew.
        """
        asked = _by_path(v for v in verdicts if edits_of(v, on_missing))
        await self.places.mark(asked)
        places = {path: place for path in asked if (place := self.places.named_by(path))}
        claims = await self.desk.claims.take(list(places.values()))
        held = {p: claims[place.key] for p, place in _each_once(places) if place.key in claims}
        ready: list[tuple[str, Claim]] = []
        try:
            for path, claim in held.items():
                await self._clear(claim)
                ready.append((path, claim))
            agreed = await self._again({path: asked[path] for path in held})
            endings = [self._ending(claim, agreed[path], on_missing) for path, claim in ready]
            done = await self.desk.recorder.record([e for e in endings if e.edits])
        finally:
            await self._leave(held.values(), [claim for _, claim in ready])
        recorded = {ending.claim.id for ending in done}
        written = [v for path, claim in ready if claim.id in recorded for v in agreed[path]]
        changed = sorted(path for path, _ in ready if len(agreed[path]) < len(asked[path]))
        return Settled(tuple(written), tuple(sorted(asked.keys() - held.keys())), tuple(changed))

    async def _each(
        self, look_at: Callable[[_Named], Awaitable[None]], named: Iterable[_Named]
    ) -> None:
        """Look at each, some at a time; raises what a look raises."""
        limit = anyio.CapacityLimiter(_LOOKS_AT_ONCE)

        async def within_limit(one: _Named) -> None:
            async with limit:
                await look_at(one)

        with plain_errors():
            async with anyio.create_task_group() as together:
                for one in named:
                    together.start_soon(within_limit, one)

    def _meanings(self, paths: Iterable[str], found: Iterable[Representation]) -> Iterator[_Named]:
        """Yield what is meant by each path that a document names and can name (else it has a flaw)."""
        named = named_files(found)
        for path in paths:
            if files := named.get(path):
                where = Location(*parse_path(path))
                yield _Named(path, where, meanings_of(where, self.site.name, files, self.topology))

    async def _look(self, meaning: Meaning, where: Location, known: Facts | None) -> Look:
        try:
            facts = known or await self.site.provider.facts(where)
        except FileError as error:
            return Look(None, wrong=str(error))
        return await self._proved(meaning, facts)

    async def _proved(self, meaning: Meaning, facts: Facts | None) -> Look:
        if facts is None:
            return Look(None)
        try:
            return self._told_by(meaning, facts) or await self._read(meaning, facts)
        except FileError as error:
            return Look(facts, wrong=str(error))

    def _told_by(self, meaning: Meaning, facts: Facts | None) -> Look | None:
        """Return what facts alone tell; None where the file itself has to be looked at."""
        variant = meaning.variant
        if facts is None:
            return None
        if variant.size is not None and facts.size != variant.size:
            return Look(facts)
        trusted = meaning.marked and not meaning.wanted
        if trusted and self.depth == "size":
            return Look(facts)
        proof = facts_prove(self.site, facts, variant)
        return Look(facts, proof) if proof and not (trusted and self.depth == "bytes") else None

    async def _read(self, meaning: Meaning, facts: Facts) -> Look:
        """Look at the bytes themselves: hold them against proved checksums, or other copies."""
        variant, where = meaning.variant, meaning.where
        for known in by_preference(variant.checksums):
            told = facts.checksum if same_algorithm(known, facts.checksum) else None
            if told is None or self.depth == "bytes":
                told = await self._checksum(where, known.partition(":")[0])
            if told == known:
                return Look(facts, Proof("checksum", known))
            if told is not None:
                return Look(facts, wrong=f"its bytes have {told}, and {known} was published")
        reached = [self.sites.find(self.topology.project, name) for name in variant.sources]
        others = [site for site in reached if site is not None]
        try:
            return Look(facts, await bytes_prove(self.site, where, variant, others))
        except ProviderError:
            return Look(facts)  # the other copy is out of reach: nothing is proved

    async def _checksum(self, where: Location, algorithm: str) -> str | None:
        """Return a checksum of the site's bytes, read here where the site cannot compute it."""
        provider = self.site.provider
        if algorithm in provider.features.checksums:
            return await provider.checksum(where, algorithm)
        if self.depth != "bytes":
            return None
        hasher = Hasher([algorithm])
        async with provider.read(where) as reader:
            async for chunk in reader:
                await hasher.update(chunk)
        return hasher.checksum(algorithm)

    async def _again(self, asked: Mapping[str, Sequence[Verdict]]) -> dict[str, list[Verdict]]:
        """Return those verdicts for which documents and facts are still what they were."""
        found = await self.desk.reader.at_paths(self.topology.project, sorted(asked))
        agreed: dict[str, list[Verdict]] = {path: [] for path in asked}

        async def look_at(named: _Named) -> None:
            with contextlib.suppress(FileError):
                facts = await self.site.provider.facts(named.where)
                same = [v for v in asked[named.path] if v.look.facts == facts]
                agreed[named.path] += [v for v in same if v.meaning in named.meanings]

        await self._each(look_at, self._meanings(asked, found))
        return agreed

    async def _clear(self, claim: Claim) -> None:
        """Revoke what former owners staged: the claim is deleted when this is recorded."""
        for former in claim.former:
            token = former.journal.token if former.journal else ""
            handle = Handle(Location(former.root, former.path), former.claim, token)
            await self.site.provider.revoke(handle)

    def _ending(self, claim: Claim, agreed: Iterable[Verdict], on_missing: OnMissing) -> Ending:
        agreed = list(agreed)
        edits = tuple(edit for verdict in agreed for edit in edits_of(verdict, on_missing))
        return Ending(claim, edits, self._attempt(claim, agreed[0]) if edits else {})

    def _attempt(self, claim: Claim, verdict: Verdict) -> dict[str, Any]:
        """Return the line for the log of attempts."""
        look = verdict.look
        line: dict[str, Any] = {
            "outcome": verdict.word,
            "project": self.topology.project,
            "site": self.site.name,
            "path": verdict.meaning.path,
            "source": None,
            "bytes": look.facts.size if look.facts else 0,
            "sent": 0,
            "ms": 0.0,
            "at": self.desk.clock.now(),
            "claim": claim.id,
        }
        if verdict.reason:
            line["error"] = verdict.reason
        if look.proof:
            line["verified"] = look.proof.verified
        return line

    async def _leave(self, held: Iterable[Claim], cleared: Sequence[Claim]) -> None:
        """End the claims that are left; those not cleared stay for their next owners."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(_END_SECONDS):
            await self.desk.claims.give_up([claim for claim in held if claim not in cleared])
            await self.desk.claims.release(cleared)


def _judged(meaning: Meaning, look: Look) -> list[Verdict]:
    verdict = judge(meaning, look)
    return [verdict] if verdict else []


def _by_path(verdicts: Iterable[Verdict]) -> dict[str, list[Verdict]]:
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        found.setdefault(verdict.meaning.path, []).append(verdict)
    return found


def _each_once(places: Mapping[str, Place]) -> Iterable[tuple[str, Place]]:
    """Yield each place once: two spellings of one place share one claim."""
    seen: set[str] = set()
    for path, place in places.items():
        if place.key not in seen:
            seen.add(place.key)
            yield path, place
