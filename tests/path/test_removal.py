"""
Bytes removed beside running reactors and other operators, and a removal that dies in between.

What comes between is exact: the disk does its mischief just before, or just after, one step.
"""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel
import pytest
from bson import ObjectId

from providers.base import SiteError
from reactor.claims import Claims, Place
from reactor.operators.site_edits import adding
from reactor.registry import Registry
from tests.path.operators import Operator, change_entries, published
from tests.path.studio import PATIENCE, PROJECT, Studio, some_bytes

VENDOR = frozenset({"vendor"})


async def test_what_is_deleted_stays_deleted_beside_a_running_reactor(studio: Studio) -> None:
    representation = await published(studio)
    async with studio.running() as reactor:
        tally = await Operator(studio).delete(representation)
        other = await studio.publish_file("b.exr", some_bytes())
        await studio.until(other, "vendor")
        with anyio.fail_after(PATIENCE):
            await reactor.scheduler.wait_idle()

    assert tally.deleted == 1
    assert not studio.path("vendor", "a.exr").exists()
    assert await studio.entry(representation, "vendor") == {}


async def test_nothing_is_marked_when_its_bytes_go(studio: Studio) -> None:
    representation = await published(studio)
    operator = Operator(studio)
    seen: list[Any] = []

    async def look() -> None:
        claim = await studio.state["claims"].find_one({})
        seen.append((await studio.entry(representation, "vendor"), claim["held"]))

    operator.disk.before_remove = look
    await operator.delete(representation)

    assert seen == [({}, True)]


class _DiedError(BaseException):
    """The process is gone at this line."""


async def test_killed_before_the_bytes_go_it_leaves_no_mark_and_its_place_is_free(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    representation = await published(studio)
    operator = Operator(studio)

    async def die(*_: Any) -> None:
        raise _DiedError

    async def nothing(*_: Any) -> None:
        """Who is dead gives nothing up."""

    with monkeypatch.context() as dead:
        dead.setattr("reactor.border.contained.Contained.remove", die)
        dead.setattr("reactor.claims.Claims.give_up_all", nothing)
        dead.setattr("reactor.registry.Registry.leave", nothing)
        with pytest.raises(_DiedError):
            await operator.delete(representation)
    assert await studio.entry(representation, "vendor") == {}
    assert (await studio.state["claims"].find_one({}))["held"] is True

    await studio.state["reactors"].update_many({}, {"$set": {"pid": 2**22 + 1}})
    await change_entries(studio, adding(VENDOR))
    await studio.run_until_idle()

    assert "created_dt" in await studio.entry(representation, "vendor")
    assert await studio.state["claims"].count_documents({}) == 0


async def test_a_held_place_is_given_to_nobody_else(studio: Studio) -> None:
    """While a removal may still come, nobody publishes there, whatever the lease says."""
    representation = await published(studio)
    operator = Operator(studio)
    taken: list[dict[str, Any]] = []

    async def try_to_take() -> None:
        claims = studio.state["claims"]
        ended = {"$set": {"expires": {"$subtract": ["$$NOW", 60_000]}}}
        await claims.update_many({}, [ended])
        key = (await claims.find_one({}))["_id"]
        taken.append(await Claims(claims, "other").take([Place(key, PROJECT, "vendor", "", "")]))

    operator.disk.before_remove = try_to_take
    await operator.delete(representation)

    assert taken == [{}]
    assert not studio.path("vendor", "a.exr").exists()


async def test_two_operators_who_delete_each_others_copy_leave_one(studio: Studio) -> None:
    representation = await published(studio)
    first, second = Operator(studio, "vendor"), Operator(studio, "studio")

    async def second_deletes() -> None:
        await second.delete(representation)

    # The second comes when the first has seen the studio's copy, and before it unmarks its own.
    first.disk.before_facts = [second_deletes]
    await first.delete(representation)

    left = [name for name in ("studio", "vendor") if studio.path(name, "a.exr").exists()]
    document = await studio.documents.find_one({"_id": representation})
    marked = [e["name"] for e in document["files"][0]["sites"] if "created_dt" in e]
    assert left == marked
    assert len(left) == 1


@pytest.fixture
async def representation(studio: Studio) -> ObjectId:
    return await published(studio)


async def test_a_copy_that_loses_its_mark_at_the_last_moment_is_no_reason_to_delete(
    studio: Studio, representation: ObjectId
) -> None:
    operator = Operator(studio)

    async def reset_the_other() -> None:
        await studio.documents.update_one(
            {"_id": representation}, {"$unset": {"files.0.sites.0.created_dt": 1}}
        )

    operator.after_edit = reset_the_other
    tally = await operator.delete(representation)

    assert studio.path("vendor", "a.exr").exists()
    assert tally.deleted == 0
    assert "its bytes stay" in next(iter(tally.reasons))


async def test_another_disk_mounted_in_between_is_left_alone(
    studio: Studio, representation: ObjectId
) -> None:
    operator = Operator(studio)

    async def mount_another() -> None:
        studio.path("vendor", ".sitesync-root").write_text("ab" * 16 + "\n")

    operator.disk.before_facts = [mount_another]
    with pytest.raises(SiteError, match="was changed for another one"):
        await operator.delete(representation)

    assert studio.path("vendor", "a.exr").exists()
    assert "created_dt" in await studio.entry(representation, "vendor")


async def test_a_fault_of_our_own_leaves_no_claim(
    studio: Studio, representation: ObjectId, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = Operator(studio)

    async def stumble(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("reactor.border.contained.Contained.facts", stumble)
    with pytest.raises(RuntimeError, match="a bug"):
        await operator.delete(representation)

    claim = await studio.state["claims"].find_one({})
    assert (claim["over"], claim["process"]) == (True, None)


async def test_what_a_dead_process_of_this_machine_held_is_free(
    studio: Studio, representation: ObjectId
) -> None:
    dead = Registry(studio.client[f"{studio.database}_state"], "studio")
    await dead.register()
    await studio.state["reactors"].update_one({"_id": dead.process}, {"$set": {"pid": 2**22 + 1}})
    marker = await studio.provider("vendor").marker("work")
    assert marker is not None
    place = Place(marker.key("a.exr"), PROJECT, "vendor", "work", "a.exr")
    claims = Claims(studio.state["claims"], dead.process)
    await claims.hold([*(await claims.take([place])).values()])

    tally = await Operator(studio).delete(representation)

    assert (tally.deleted, tally.busy) == (1, 0)


async def test_a_copy_that_lost_its_mark_meanwhile_is_no_reason_to_delete(studio: Studio) -> None:
    representation = await published(studio)
    operator = Operator(studio)

    async def reset_the_other() -> None:
        await studio.documents.update_one(
            {"_id": representation}, {"$unset": {"files.0.sites.0.created_dt": 1}}
        )

    operator.disks["studio"].after_facts = reset_the_other
    tally = await operator.delete(representation)

    assert studio.path("vendor", "a.exr").exists()
    assert "created_dt" in await studio.entry(representation, "vendor")
    assert tally.deleted == 0


async def test_a_file_written_in_the_last_moment_stays(studio: Studio) -> None:
    representation = await published(studio)
    operator = Operator(studio)

    async def publish_there() -> None:
        studio.path("vendor", "a.exr").write_bytes(b"new, and not in a document yet")

    operator.disk.before_facts = [None, publish_there]
    tally = await operator.delete(representation)

    assert studio.path("vendor", "a.exr").read_bytes() == b"new, and not in a document yet"
    assert await studio.entry(representation, "vendor") == {}
    assert not tally.is_clean


async def test_a_representation_that_takes_the_place_meanwhile_keeps_the_bytes(
    studio: Studio,
) -> None:
    representation = await published(studio)
    operator = Operator(studio)

    async def publish_hero() -> None:
        await studio.publish(studio.files_entry("a.exr", wanted=["vendor"]))

    operator.disk.before_facts = [publish_hero]
    await operator.delete(representation)

    assert studio.path("vendor", "a.exr").exists()


async def test_a_site_that_fails_in_between_ends_it_and_gives_its_claims_up(
    studio: Studio,
) -> None:
    representation = await published(studio)
    operator = Operator(studio)

    async def fail() -> None:
        raise SiteError("unreachable", "vendor does not answer")

    operator.disk.before_remove = fail
    with pytest.raises(SiteError, match="vendor does not answer"):
        await operator.delete(representation)

    assert await studio.entry(representation, "vendor") == {}
    claim = await studio.state["claims"].find_one({})
    assert (claim["over"], claim["held"], claim["process"]) == (True, False, None)


async def test_interrupted_it_ends_what_it_has_begun(
    studio: Studio, representation: ObjectId
) -> None:
    operator = Operator(studio)
    with anyio.CancelScope() as interrupted:

        async def interrupt() -> None:
            interrupted.cancel()
            await anyio.lowlevel.checkpoint()

        operator.disk.before_remove = interrupt
        await operator.delete(representation)

    assert not studio.path("vendor", "a.exr").exists()
    assert await studio.state["claims"].count_documents({}) == 0
