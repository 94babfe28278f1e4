"""
The rules of the protocol, each taken out by one patch: with any of them gone, schedules go wrong.

The rules are those of DESIGN §4 and §5; what breaks without each was found by model checking and
tried with real pauses. Here it shows that the simulation would notice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from copy import copy
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import providers.names
import reactor.resuming
import reactor.transfer
import reactor.updates
from providers.base import Facts, Handle, Provider
from reactor.claims import Claim, Claims, Former
from reactor.jobs import Variant
from reactor.model import Work
from reactor.operators.deletion import Deletion
from reactor.operators.doomed import Doomed
from reactor.operators.sweep import Chosen
from reactor.operators.tally import Tally
from reactor.proof import Proof
from reactor.recorder import Ending, Recorder, _updates
from reactor.resuming import Resumed
from reactor.sites import Site
from reactor.transfer import Transfer
from reactor.workers import Workers


@dataclass(frozen=True, slots=True)
class Mutation:
    """One rule, in a few words, and the patch that takes it out."""

    rule: str
    without: Callable[[], AbstractContextManager[Any]]


def _same_name(claim: str) -> str:
    return ".sitesync-staged.part"


def _one_staged_name() -> AbstractContextManager[Any]:
    """Name what is staged after its place alone."""
    return patch.object(providers.names, "staged_name", _same_name)


def _no_revoking() -> AbstractContextManager[Any]:
    """Leave to former owners what they have staged."""

    async def clear(self: Transfer, destination: Site) -> None:
        self.cleared = True

    return patch.object(Transfer, "_clear_former", clear)


def _no_renewing() -> AbstractContextManager[Any]:
    """Believe that claims are still held, before publishing and otherwise."""

    async def renew(self: Claims, claims: Collection[Claim]) -> set[str]:
        return {claim.id for claim in claims}

    return patch.object(Claims, "renew", renew)


def _no_hash() -> AbstractContextManager[Any]:
    """Write into an element whatever bytes it means by now."""
    element = {**reactor.updates._EDITED_FILE}
    let = {**element["$let"]}
    of_hash = reactor.updates._FILE_MATCHES["$and"][-1]
    matches = {
        "$and": [part for part in reactor.updates._FILE_MATCHES["$and"] if part is not of_hash]
    }
    let["in"] = {"$cond": [matches, *let["in"]["$cond"][1:]]}
    each = {**reactor.updates._EDITED_FILES["$cond"][1]["$map"], "in": {"$let": let}}
    files = {"$cond": [{"$isArray": "$files"}, {"$map": each}, "$files"]}
    return patch.object(reactor.updates, "_EDITED_FILES", files)


def _no_transaction() -> AbstractContextManager[Any]:
    """See that the claims are held, then write, then delete them."""

    async def write(self: Recorder, endings: Sequence[Ending]) -> None:
        held = await self._still_held(endings)
        for project, documents in _updates(e for ending in held for e in ending.edits).items():
            await self._database[project].bulk_write(documents)
        for ending in held:
            claim = ending.claim
            await self._claims.delete_many({"_id": claim.place.key, "claim": claim.id})

    return patch.object(Recorder, "_in_transaction", write)


def _size_proves() -> AbstractContextManager[Any]:
    """Take a file of the right size for the right one."""

    def prove(site: Site, found: Facts, variant: Variant) -> Proof | None:
        return Proof("size") if found.size == variant.size else None

    return patch.object(reactor.transfer, "facts_prove", prove)


def _unclaimed_removals() -> AbstractContextManager[Any]:
    """Remove bytes without asking who works on them."""

    async def claimed(self: Deletion, chosen: Iterable[Chosen], tally: Tally) -> list[Doomed]:
        places = [(place, one) for one in chosen if (place := self.places.named_by(one.file.path))]
        return [Doomed(place, [one], claim=Claim(place, "none")) for place, one in places]

    async def hold(self: Claims, claims: Sequence[Claim]) -> set[str]:
        return {claim.id for claim in claims}

    patches = patch.multiple(Deletion, _claimed=claimed)
    return _both(patches, patch.object(Claims, "hold", hold))


def _no_holding() -> AbstractContextManager[Any]:
    """Let leases end the claims of those who take final names away."""

    async def hold(self: Claims, claims: Sequence[Claim]) -> set[str]:
        return await self.renew(claims)

    return patch.object(Claims, "hold", hold)


def _no_second_look() -> AbstractContextManager[Any]:
    """Do what was to be done before the claim was taken."""
    to_do = Workers._to_do

    async def as_before(
        self: Workers, site: Site, places: Sequence[tuple[Work, Any]], open_works: dict[Work, None]
    ) -> Any:
        before = await self._read([work for work, _ in places])

        async def read(works: Sequence[Work]) -> Any:
            return {work: before[work] for work in works}

        unaware: Any = copy(self)
        unaware._read = read
        return await to_do(unaware, site, places, open_works)

    return patch.object(Workers, "_to_do", as_before)


def _renamed_from_the_slow() -> AbstractContextManager[Any]:
    """Take away what a silent owner staged: he may be slow, and write on into it."""

    async def taken_over(
        provider: Provider, former: Former, handle: Handle, claim: str
    ) -> Resumed | None:
        return await reactor.resuming.taken_over(
            provider, replace(former, over=True), handle, claim
        )

    return patch.object(reactor.transfer, "taken_over", taken_over)


def _both(
    one: AbstractContextManager[Any], other: AbstractContextManager[Any]
) -> AbstractContextManager[Any]:
    stack = ExitStack()
    stack.enter_context(one)
    stack.enter_context(other)
    return stack


MUTATIONS: dict[str, Mutation] = {
    "one-staged-name": Mutation("a staged name holds the claim's id", _one_staged_name),
    "no-revoking": Mutation("what former owners staged is revoked first", _no_revoking),
    "no-renewing": Mutation("a claim is renewed before its bytes are published", _no_renewing),
    "no-hash": Mutation("only elements of the hash that was sent are completed", _no_hash),
    "no-transaction": Mutation("one transaction records and deletes the claim", _no_transaction),
    "size-proves": Mutation("size alone proves nothing", _size_proves),
    "unclaimed-removals": Mutation("who removes bytes holds the claim", _unclaimed_removals),
    "no-holding": Mutation("no lease ends the claim of a removal", _no_holding),
    "no-second-look": Mutation("the state is read again by who claims", _no_second_look),
    "renamed-from-the-slow": Mutation(
        "what a silent owner staged is copied, not renamed", _renamed_from_the_slow
    ),
}
