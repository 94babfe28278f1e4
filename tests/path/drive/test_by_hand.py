"""What people do in Drive by hand is noticed, and what documents say of it is proved."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import pytest

from reactor.model import Policy
from tests.path.drive.hands import (
    TOKENS,
    Hands,
    available,
    following,
    gone,
    synced,
    told_changed,
    until_entry,
    until_kept,
)
from tests.path.drive.studio import DriveStudio
from tests.path.studio import PATIENCE, some_bytes
from tests.servers.drive import Fault
from tests.servers.drive.rclone import Rclone

POLLS = 20


@pytest.fixture
def hands(studio: DriveStudio) -> Hands:
    studio.policy = Policy("forget", 0.2, 500)
    return Hands(studio)


async def test_a_file_put_there_is_marked_once_it_is_proved(
    studio: DriveStudio, hands: Hands
) -> None:
    content = some_bytes()
    async with following(studio):
        published = await studio.publish_file("shot/v1/a.exr", content, wanted=[])

        file = hands.put("shot/v1/a.exr", content)
        entry = await until_entry(studio, published, available)

    assert entry["verified"] == "checksum"
    assert entry["id"] == file
    [attempt] = await studio.attempts(site="vendor")
    assert attempt["outcome"] == "found"


async def test_other_bytes_of_the_published_size_are_never_marked(
    studio: DriveStudio, hands: Hands
) -> None:
    async with following(studio):
        wrong = await studio.publish_file("wrong.exr", some_bytes(), wanted=[])
        content = some_bytes()
        right = await studio.publish_file("right.exr", content, wanted=[])

        hands.put("wrong.exr", some_bytes())
        hands.put("right.exr", content)
        await until_entry(studio, right, available)
        await until_kept(studio)

    assert await studio.entry(wrong, "vendor") == {}


REMOVALS: dict[str, Callable[[Hands, DriveStudio], None]] = {
    "trashed": lambda hands, _: hands.trash("shot/a.exr"),
    "deleted for good": lambda hands, _: hands.delete("shot/a.exr"),
    "renamed": lambda hands, _: hands.change("shot/a.exr", name="b.exr"),
    "moved to another folder": lambda hands, _: hands.move("shot/a.exr", hands.folder("other")),
    "moved out of the root": lambda hands, studio: hands.move(
        "shot/a.exr", studio.drive.shared_drive("Elsewhere")
    ),
    "its folder trashed": lambda hands, _: hands.trash("shot"),
    "its folder deleted for good": lambda hands, _: hands.delete("shot"),
    "its folder renamed": lambda hands, _: hands.change("shot", name="shot_old"),
    "its folder moved": lambda hands, _: hands.move("shot", hands.folder("other")),
}


@pytest.mark.parametrize("removal", REMOVALS.values(), ids=REMOVALS)
async def test_a_file_that_is_no_longer_there_is_noticed(
    studio: DriveStudio, hands: Hands, removal: Callable[[Hands, DriveStudio], None]
) -> None:
    async with following(studio):
        went, stays = await synced(studio, "shot/a.exr", "kept/a.exr")
        await until_kept(studio)

        removal(hands, studio)
        await until_entry(studio, went, gone)

        assert available(await studio.entry(stays, "vendor"))


async def test_a_file_that_is_taken_away_is_brought_back(studio: DriveStudio, hands: Hands) -> None:
    studio.policy = Policy("restore", 0.2, 500)
    async with following(studio):
        [published] = await synced(studio, "shot/a.exr")
        before = await studio.entry(published, "vendor")

        hands.trash("shot/a.exr")
        entry = await until_entry(
            studio, published, lambda entry: available(entry) and entry["id"] != before["id"]
        )

    assert entry["verified"] == "checksum"
    assert studio.at_vendor["shot/a.exr"] == studio.path("studio", "shot/a.exr").read_bytes()


async def test_other_bytes_of_the_same_size_and_time_are_told_and_left_alone(
    studio: DriveStudio, hands: Hands
) -> None:
    async with following(studio):
        [published] = await synced(studio, "a.exr")
        other = some_bytes()

        hands.overwrite("a.exr", other)
        entry = await until_entry(studio, published, told_changed)

    assert not available(entry)
    assert studio.at_vendor["a.exr"] == other


async def test_a_file_moved_to_where_it_is_published_too_counts_there_and_no_longer_here(
    studio: DriveStudio, hands: Hands
) -> None:
    content = some_bytes()
    async with following(studio):
        here = await studio.publish_file("v001/a.exr", content)
        await studio.until(here, "vendor")
        there = await studio.publish_file("hero/a.exr", content, wanted=[])
        await until_kept(studio)

        hands.move("v001/a.exr", hands.folder("hero"))
        await until_entry(studio, there, available)
        await until_entry(studio, here, gone)


async def test_what_rclone_does_there_is_noticed(
    studio: DriveStudio, hands: Hands, rclone: Rclone
) -> None:
    async with following(studio):
        [went] = await synced(studio, "shot/a.exr")
        came = await studio.publish_file("shot/b.exr", some_bytes(), wanted=[])

        run = anyio.to_thread.run_sync
        await run(rclone.run, "deletefile", "drive:shot/a.exr")
        await run(
            rclone.run, "copyto", str(studio.path("studio", "shot/b.exr")), "drive:shot/b.exr"
        )

        await until_entry(studio, went, gone)
        await until_entry(studio, came, available)


async def test_what_happened_while_no_reactor_ran_is_told_at_its_start_without_a_survey(
    studio: DriveStudio, hands: Hands
) -> None:
    content = some_bytes()
    async with following(studio):
        names = [f"shot_{number}/a.exr" for number in range(20)]
        [went, *_] = await synced(studio, *names)
        came = await studio.publish_file("came.exr", content, wanted=[])
        await until_kept(studio)
    hands.trash(names[0])
    hands.put("came.exr", content)
    studio.drive.forget_requests()

    async with studio.running():
        await until_entry(studio, went, gone)
        await until_entry(studio, came, available)

    asked = studio.drive.requests
    assert asked["changes.getStartPageToken"] == 0
    assert asked["files.list"] < len(names)  # which is how many folders a survey lists


@pytest.mark.parametrize("loss", ["a token of another service", "400", "404", "410"])
async def test_where_google_forgot_what_happened_a_survey_finds_it(
    studio: DriveStudio, hands: Hands, loss: str
) -> None:
    async with following(studio):
        [went] = await synced(studio, "shot/a.exr")
        await until_kept(studio)
    hands.trash("shot/a.exr")
    if loss.isdecimal():
        reason = {"400": "invalid", "404": "notFound", "410": "gone"}[loss]
        studio.drive.faults(Fault("changes.list", "error", int(loss), reason, times=1))
        now = {"token": f"{hands.now()}@0"}  # after which nothing is told of it
    else:
        now = {"token": loss}
    await studio.state["cursors"].update_one(TOKENS, {"$set": now})

    async with following(studio):
        await until_entry(studio, went, gone)
        await synced(studio, "later.exr")
        await until_kept(studio)

    kept = await studio.state["cursors"].find_one(TOKENS)
    assert kept["token"] != now["token"]


async def test_what_we_bring_ourselves_is_looked_at_by_nobody(
    studio: DriveStudio, hands: Hands
) -> None:
    async with following(studio):
        await synced(studio, "first.exr")
        await until_kept(studio)
        studio.drive.forget_requests()

        names = [f"frame.{number}.exr" for number in range(30)]
        await synced(studio, *names)
        told = studio.drive.requests["changes.list"]
        with anyio.fail_after(PATIENCE):
            while studio.drive.requests["changes.list"] < told + 5:
                await anyio.sleep(studio.changes_interval)
        asked = studio.drive.requests

    assert asked["upload.multipart"] == len(names)
    assert asked["files.get"] == 0
    assert not [
        line for line in await studio.attempts(site="vendor") if line["outcome"] != "available"
    ]


async def test_an_idle_site_costs_one_question_an_interval(
    studio: DriveStudio, hands: Hands
) -> None:
    async with following(studio):
        await synced(studio, "a.exr")
        await until_kept(studio)
        studio.drive.forget_requests()

        with anyio.fail_after(30):
            while studio.drive.requests["changes.list"] < POLLS:
                await anyio.sleep(studio.changes_interval)
        asked = studio.drive.requests

    others = asked.total() - asked["changes.list"]
    assert others <= 1  # the marker is read again every ten seconds, and not more often
