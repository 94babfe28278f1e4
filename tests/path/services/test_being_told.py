"""How a site's service is followed: from process to process, over gaps, and past faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import anyio
import pytest

from providers.base import Facts, Handle, Location, ProviderError
from providers.services import Change
from reactor.backoff import Backoff
from reactor.sources import service_changes
from tests.path.remotes import Remote
from tests.path.services.following import (
    TOKENS,
    available,
    following,
    modes,
    policy,
    put_there,
    synced,
    take_away,
    until,
    until_entry,
    until_kept,
)
from tests.path.studio import Studio, some_bytes


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


async def test_what_is_told_of_our_own_before_it_is_recorded_is_asked_for_by_nobody(
    studio: Studio, drive: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Counter[str]()

    def tell(change: Change) -> Change:
        told.update([change.where.path] if change.where else [])
        return change

    async def slow_to_answer(
        handles: Sequence[tuple[Handle, int | None]],
    ) -> Sequence[Facts | ProviderError]:
        outcomes = await Remote.publish(drive, handles)
        await until(lambda: all(told[handle.where.path] for handle, _ in handles))
        await anyio.sleep(5 * studio.changes_interval)  # for the watch to take it up
        return outcomes

    drive.words = tell
    async with following(studio):
        monkeypatch.setattr(drive, "publish", slow_to_answer)
        names = [f"shot/frame.{number}.exr" for number in range(4)]
        await synced(studio, *names)
        await until_kept(studio)

    # Each was looked at once: by its transfer, before anything was sent.
    assert drive.looked == dict.fromkeys(names, 1)


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
