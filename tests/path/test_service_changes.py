"""What people do by hand at a site whose service tells of it, and what documents say afterwards."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Location
from providers.conformance.moves import at, content_at, put
from providers.services import Change
from reactor.app import Reactor
from reactor.backoff import Backoff
from reactor.model import OnMissing, Policy
from reactor.sources import service_changes
from tests.path.remotes import Remote
from tests.path.studio import PATIENCE, Studio, some_bytes, studio_of

Document = dict[str, Any]
TOKENS: Document = {"_id": {"$regex": "^changes of"}}
BY_HAND_NS = 1_600_000_000_000_000_000


@pytest.fixture
async def drive() -> Remote:
    return Remote("drive")


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    tmp_path: Path,
    drive: Remote,
) -> AsyncIterator[Studio]:
    """A studio with its disk, and a remote site whose service tells of changes."""
    settings: Document = {"names": ("studio", "drive"), "remote": "drive"}
    async with studio_of(
        client, database.name, tmp_path, providers={"drive": drive}, **settings
    ) as made:
        made.policy = policy()
        yield made


def policy(on_missing: OnMissing = "restore", grace: float = 0.2, limit: int = 500) -> Policy:
    return Policy(on_missing, grace, limit)


def modes(reactor: Reactor) -> list[str]:
    return [one["mode"] for one in reactor.watches.as_documents() if one["site"] == "drive"]


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():
            await anyio.sleep(0.02)


@asynccontextmanager
async def following(studio: Studio) -> AsyncGenerator[Reactor]:
    """A reactor that follows the service, and has surveyed what it had to."""
    async with studio.running() as reactor:
        await until(lambda: modes(reactor) == ["live"])
        await until(lambda: reactor.watches.surveyed)
        yield reactor


async def until_entry(
    studio: Studio, representation: ObjectId, holds: Callable[[Document], bool], site: str = "drive"
) -> Document:
    with anyio.fail_after(PATIENCE):
        while not holds(entry := await studio.entry(representation, site)):
            await anyio.sleep(0.02)
    return entry


async def until_kept(studio: Studio) -> str:
    """Wait until the token for all that has happened is kept, and return it."""
    drive = studio.provider("drive")
    assert isinstance(drive, Remote)
    with anyio.fail_after(PATIENCE):
        while True:
            kept: Document | None = await studio.state["cursors"].find_one(TOKENS)
            if kept is not None and kept["token"] == await drive.changes_now("work"):
                token: str = kept["token"]
                return token
            await anyio.sleep(0.02)


async def synced(studio: Studio, *names: str) -> list[ObjectId]:
    """Publish files, and return when they have come to the drive."""
    published = [await studio.publish_file(name, some_bytes(), wanted=["drive"]) for name in names]
    for representation in published:
        await studio.until(representation, "drive")
    return published


def available(entry: Document) -> bool:
    return "created_dt" in entry


def wanted(entry: Document) -> bool:
    return bool(entry) and "created_dt" not in entry


async def left_alone(studio: Studio, representation: ObjectId) -> None:
    """Assert that an entry stays as it is for as long as it takes to see another change."""
    before = await studio.entry(representation, "drive")
    [other] = await synced(studio, f"other-{ObjectId()}.exr")
    document = await studio.documents.find_one({"_id": other})
    await take_away(studio, document["files"][0]["path"].partition("/")[2])
    await until_entry(studio, other, lambda entry: entry != {} and not available(entry))
    assert await studio.entry(representation, "drive") == before


def by_hand(studio: Studio) -> Any:
    drive = studio.provider("drive")
    assert isinstance(drive, Remote)
    return drive.by_hand


async def put_there(studio: Studio, name: str, content: bytes) -> None:
    await put(by_hand(studio), name, content, BY_HAND_NS)


async def take_away(studio: Studio, name: str) -> None:
    await by_hand(studio).remove(at(name))


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


async def test_what_happened_while_no_reactor_ran_is_told_at_its_start_without_a_listing(
    studio: Studio, drive: Remote
) -> None:
    studio.policy = policy("forget")
    async with following(studio):
        [gone] = await synced(studio, "gone.exr")
        content = some_bytes()
        came = await studio.publish_file("came.exr", content, wanted=[])
        await until_kept(studio)
    await take_away(studio, "gone.exr")
    await put_there(studio, "came.exr", content)
    drive.listed = 0

    async with studio.running():
        await until_entry(studio, gone, lambda entry: entry == {})
        await until_entry(studio, came, available)

    assert drive.listed == 0


async def test_where_history_is_lost_a_listing_tells_what_happened(
    studio: Studio, drive: Remote
) -> None:
    studio.policy = policy("forget")
    async with following(studio):
        [gone] = await synced(studio, "gone.exr")
        await until_kept(studio)
    await take_away(studio, "gone.exr")
    await studio.state["cursors"].update_one(TOKENS, {"$set": {"token": "of a year ago"}})
    drive.listed = 0

    async with studio.running():
        await until_entry(studio, gone, lambda entry: entry == {})
        await until_kept(studio)

    assert drive.listed == 1


async def test_what_was_told_and_not_yet_believed_is_told_again_to_the_next_reactor(
    studio: Studio,
) -> None:
    studio.policy = policy("forget", grace=1.0)
    async with following(studio):
        [gone] = await synced(studio, "gone.exr")
        token = await until_kept(studio)
        await take_away(studio, "gone.exr")
        await anyio.sleep(0.5)  # long enough to be told, and shorter than the grace
    kept = await studio.state["cursors"].find_one(TOKENS)
    assert kept["token"] == token

    async with studio.running():
        await until_entry(studio, gone, lambda entry: entry == {})


async def test_a_service_that_does_not_answer_is_shown_and_asked_again(
    studio: Studio, drive: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_changes, "SITE_RETRY", Backoff(first=0.1, most=0.1))
    studio.policy = policy("forget")
    async with following(studio) as reactor:
        [gone] = await synced(studio, "gone.exr")
        drive.broken = True
        await until(lambda: modes(reactor) == ["silent"])
        [told] = [one for one in reactor.watches.as_documents() if one["site"] == "drive"]
        assert told["why"] == "nobody answers there"

        await take_away(studio, "gone.exr")
        drive.broken = False
        await until_entry(studio, gone, lambda entry: entry == {})
        assert modes(reactor) == ["live"]


async def test_whatever_a_provider_raises_ends_no_reactor(studio: Studio, drive: Remote) -> None:
    def trip(change: Change) -> Change:
        raise ValueError("a bug of the provider")

    studio.policy = policy("forget")
    async with following(studio) as reactor:
        [gone] = await synced(studio, "gone.exr")
        drive.words = trip
        await take_away(studio, "gone.exr")
        await until(lambda: modes(reactor) == ["silent"])
        await studio.until(
            await studio.publish_file("b.exr", some_bytes(), wanted=["drive"]), "drive"
        )

        drive.words = lambda change: change
        await until_entry(studio, gone, lambda entry: entry == {})


async def test_one_process_follows_a_site_and_the_next_goes_on_when_it_ends(
    studio: Studio,
) -> None:
    studio.policy = policy("forget")
    first, stop = studio.reactor(), anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: first.run(until_idle=False, stop=stop))
        await until(lambda: modes(first) == ["live"])
        async with studio.running() as second:
            [published] = await synced(studio, "a.exr")
            await until(lambda: modes(second) == ["elsewhere"])
            assert modes(first) == ["live"]

            stop.set()
            await until(lambda: modes(second) == ["live"])
            await take_away(studio, "a.exr")
            await until_entry(studio, published, lambda entry: entry == {})


async def test_the_file_of_an_id_is_looked_for_where_documents_have_it(
    studio: Studio, drive: Remote
) -> None:
    studio.policy = policy("forget")
    drive.words = lambda change: change if change.facts else Change(id="file-17")
    async with following(studio):
        gone, other = await synced(studio, "gone.exr", "other.exr")
        for representation, file in ((gone, "file-17"), (other, "file-18")):
            await studio.documents.update_one(
                {"_id": representation},
                {"$set": {"files.0.sites.$[drive].id": file}},
                array_filters=[{"drive.name": "drive"}],
            )

        await take_away(studio, "gone.exr")
        await until_entry(studio, gone, lambda entry: entry == {})

        assert available(await studio.entry(other, "drive"))


async def test_of_a_folder_all_that_is_or_was_below_it_is_looked_at(
    studio: Studio, drive: Remote
) -> None:
    def tell_folder(change: Change) -> Change:
        assert change.where is not None
        return Change(Location("work", change.where.path.partition("/")[0]), folder=True)

    studio.policy = policy("forget")
    async with following(studio):
        gone, kept = await synced(studio, "shot/v1/gone.exr", "shot/kept.exr")
        content = some_bytes()
        came = await studio.publish_file("shot/v2/came.exr", content, wanted=[])
        await until_kept(studio)
        drive.words = tell_folder
        drive.looked.clear()

        await take_away(studio, "shot/v1/gone.exr")
        await put_there(studio, "shot/v2/came.exr", content)
        await until_entry(studio, gone, lambda entry: entry == {})
        await until_entry(studio, came, available)

        assert available(await studio.entry(kept, "drive"))
        assert "shot/kept.exr" not in drive.looked


async def test_what_the_service_cannot_place_only_a_listing_tells(
    studio: Studio, drive: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unsure(root: str, since: str) -> AsyncIterator[Any]:
        async for batch in Remote.changes(drive, root, since):
            yield replace(batch, changes=(), unsure=bool(batch.changes))

    studio.policy = policy("forget")
    async with following(studio):
        [gone] = await synced(studio, "gone.exr")
        await until_kept(studio)
        monkeypatch.setattr(drive, "changes", unsure)

        await take_away(studio, "gone.exr")
        await until_entry(studio, gone, lambda entry: entry == {})


async def test_a_service_that_nobody_serves_is_not_asked(studio: Studio, drive: Remote) -> None:
    studio.remote = "studio"
    studio.names = ("studio", "drive", "vendor")
    studio.always = ("vendor",)
    await studio.make_markers()
    async with studio.running() as reactor:
        published = await studio.publish_file("a.exr", some_bytes(), wanted=["vendor"])
        await studio.until(published, "vendor")

        assert modes(reactor) == []
    assert await studio.state["cursors"].count_documents(TOKENS) == 0
