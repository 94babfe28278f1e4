"""What the database refuses of one project keeps the watch of a disk from no other one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import bson
import pytest
from bson import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from reactor.app import Reactor
from reactor.database import connect
from reactor.model import Policy
from reactor.watching import unreadable
from tests.path.studio import PATIENCE, Studio, some_bytes, studio_of

Document = dict[str, Any]

_BROKEN = [{"$addFields": {"x": {"$divide": [1, "$type"]}}}]


@pytest.fixture
async def studio(
    mongo_uri: str,
    database: AsyncDatabase[Document],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Studio]:
    """The project `AView` comes before the studio's own, and is looked at again soon."""
    monkeypatch.setattr(unreadable, "AGAIN_SECONDS", 0.2)
    settings = {"projects": ("AView", "Show"), "policy": Policy(vanish_grace=0.2)}
    client = await connect(mongo_uri)
    try:
        async with studio_of(client, database.name, tmp_path, **settings) as made:
            yield made
    finally:
        await client.close()


def _of(studio: Studio, project: str) -> AsyncCollection[Document]:
    return studio.client[studio.database][project]


async def _break(studio: Studio) -> None:
    """Make `AView` a view on one document, of a file that is not there, that always fails."""
    file = studio.file("view/a.exr", some_bytes())
    element = studio.files_entry("view/a.exr", wanted=[])
    element["sites"] = [{"name": "elsewhere", "created_dt": element["sites"][0]["created_dt"]}]
    file.rename(studio.folder / "kept.exr")
    document: Document = {"_id": ObjectId(), "type": "representation", "files": [element]}
    await _of(studio, "Templates").insert_one(document)
    database = studio.client[studio.database]
    await database.create_collection("AView", viewOn="Templates", pipeline=_BROKEN)


async def _mend(studio: Studio) -> None:
    documents = await _of(studio, "Templates").find().to_list()
    await _of(studio, "AView").drop()
    await _of(studio, "AView").insert_many(documents)


async def _surveyed(reactor: Reactor) -> None:
    with anyio.fail_after(PATIENCE):
        while not reactor.watches.as_documents() or not reactor.watches.surveyed:
            await anyio.sleep(0.02)


async def _until_marked(documents: AsyncCollection[Document], *, marked: bool = True) -> None:
    def is_marked(document: Document | None) -> bool:
        sites: list[Document] = document["files"][0]["sites"] if document else []
        return any(one["name"] == "studio" and "created_dt" in one for one in sites)

    with anyio.fail_after(PATIENCE):
        while is_marked(await documents.find_one({"files.sites": {"$exists": True}})) != marked:
            await anyio.sleep(0.02)


async def _copied_by_hand(studio: Studio) -> None:
    """Take a file of the good project away, have that seen, put it back, and have it marked."""
    file = studio.path("studio", "good/a.exr")
    kept = file.rename(studio.folder / "aside.exr")
    await _until_marked(studio.documents, marked=False)
    await studio.documents.update_one(
        {"files.sites": {"$exists": True}}, {"$pull": {"files.0.sites": {"name": "studio"}}}
    )
    kept.rename(file)
    await _until_marked(studio.documents)


async def test_next_to_a_broken_view_a_copied_file_is_marked_and_the_view_is_told_once(
    studio: Studio,
) -> None:
    await _break(studio)
    with capture_logs() as logs:
        async with studio.running() as reactor:
            await _surveyed(reactor)
            published = await studio.publish_file("good/a.exr", some_bytes())
            await studio.until(published, "vendor")
            await _copied_by_hand(studio)

    told = [line for line in logs if line["event"] == "project cannot be watched"]
    assert [(line["project"], line["site"]) for line in told] == [("AView", "studio")]
    assert "$divide" in told[0]["why"]
    assert "view" in told[0]["todo"]
    assert not [line for line in logs if line["event"] == "watch interrupted"]


async def test_once_it_is_mended_what_happened_meanwhile_is_found(studio: Studio) -> None:
    await _break(studio)
    with capture_logs() as logs:
        async with studio.running() as reactor:
            await _surveyed(reactor)
            (studio.folder / "kept.exr").rename(studio.path("studio", "view/a.exr"))
            published = await studio.publish_file("good/a.exr", some_bytes())
            await studio.until(published, "vendor")
            await _mend(studio)
            await _until_marked(_of(studio, "AView"))
            with anyio.fail_after(PATIENCE):
                while not any(line["event"] == "project is watched again" for line in logs):
                    await anyio.sleep(0.02)


async def test_a_project_that_breaks_meanwhile_takes_no_bad_news_of_others_with_it(
    studio: Studio,
) -> None:
    await _of(studio, "AView").insert_one({"type": "project"})
    async with studio.running() as reactor:
        await _surveyed(reactor)
        published = await studio.publish_file("good/a.exr", some_bytes())
        await studio.until(published, "vendor")
        await _of(studio, "AView").drop()
        await _break(studio)
        await _copied_by_hand(studio)


async def test_a_path_that_is_no_text_holds_up_no_other_project(studio: Studio) -> None:
    studio.file("good/b.exr", some_bytes())
    element = studio.files_entry("good/b.exr")
    document = {"_id": ObjectId(), "type": "representation", "files": [element]}
    raw = bson.encode(document).replace(b"good/b.exr", b"good/\xff.exr")
    database: AsyncDatabase[Any] = studio.client[studio.database]
    await database["AView"].insert_one(RawBSONDocument(raw))
    async with studio.running() as reactor:
        await _surveyed(reactor)
        published = await studio.publish_file("good/a.exr", some_bytes())
        await studio.until(published, "vendor")
        await _copied_by_hand(studio)
