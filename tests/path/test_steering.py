"""Pause, priority and reset, as tools write them into documents and into `pauses`."""

from __future__ import annotations

from functools import partial
from typing import Any

import anyio
from bson import ObjectId

from reactor.events import Key
from reactor.operators.operator_edits import pause_entries, prioritise_entries, resume_entries
from reactor.operators.steering import Steering
from reactor.pauses import Pause
from reactor.sites import Suspension
from tests.path.studio import PROJECT, Studio, some_bytes


async def test_a_paused_entry_waits_until_it_is_unpaused(studio: Studio) -> None:
    studio.file("a.exr", some_bytes())
    element = studio.files_entry("a.exr")
    element["sites"][1]["paused"] = True
    async with studio.running() as reactor:
        paused = await studio.publish(element)
        other = await studio.publish_file("b.exr", some_bytes())
        await studio.until(other, "vendor")
        with anyio.fail_after(20):
            await reactor.scheduler.wait_idle()
        assert "created_dt" not in await studio.entry(paused, "vendor")

        await studio.documents.update_one(
            {"_id": paused}, {"$unset": {"files.0.sites.1.paused": 1}}
        )
        entry = await studio.until(paused, "vendor")

    assert "paused" not in entry


async def test_a_paused_project_waits_until_it_is_resumed(studio: Studio) -> None:
    await studio.state["pauses"].insert_one({"_id": "p", "project": PROJECT, "site": None})
    async with studio.running():
        representation = await studio.publish_file("a.exr", some_bytes())
        await anyio.sleep(0.3)  # long enough to be sent, were it not paused
        assert "created_dt" not in await studio.entry(representation, "vendor")

        await studio.state["pauses"].delete_one({"_id": "p"})
        await studio.until(representation, "vendor")


async def test_higher_priority_goes_first(studio: Studio) -> None:
    names = [f"{i}.exr" for i in range(8)]
    elements: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        studio.file(name, some_bytes(2 * 1024 * 1024))  # too large to be sent in a bundle
        elements.append(studio.files_entry(name))
        elements[-1]["sites"][1]["priority"] = number

    reactor = studio.reactor()
    for site in reactor.sites:
        site.limit = 1
    await studio.publish(*elements)
    with anyio.fail_after(20):
        await reactor.run(until_idle=True, stop=anyio.Event())

    attempts = await studio.attempts()
    order = [attempt["path"] for attempt in sorted(attempts, key=lambda a: a["_id"])]
    assert order == [f"{{root[work]}}/{name}" for name in reversed(names)]


async def test_a_reset_entry_is_proved_again_and_not_sent_again(studio: Studio) -> None:
    async with studio.running():
        representation = await studio.publish_file("a.exr", some_bytes())
        await studio.until(representation, "vendor")

        await studio.documents.update_one(
            {"_id": representation}, {"$set": {"files.0.sites.1": {"name": "vendor"}}}
        )
        entry = await studio.until(representation, "vendor")
        attempts = await studio.until_attempts(2)

    assert [attempt["outcome"] for attempt in attempts] == ["available", "right"]
    assert "checksum" in entry or entry["verified"] == "size"


async def test_a_site_added_to_a_document_is_served_at_once(studio: Studio) -> None:
    async with studio.running():
        representation = await studio.publish_file("a.exr", some_bytes(), wanted=[])

        await studio.documents.update_one(
            {"_id": representation}, {"$push": {"files.0.sites": {"name": "vendor"}}}
        )
        await studio.until(representation, "vendor")


async def test_an_entry_removed_before_its_end_is_not_added_back(studio: Studio) -> None:
    await studio.state["pauses"].insert_one({"_id": "p", "project": PROJECT, "site": None})
    async with studio.running() as reactor:
        representation = await studio.publish_file("a.exr", some_bytes())
        await studio.documents.update_one(
            {"_id": representation}, {"$pull": {"files.0.sites": {"name": "vendor"}}}
        )
        await studio.state["pauses"].delete_one({"_id": "p"})
        other = await studio.publish_file("b.exr", some_bytes())
        await studio.until(other, "vendor")
        with anyio.fail_after(20):
            await reactor.scheduler.wait_idle()

    assert await studio.entry(representation, "vendor") == {}


def steering(studio: Studio) -> Steering:
    return Steering(studio.client, studio.database, f"{studio.database}_state")


async def test_an_operator_pauses_a_site_and_a_representation_and_resumes_them(
    studio: Studio,
) -> None:
    operator = steering(studio)
    pause = Pause(PROJECT, "vendor", by="ada@workstation")
    async with studio.running() as reactor:
        await operator.pause(pause)
        paused = await studio.publish_file("a.exr", some_bytes())
        other = await studio.publish_file("b.exr", some_bytes())
        key = Key(PROJECT, paused)
        assert await operator.settle(key, partial(pause_entries, sites={"vendor"})) == 1
        await operator.resume(pause)

        await studio.until(other, "vendor")
        with anyio.fail_after(20):
            await reactor.scheduler.wait_idle()
        assert "created_dt" not in await studio.entry(paused, "vendor")

        await operator.settle(key, partial(resume_entries, sites={"vendor"}))
        await studio.until(paused, "vendor")


async def test_what_is_waiting_is_put_in_a_new_order_at_once(studio: Studio) -> None:
    async def publish(name: str) -> ObjectId:
        """Publish a file, and return when the reactor has it in its queue."""
        published = await studio.publish_file(name, some_bytes(2 * 1024 * 1024))
        with anyio.fail_after(20):
            while not any(work.path.endswith(name) for work in reactor.scheduler.queue.waiting()):
                await anyio.sleep(0.01)
        return published

    async with studio.running() as reactor:
        vendor = reactor.sites.of(PROJECT, "vendor")
        vendor.limit = 1  # from when it is opened
        serves = await studio.publish_file("serves.exr", some_bytes())
        await studio.until(serves, "vendor")
        vendor.suspension = Suspension("unreachable", "for a while", anyio.current_time() + 60, 1)
        first, last = await publish("first.exr"), await publish("last.exr")
        key = Key(PROJECT, last)
        await steering(studio).settle(
            key, partial(prioritise_entries, sites={"vendor"}, priority=90)
        )
        await publish("later.exr")  # so that the change before it has been seen
        vendor.recovered()
        await studio.publish_file("wakes.exr", some_bytes(2 * 1024 * 1024))
        await studio.until(first, "vendor")

    attempts = sorted(await studio.attempts(), key=lambda attempt: attempt["_id"])
    assert attempts[1]["path"].endswith("last.exr")


async def test_what_has_failed_is_tried_again_as_soon_as_an_operator_asks(studio: Studio) -> None:
    studio.file("a.exr", some_bytes())
    element = studio.files_entry("a.exr")
    element["sites"][1] |= {"tries": 3, "error": "no space"}
    async with studio.running() as reactor:
        representation = await studio.publish(element)
        with anyio.fail_after(20):
            await reactor.scheduler.wait_idle()
        assert "created_dt" not in await studio.entry(representation, "vendor")

        assert await steering(studio).retry_all(PROJECT, {"vendor"}) == 1
        entry = await studio.until(representation, "vendor")

    assert "error" not in entry
