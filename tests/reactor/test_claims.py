"""Claims on a real mongod: one owner at a time, whatever happens to owners."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Collection as AnyOf
from typing import Any

import anyio
import pytest
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase

from reactor.claims import Claim, Claims, Journal
from tests.reactor.claiming import expire, place, refused, take

Document = dict[str, Any]
Database = AsyncDatabase[Document]
Collection = AsyncCollection[Document]

RACERS = 8


@pytest.fixture
def collection(database: Database) -> Collection:
    return database["claims"]


@pytest.fixture
def ours(collection: Collection) -> Claims:
    return Claims(collection, "ours")


@pytest.fixture
def theirs(collection: Collection) -> Claims:
    return Claims(collection, "theirs")


async def test_each_place_has_exactly_one_winner_of_many(collection: Collection) -> None:
    places = [place(str(number)) for number in range(200)]
    won: list[dict[str, Claim]] = []

    async def race(number: int) -> None:
        mine = places[number * 25 :] + places[: number * 25]
        won.append(await Claims(collection, f"racer {number}").take(mine))

    async with anyio.create_task_group() as racers:
        for number in range(RACERS):
            racers.start_soon(race, number)

    winners = [key for claims in won for key in claims]
    assert sorted(winners) == sorted(place.key for place in places)
    stored = {found["_id"]: found["claim"] async for found in collection.find()}
    assert stored == {key: claim.id for claims in won for key, claim in claims.items()}


async def test_a_place_that_is_claimed_is_not_given_to_another(
    ours: Claims, theirs: Claims
) -> None:
    await take(ours, "a")

    taken = await theirs.take([place("a"), place("b")])

    assert taken.keys() == {place("b").key}


async def test_a_place_is_not_given_twice_to_one_process(ours: Claims) -> None:
    await take(ours, "a")

    assert await refused(ours, "a")


async def test_nothing_is_taken_where_nothing_is_asked_for(ours: Claims) -> None:
    assert await ours.take([]) == {}


async def test_a_claim_tells_whose_it_is_and_what_for(ours: Claims, collection: Collection) -> None:
    claim = await take(ours, "a")

    found = await collection.find_one({"_id": claim.place.key})
    assert found is not None
    assert (found["process"], found["project"], found["site"]) == ("ours", "Bunny", "vendor")
    assert (found["root"], found["path"]) == ("work", "a")
    assert (found["expires"] - found["taken"]).total_seconds() == 30


async def test_after_its_lease_a_claim_is_taken_over_with_its_journal(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    lost = await take(ours, "a")
    journal = Journal(offset=7, prefix="xxh128:1", hash="h", token="t")
    await ours.journal(lost, journal)
    await expire(collection, lost)

    [former] = (await take(theirs, "a")).former

    assert (former.claim, former.journal) == (lost.id, journal)
    assert (former.site, former.root, former.path) == ("vendor", "work", "a")
    assert not former.over


async def test_all_former_owners_are_remembered_in_their_order(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    first = await take(ours, "a")
    await expire(collection, first)
    second = await take(theirs, "a")
    await expire(collection, second)

    third = await take(ours, "a")

    assert [former.claim for former in third.former] == [first.id, second.id]
    assert third.former[1].journal is None


async def test_ids_are_never_used_again(ours: Claims) -> None:
    ids: set[str] = set()
    for _ in range(20):
        claim = await take(ours, "a")
        ids.add(claim.id)
        await ours.release([claim])

    assert len(ids) == 20


async def test_a_released_place_is_free_and_has_no_past(ours: Claims, theirs: Claims) -> None:
    await ours.release([await take(ours, "a")])

    assert (await take(theirs, "a")).former == ()


async def test_claims_of_a_dead_process_are_free_at_once(ours: Claims, theirs: Claims) -> None:
    lost = await take(theirs, "a")
    ours.dead = frozenset({"theirs"})

    [former] = (await take(ours, "a")).former

    assert former.claim == lost.id
    assert former.over


async def test_what_a_dead_process_held_is_free_on_other_hosts_once_its_own_host_says_so(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    claim = await take(theirs, "a")
    await theirs.hold([claim])
    elsewhere = Claims(collection, "elsewhere")
    assert await refused(elsewhere, "a")
    ours.dead = frozenset({"theirs"})

    await ours.give_up_dead()

    [former] = (await take(elsewhere, "a")).former
    assert (former.claim, former.over) == (claim.id, True)


async def test_a_claim_that_was_given_up_is_free_at_once_and_over(
    ours: Claims, theirs: Claims
) -> None:
    claim = await take(ours, "a")
    await ours.journal(claim, Journal(offset=7))
    await ours.give_up([claim])

    [former] = (await take(theirs, "a")).former

    assert former.over
    assert former.journal == Journal(offset=7)


async def test_all_claims_of_a_process_are_given_up_together(ours: Claims, theirs: Claims) -> None:
    await take(ours, "a", "b")
    await take(theirs, "c")

    await ours.give_up_all()

    assert len(await theirs.take([place("a"), place("b")])) == 2
    assert await refused(ours, "c")


async def test_no_lease_ends_a_claim_that_is_held(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    claim = await take(ours, "a")
    await ours.hold([claim])
    await expire(collection, claim)

    assert await refused(theirs, "a")


async def test_the_end_of_its_process_ends_a_claim_that_is_held(
    ours: Claims, theirs: Claims
) -> None:
    await ours.hold([await take(ours, "a")])
    theirs.dead = frozenset({"ours"})

    assert (await take(theirs, "a")).former[0].over


async def test_giving_up_tells_whether_the_claim_was_still_there(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    kept, lost = await take(ours, "kept"), await take(ours, "lost")
    await expire(collection, lost)
    await take(theirs, "lost")

    assert await ours.give_up([kept]) == 1
    assert await ours.give_up([lost]) == 0


async def test_its_owner_may_give_up_a_claim_that_is_held(ours: Claims, theirs: Claims) -> None:
    claim = await take(ours, "a")
    await ours.hold([claim])

    await ours.give_up([claim])

    assert not await refused(theirs, "a")


async def test_what_was_given_up_is_owed_no_more(ours: Claims, theirs: Claims) -> None:
    claim = await take(ours, "a")
    await ours.give_up([claim])
    again = await take(theirs, "a")

    await ours.give_up_owed()

    assert await theirs.renew([again]) == {again.id}


async def test_renewing_moves_the_end_of_the_lease(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    claim = await take(ours, "a")
    await expire(collection, claim)

    assert await ours.renew([claim]) == {claim.id}
    assert await refused(theirs, "a")


async def test_renewing_tells_which_claims_are_still_ours(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    kept, taken_over, gone, given_up = [await take(ours, name) for name in "abcd"]
    await expire(collection, taken_over)
    await take(theirs, "b")
    await collection.delete_one({"_id": gone.place.key})
    await ours.give_up([given_up])

    assert await ours.renew([kept, taken_over, gone, given_up]) == {kept.id}


async def test_renewing_what_was_given_up_does_not_bring_it_back(
    ours: Claims, theirs: Claims
) -> None:
    claim = await take(ours, "a")
    await ours.give_up([claim])

    await ours.renew([claim])

    assert not await refused(theirs, "a")


async def test_renewing_nothing_asks_nothing(ours: Claims) -> None:
    assert await ours.renew([]) == set()


@pytest.mark.parametrize("end", ["release", "give_up", "hold", "journal"])
async def test_an_owner_that_lost_its_claim_changes_nothing(
    ours: Claims, theirs: Claims, collection: Collection, end: str
) -> None:
    lost = await take(ours, "a")
    await expire(collection, lost)
    await take(theirs, "a")
    before = await collection.find_one({"_id": lost.place.key})

    match end:
        case "release":
            await ours.release([lost])
        case "give_up":
            await ours.give_up([lost])
        case "hold":
            await ours.hold([lost])
        case _:
            await ours.journal(lost, Journal(offset=1))

    assert await collection.find_one({"_id": lost.place.key}) == before


async def test_ending_nothing_ends_nothing(ours: Claims) -> None:
    claim = await take(ours, "a")

    await ours.release([])
    await ours.give_up([])

    assert await ours.renew([claim]) == {claim.id}


async def test_only_a_claim_that_is_still_ours_can_be_held(
    collection: Collection, ours: Claims, theirs: Claims
) -> None:
    lost, kept = await take(ours, "a"), await take(ours, "b")
    await expire(collection, lost)
    await take(theirs, "a")

    held = await ours.hold([lost, kept])

    assert held == {kept.id}
    found = await collection.find_one({"_id": lost.place.key})
    assert found is not None
    assert not found.get("held")


async def test_many_places_are_claimed_whoever_had_some_of_them_before(
    ours: Claims, theirs: Claims, collection: Collection
) -> None:
    names = [str(number) for number in range(20)]
    lost = await take(ours, "7")
    await expire(collection, lost)
    await take(ours, "8")

    taken = await theirs.take([place(name) for name in names])

    assert taken.keys() == {place(name).key for name in names if name != "8"}
    assert [former.claim for former in taken[place("7").key].former] == [lost.id]
    assert taken[place("9").key].former == ()
    found = [claim async for claim in collection.find({"process": "theirs"})]
    assert {(claim["expires"] - claim["taken"]).total_seconds() for claim in found} == {30}


class Paused(Claims):
    """A process that pauses between claiming many places and beginning their leases."""

    meanwhile: Callable[[], Awaitable[None]]

    async def _update_ours(
        self, claims: AnyOf[Claim], update: Sequence[Mapping[str, Any]]
    ) -> set[str]:
        await self.meanwhile()
        return await super()._update_ours(claims, update)


async def test_of_many_claims_one_that_was_taken_before_its_lease_began_is_not_ours(
    theirs: Claims, collection: Collection
) -> None:
    ours = Paused(collection, "ours")

    async def take_one() -> None:
        assert not await refused(theirs, "3")

    ours.meanwhile = take_one
    taken = await ours.take([place(str(number)) for number in range(10)])

    assert place("3").key not in taken
    assert len(taken) == 9
    found = await collection.find_one({"_id": place("3").key})
    assert found is not None
    assert found["process"] == "theirs"
    assert len(found["former"]) == 1


async def test_places_are_worked_on_until_their_owner_gives_them_up_or_is_gone(
    ours: Claims, theirs: Claims
) -> None:
    await take(ours, "a")
    given_up = await take(theirs, "b")
    await take(theirs, "c")
    keys = [place(name).key for name in ("a", "b", "c", "d")]
    assert await ours.worked_on(keys) == set(keys[:3])
    assert await ours.under_way("Bunny", ["vendor"]) == [place(name) for name in ("a", "b", "c")]
    assert await ours.under_way("Bunny", ["studio"]) == []

    await theirs.give_up([given_up])
    assert await ours.worked_on(keys) == {keys[0], keys[2]}

    ours.dead = frozenset({"theirs"})
    assert await ours.worked_on(keys) == {keys[0]}
    assert await ours.under_way("Bunny", ["vendor"]) == [place("a")]
