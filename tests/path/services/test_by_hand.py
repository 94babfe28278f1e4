"""What people do by hand at a site whose service tells of it, and what documents say afterwards."""

from __future__ import annotations

import anyio

from providers.conformance.moves import content_at
from tests.path.remotes import Remote
from tests.path.services.following import (
    TOKENS,
    available,
    following,
    left_alone,
    policy,
    put_there,
    synced,
    take_away,
    until,
    until_entry,
    until_kept,
    wanted,
)
from tests.path.studio import Studio, some_bytes


async def test_a_file_put_there_by_hand_is_marked_once_it_is_proved(studio: Studio) -> None:
    async with following(studio):
        content = some_bytes()
        published = await studio.publish_file("shot/a.exr", content, wanted=[])

        await put_there(studio, "shot/a.exr", content)
        entry = await until_entry(studio, published, available)

    assert entry["verified"] == "checksum"


async def test_other_bytes_of_the_same_size_are_not_marked(studio: Studio) -> None:
    async with following(studio):
        published = await studio.publish_file("a.exr", some_bytes(), wanted=[])

        await put_there(studio, "a.exr", some_bytes())

        await left_alone(studio, published)
        assert await studio.entry(published, "drive") == {}


async def test_a_file_taken_away_is_brought_back(studio: Studio, drive: Remote) -> None:
    async with following(studio):
        [published] = await synced(studio, "a.exr")
        content = await content_at(drive, "a.exr")

        await take_away(studio, "a.exr")
        await until_entry(studio, published, wanted)
        await until_entry(studio, published, available)

    assert await content_at(drive, "a.exr") == content


async def test_a_file_taken_away_is_forgotten_where_that_is_the_policy(studio: Studio) -> None:
    studio.policy = policy("forget")
    async with following(studio):
        [published] = await synced(studio, "a.exr")

        await take_away(studio, "a.exr")
        await until_entry(studio, published, lambda entry: entry == {})

        assert available(await studio.entry(published, "studio"))


async def test_a_file_that_is_away_for_a_moment_is_not_reset(studio: Studio, drive: Remote) -> None:
    studio.policy = policy(grace=1.0)
    async with following(studio):
        [published] = await synced(studio, "a.exr")
        before, content = await studio.entry(published, "drive"), await content_at(drive, "a.exr")

        await take_away(studio, "a.exr")
        await anyio.sleep(0.4)  # long enough to be noticed, and shorter than the grace
        await put_there(studio, "a.exr", content)

        await anyio.sleep(1.2)  # longer than the grace
        assert await studio.entry(published, "drive") == before


async def test_a_file_that_is_changed_in_place_is_told_and_stays_as_it_is(
    studio: Studio, drive: Remote
) -> None:
    async with following(studio):
        [published] = await synced(studio, "a.exr")
        other = some_bytes()  # as long as the published

        await put_there(studio, "a.exr", other)
        entry = await until_entry(studio, published, wanted)

    assert "changed after it was published" in entry["error"]
    assert await content_at(drive, "a.exr") == other


async def test_what_we_bring_ourselves_is_no_news(studio: Studio, drive: Remote) -> None:
    async with following(studio):
        await synced(studio, "a.exr", "b.exr")
        drive.looked.clear()
        await until_kept(studio)

        assert drive.looked == {}


async def test_many_files_taken_away_at_once_are_believed_by_nobody(
    studio: Studio, drive: Remote
) -> None:
    studio.policy = policy(limit=3)
    async with following(studio) as reactor:
        names = [f"shot/x.{number}.exr" for number in range(8)]
        published = await synced(studio, *names)
        token = await until_kept(studio)
        before = [await studio.entry(representation, "drive") for representation in published]

        for name in names:
            await take_away(studio, name)
        await until(
            lambda: (
                [w["vanished"] for w in reactor.watches.as_documents() if w["site"] == "drive"]
                == [8]
            )
        )
        await anyio.sleep(0.5)  # longer than the grace, and some questions later

        after = [await studio.entry(representation, "drive") for representation in published]
        assert after == before
        kept = await studio.state["cursors"].find_one(TOKENS)
        assert kept["token"] == token  # who comes next is told of it again
