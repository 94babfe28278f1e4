"""Bytes at one site are held against documents, and what follows is written under a claim."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Location, SiteError
from providers.checksums import checksum_of
from reactor.model import source_hash
from tests.reactor.judging.inspected import Inspected, inspected, text

Document = dict[str, Any]

NAME = "shot/a.exr"


@pytest.fixture
async def rig(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], tmp_path: Path
) -> AsyncIterator[Inspected]:
    async with inspected(client, database.name, tmp_path) as made:
        yield made


async def changed(rig: Inspected, change: Document) -> None:
    await rig.studio.documents.update_one({"type": "representation"}, change)


async def test_a_proved_file_is_marked_with_its_alternatives(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio")

    written = await rig.settle(await rig.assess(NAME))

    file = await rig.file(representation)
    assert written == ["found"]
    assert file.holders == {"studio", "vendor", "web"}
    times = {str(entry["created_dt"]) for entry in await sites_of(rig) if entry["name"] != "studio"}
    assert len(times) == 1  # one write


async def sites_of(rig: Inspected) -> list[Document]:
    document = await rig.studio.documents.find_one({"type": "representation"})
    found: list[Document] = document["files"][0]["sites"]
    return found


async def test_a_verdict_ends_with_its_claim_and_is_in_the_log(rig: Inspected) -> None:
    await rig.publish(NAME, "studio")

    await rig.settle(await rig.assess(NAME))

    assert await rig.claims() == []
    (attempt,) = await rig.studio.attempts()
    assert (attempt["outcome"], attempt["site"], attempt["path"]) == ("found", "vendor", text(NAME))


async def test_a_file_whose_time_is_another_is_doubtful_and_not_marked(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio")
    os.utime(rig.path(NAME), ns=(1, 1))

    verdicts = await rig.assess(NAME)

    assert [verdict.word for verdict in verdicts] == ["doubtful"]
    assert await rig.settle(verdicts) == []
    assert (await rig.file(representation)).holders == {"studio"}


async def test_the_bytes_of_another_copy_prove_a_file(rig: Inspected) -> None:
    await rig.publish(NAME, "studio", at="studio")
    rig.studio.file(NAME, rig.path(NAME, "studio").read_bytes(), at="vendor")

    (verdict,) = await rig.assess(NAME)

    assert verdict.word == "found"
    assert verdict.look.proof is not None
    assert verdict.look.proof.verified == "checksum"


@pytest.mark.parametrize(
    ("on_missing", "left", "holders"),
    [
        ("restore", {"studio", "vendor", "web"}, {"studio"}),
        ("forget", {"studio"}, {"studio"}),
        ("report", {"studio", "vendor", "web"}, {"studio", "vendor", "web"}),
    ],
)
async def test_a_missing_file_is_dealt_with_by_policy(
    rig: Inspected, on_missing: Any, left: set[str], holders: set[str]
) -> None:
    representation = await rig.publish(NAME, "studio", "vendor", "web")
    rig.path(NAME).unlink()

    await rig.settle(await rig.assess(NAME), on_missing)

    file = await rig.file(representation)
    assert (set(file.names), set(file.holders)) == (left, holders)


async def test_a_changed_file_is_no_copy_any_more(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).write_bytes(b"half")

    assert await rig.settle(await rig.assess(NAME)) == ["drifted"]
    assert (await rig.file(representation)).holders == {"studio"}


async def publish_proved(rig: Inspected) -> str:
    """Publish a file that was verified at the vendor, and return its checksum."""
    representation = await rig.publish(NAME, "studio", "vendor")
    published = checksum_of("xxh128", [rig.path(NAME).read_bytes()])
    made = source_hash((await rig.file(representation)).hash)
    proof = {"checksum": published, "verified": "checksum", "source_hash": made}
    await changed(rig, {"$set": {f"files.0.sites.1.{key}": proof[key] for key in proof}})
    return published


async def test_other_bytes_of_the_same_size_are_seen_when_the_bytes_are_read(
    rig: Inspected,
) -> None:
    published = await publish_proved(rig)
    before = rig.path(NAME).stat()
    rig.path(NAME).write_bytes(b"x" * before.st_size)
    os.utime(rig.path(NAME), ns=(before.st_mtime_ns, before.st_mtime_ns))

    assert [verdict.word for verdict in await rig.assess(NAME)] == ["right"]
    (verdict,) = await rig.assess(NAME, depth="bytes")

    assert verdict.word == "drifted"
    assert published in verdict.reason


async def test_a_changed_time_is_seen_where_times_count(rig: Inspected) -> None:
    await publish_proved(rig)
    rig.path(NAME).write_bytes(b"x" * rig.path(NAME).stat().st_size)

    assert [verdict.word for verdict in await rig.assess(NAME)] == ["right"]
    assert [verdict.word for verdict in await rig.assess(NAME, depth="time")] == ["drifted"]


async def test_where_another_process_holds_the_claim_nothing_is_written(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).unlink()
    await rig.others.take([await rig.place(NAME)])

    settled = await rig.inspection().settle(await rig.assess(NAME), "restore")

    assert (settled.written, settled.busy) == ((), (text(NAME),))
    assert (await rig.file(representation)).holders == {"studio", "vendor"}
    assert [claim["process"] for claim in await rig.claims()] == ["another"]


async def test_what_former_owners_staged_can_be_published_no_more(rig: Inspected) -> None:
    await rig.publish(NAME, "studio", "vendor")
    (claim,) = (await rig.others.take([await rig.place(NAME)])).values()
    vendor = rig.studio.provider("vendor")
    handle = await vendor.stage(Location("work", NAME), claim.id, 1)
    await rig.others.give_up([claim])
    rig.path(NAME).unlink()

    assert await rig.settle(await rig.assess(NAME)) == ["missing"]

    assert await vendor.staged_size(handle) is None
    assert await rig.claims() == []


async def test_a_document_that_was_published_anew_meanwhile_is_left_alone(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).unlink()
    verdicts = await rig.assess(NAME)
    await changed(rig, {"$set": {"files.0.hash": "a,exr|1|400"}})

    assert await rig.settle(verdicts) == []
    assert (await rig.file(representation)).holders == {"studio", "vendor"}
    assert await rig.claims() == []


async def test_a_file_that_is_back_at_the_second_look_stays_marked(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    away = rig.path("away.exr")
    rig.path(NAME).rename(away)
    verdicts = await rig.assess(NAME)
    away.rename(rig.path(NAME))

    assert await rig.settle(verdicts) == []
    assert (await rig.file(representation)).holders == {"studio", "vendor"}


async def test_a_file_that_is_gone_at_the_second_look_is_not_marked(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio")
    verdicts = await rig.assess(NAME)
    rig.path(NAME).unlink()

    assert await rig.settle(verdicts) == []
    assert (await rig.file(representation)).holders == {"studio"}


async def test_without_the_marker_nothing_is_said_and_nothing_written(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).unlink()
    verdicts = await rig.assess(NAME)
    rig.path(".sitesync-root").unlink()

    with pytest.raises(SiteError):
        await rig.assess(NAME)
    with pytest.raises(SiteError):
        await rig.settle(verdicts)

    assert (await rig.file(representation)).holders == {"studio", "vendor"}
    assert await rig.claims() == []


async def test_under_another_disks_marker_nothing_is_written(rig: Inspected) -> None:
    await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).unlink()
    inspection = rig.inspection()
    await inspection.places.mark()
    verdicts = await inspection.assess([text(NAME)])
    rig.path(".sitesync-root").write_text("f" * 32)

    with pytest.raises(SiteError, match="another one"):
        await inspection.settle(verdicts, "restore")


async def test_a_file_that_cannot_be_looked_at_is_not_missing(rig: Inspected) -> None:
    representation = await rig.publish(NAME, "studio", "vendor")
    rig.path(NAME).unlink()
    rig.path(NAME).mkdir()

    verdicts = await rig.assess(NAME)

    assert [verdict.word for verdict in verdicts] == ["doubtful"]
    assert await rig.settle(verdicts) == []
    assert (await rig.file(representation)).holders == {"studio", "vendor"}


async def test_what_a_listing_did_not_show_is_looked_for_once_more(rig: Inspected) -> None:
    await rig.publish(NAME, "studio", "vendor")

    (verdict,) = await rig.inspection().assess([text(NAME)], {text(NAME): None})

    assert verdict.word == "right"


async def test_what_no_document_names_is_left_out(rig: Inspected) -> None:
    assert await rig.assess("unknown.exr") == []
    assert await rig.settle([]) == []
