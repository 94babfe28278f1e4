"""What dead owners left is cleared away, and nothing that anybody may still need or publish."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Handle, Location, RevokedError
from providers.names import staged_name
from reactor import leftovers as leftovers_room
from reactor.claims import Claim, Claims, Journal, Place
from reactor.leftovers import Leftovers
from reactor.turns import in_turn
from tests.path.studio import Studio, some_bytes, studio_of

Document = dict[str, Any]

LONG_AGO = datetime(2024, 1, 1, tzinfo=UTC)
DAY_SECONDS = 24 * 3600


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], tmp_path: Path
) -> AsyncGenerator[Studio]:
    alternatives = {"vendor": ["vendor_web"]}
    async with studio_of(client, database.name, tmp_path, alternatives=alternatives) as made:
        yield made


@pytest.fixture
def leftovers(studio: Studio) -> Leftovers:
    """Those of a reactor that knows `theirs` to be a dead process of its host."""
    reactor = studio.reactor()
    reactor._claims.dead = frozenset({"theirs"})
    return reactor._leftovers


@pytest.fixture
def theirs(studio: Studio) -> Claims:
    return Claims(studio.state["claims"], "theirs")


async def staged(studio: Studio, claims: Claims, name: str = "a.exr") -> tuple[Claim, Handle]:
    """Claim a place at the vendor, and stage something there."""
    provider = studio.provider("vendor")
    marker = await provider.marker("work")
    assert marker is not None
    place = Place(marker.key(name), "Show", "vendor", "work", name)
    claim = (await claims.take([place]))[place.key]
    return claim, await provider.stage(Location("work", name), claim.id, 1)


def staged_names(studio: Studio) -> list[str]:
    return [file.name for file in studio.path("vendor").rglob(".sitesync-*.part")]


async def test_a_dead_owners_claim_on_what_nobody_wants_is_ended(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    claim, _ = await staged(studio, theirs)
    await theirs.journal(claim, Journal(offset=7))

    assert await leftovers.end_claims() == 1

    assert staged_names(studio) == []
    assert await studio.state["claims"].count_documents({}) == 0


async def test_its_owner_cannot_publish_any_more(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    _, handle = await staged(studio, theirs)
    await leftovers.end_claims()

    [outcome] = await studio.provider("vendor").publish([(handle, None)])

    assert isinstance(outcome, RevokedError)


async def test_all_that_former_owners_staged_goes_with_it(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    for _ in range(3):
        await staged(studio, theirs)
        await studio.state["claims"].update_many({}, {"$set": {"expires": LONG_AGO}})
    assert len(staged_names(studio)) == 3

    await leftovers.end_claims()

    assert staged_names(studio) == []


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "vendor"},
        {"name": "vendor", "paused": True},
        {"name": "vendor", "tries": 3},
        {"name": "vendor_web"},
    ],
    ids=["wanted", "paused", "failed", "wanted at an alternative"],
)
async def test_a_claim_on_what_is_still_wanted_is_left_to_go_on_from(
    studio: Studio, leftovers: Leftovers, theirs: Claims, entry: Document
) -> None:
    await staged(studio, theirs)
    studio.file("a.exr", some_bytes())
    element = studio.files_entry("a.exr", wanted=())
    element["sites"].append(entry)
    await studio.publish(element)

    assert await leftovers.end_claims() == 0

    assert len(staged_names(studio)) == 1
    assert await studio.state["claims"].count_documents({"process": "theirs"}) == 1


STATES: dict[str, tuple[Document, bool]] = {
    "silent for long": ({"process": "far away", "expires": LONG_AGO}, True),
    "given up": ({"process": None, "over": True, "expires": LONG_AGO}, True),
    "never begun": ({"process": "far away", "expires": None}, True),
    "held, its owner gone": ({"held": True}, True),
    "held, its owner silent": ({"process": "far away", "held": True, "expires": LONG_AGO}, False),
    "alive": ({"process": "far away"}, False),
}


@pytest.mark.parametrize("state", STATES)
async def test_only_an_owner_that_is_gone_or_silent_for_long_loses_its_claim(
    studio: Studio, leftovers: Leftovers, theirs: Claims, state: str
) -> None:
    change, ended = STATES[state]
    await staged(studio, theirs)
    await studio.state["claims"].update_many({}, {"$set": change})

    assert await leftovers.end_claims() == ended

    assert len(staged_names(studio)) == (not ended)


async def test_a_lease_that_ended_a_moment_ago_is_left_to_its_next_owner(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    await staged(studio, theirs)
    lately = datetime.now(UTC) - timedelta(seconds=60)
    change = {"$set": {"process": "far away", "expires": lately}}
    await studio.state["claims"].update_many({}, change)

    assert await leftovers.end_claims() == 0


async def test_many_claims_are_ended_page_by_page(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    for number in range(450):
        key, name = f"marker/{number:03d}", f"{number}.exr"
        await theirs.take([Place(key, "Show", "vendor", "work", name)])

    assert await leftovers.end_claims() == 450


async def test_where_nothing_can_be_revoked_the_claim_stays(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    claim, _ = await staged(studio, theirs)
    studio.path("vendor").rename(studio.path("unmounted"))

    assert await leftovers.end_claims() == 0

    found = await studio.state["claims"].find_one({"former.claim": claim.id})
    assert found is not None
    assert found["over"]


async def test_neither_a_turns_claim_nor_one_that_is_held_is_abandoned(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    ours = leftovers._claims
    await staged(studio, theirs)
    change = {"$set": {"process": "far away", "held": True, "expires": LONG_AGO}}
    await studio.state["claims"].update_many({}, change)

    async with in_turn(theirs, "scan of Show"):
        assert await ours.abandoned("", 9) == []


async def test_a_place_that_is_not_reached_is_left_to_others(
    studio: Studio, leftovers: Leftovers, theirs: Claims
) -> None:
    await staged(studio, theirs)
    await studio.state["claims"].update_many({}, {"$set": {"site": "elsewhere"}})

    assert await leftovers.end_claims() == 0


# Staged files of no claim, at the own site.


def part(studio: Studio, claim: str, *, age: float = 2 * DAY_SECONDS) -> Path:
    """Make a staged file at the studio, as old as an image of the disk would have it."""
    file = studio.file(f"shots/{staged_name(claim)}", b"half")
    at = time.time() - age
    os.utime(file, (at, at))
    return file


@pytest.fixture
def old(leftovers: Leftovers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let it be the day after tomorrow: a change's time (ctime) cannot be set back."""
    clock = leftovers._serving.clock
    monkeypatch.setattr(clock, "ahead", timedelta(days=2))


async def sweep(studio: Studio, leftovers: Leftovers) -> int:
    return await leftovers.sweep(leftovers._serving.sites.of("Show", "studio"), "work")


async def test_old_staged_files_of_no_claim_are_removed(
    studio: Studio, leftovers: Leftovers, old: None
) -> None:
    file = part(studio, "c1")
    published = studio.file("shots/a.exr", b"whole")

    assert await sweep(studio, leftovers) == 1

    assert not file.exists()
    assert published.exists()


async def test_a_staged_file_that_was_touched_today_stays(
    studio: Studio, leftovers: Leftovers
) -> None:
    part(studio, "c1")

    assert await sweep(studio, leftovers) == 0


async def test_a_staged_file_that_a_claim_knows_stays(
    studio: Studio, leftovers: Leftovers, theirs: Claims, old: None
) -> None:
    claim, _ = await staged(studio, theirs)
    part(studio, claim.id)

    assert await sweep(studio, leftovers) == 0


async def test_a_staged_file_that_a_claim_still_has_to_revoke_stays(
    studio: Studio, leftovers: Leftovers, theirs: Claims, old: None
) -> None:
    former, _ = await staged(studio, theirs)
    await studio.state["claims"].update_many({}, {"$set": {"expires": LONG_AGO}})
    await staged(studio, theirs)
    part(studio, former.id)

    assert await sweep(studio, leftovers) == 0


async def test_many_files_of_nobody_are_removed_together(
    studio: Studio, leftovers: Leftovers, old: None
) -> None:
    for number in range(450):
        part(studio, f"c{number}")

    assert await sweep(studio, leftovers) == 450


async def test_a_disk_is_gone_through_once_a_day(
    studio: Studio, leftovers: Leftovers, old: None
) -> None:
    await sweep(studio, leftovers)
    file = part(studio, "c1")

    assert await sweep(studio, leftovers) == 0
    yesterday = datetime.now(UTC) - timedelta(days=1, minutes=1)
    await studio.state["cursors"].update_many({}, {"$set": {"at": yesterday}})
    assert await sweep(studio, leftovers) == 1
    assert not file.exists()


async def test_a_disk_is_gone_through_by_one_process_at_a_time(
    studio: Studio, leftovers: Leftovers, theirs: Claims, old: None
) -> None:
    leftovers._claims.dead = frozenset()
    marker = await studio.provider("studio").marker("work")
    assert marker is not None
    part(studio, "c1")

    async with in_turn(theirs, f"leftovers of {marker.id}"):
        assert await sweep(studio, leftovers) == 0
    assert await sweep(studio, leftovers) == 1


async def test_a_reactor_clears_away_what_was_left(studio: Studio, theirs: Claims) -> None:
    await staged(studio, theirs)
    await theirs.give_up_all()

    await studio.run_until_idle()

    assert staged_names(studio) == []
    assert await studio.state["claims"].count_documents({}) == 0
    assert await studio.state["cursors"].count_documents({"_id": {"$regex": "^leftovers of "}}) == 1


async def test_what_is_given_up_while_a_reactor_runs_is_cleared_away_by_it(
    studio: Studio, theirs: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its site was out of reach, say, and then the representation was deleted."""
    monkeypatch.setattr(leftovers_room, "CLAIMS_SECONDS", 0.1)
    async with studio.running() as reactor:
        await reactor._leftovers.settled()
        claim, _ = await staged(studio, theirs)
        await theirs.give_up([claim])

        with anyio.fail_after(20):
            while await studio.state["claims"].count_documents({"_id": claim.place.key}):
                await anyio.sleep(0.02)

    assert staged_names(studio) == []


async def test_a_root_without_its_marker_is_not_touched(
    studio: Studio, leftovers: Leftovers, old: None
) -> None:
    file = part(studio, "c1")
    (studio.path("studio") / ".sitesync-root").unlink()

    await leftovers._sweep_site(leftovers._serving.sites.of("Show", "studio"))

    assert file.exists()
