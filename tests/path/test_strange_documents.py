"""Whatever other programs write beside us: it ends no reactor, and holds up nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import bson
import pytest
from bson import Decimal128, ObjectId
from bson.datetime_ms import DatetimeMS
from bson.raw_bson import RawBSONDocument
from pymongo.asynchronous.database import AsyncDatabase
from structlog.testing import capture_logs

from reactor.database import connect
from tests.path.studio import Studio, some_bytes, studio_of

Document = dict[str, Any]

_BEYOND_PYTHON = DatetimeMS(1_700_000_000_000_000)  # microseconds, where milliseconds are meant


@pytest.fixture
async def studio(
    mongo_uri: str, database: AsyncDatabase[Document], tmp_path: Path
) -> AsyncIterator[Studio]:
    client = await connect(mongo_uri)
    try:
        async with studio_of(client, database.name, tmp_path, projects=("Show", "AView")) as made:
            yield made
    finally:
        await client.close()


def _document(name: object = None, **element: Any) -> Document:
    file = {
        "_id": ObjectId(),
        "path": "{root[work]}/strange.exr",
        "size": 3,
        "hash": "strange,exr|1,0|3",
        "sites": [{"name": "studio", "created_dt": 1}, {"name": "vendor"}],
    }
    identity = ObjectId() if name is None else name
    return {"_id": identity, "type": "representation", "files": [{**file, **element}]}


def _not_utf8() -> RawBSONDocument:
    return RawBSONDocument(
        bson.encode(_document()).replace(b"strange.exr", b"\xff\xfe\xfdange.exr")
    )


_STRANGE: dict[str, Document | RawBSONDocument] = {
    "an id that is a mapping": _document({"a": 1}),
    "an id that is a decimal": _document(Decimal128("1.5")),
    "an id that is a truth value": _document(name=True),
    "an id that is no number": _document(float("nan")),
    "a date beyond the year 9999": _document(
        sites=[{"name": "vendor", "retry_at": _BEYOND_PYTHON}]
    ),
    "an id beyond the year 9999": _document(_BEYOND_PYTHON),
    "text that is none": _not_utf8(),
    "a size beyond all disks": _document(size=1e19),
}


@pytest.mark.parametrize("strange", _STRANGE.values(), ids=_STRANGE)
@pytest.mark.parametrize("when", ["before", "meanwhile"])
async def test_a_strange_document_holds_up_no_other(
    studio: Studio, strange: Document | RawBSONDocument, when: str
) -> None:
    if when == "before":
        await studio.documents.insert_one(strange)
    async with studio.running():
        if when == "meanwhile":
            await studio.documents.insert_one(strange)
        representation = await studio.publish_file("good.exr", some_bytes())
        await studio.until(representation, "vendor")
        await studio.documents.delete_one({"_id": strange["_id"]})
        representation = await studio.publish_file("later.exr", some_bytes())
        await studio.until(representation, "vendor")


async def test_an_update_of_a_field_with_a_very_long_number_holds_up_nothing(
    studio: Studio,
) -> None:
    document: Document = {**_document(), "files": {"1": {}}}
    await studio.documents.insert_one(document)
    async with studio.running():
        far = {f"files.{'9' * 5000}.sites": [{"name": "vendor"}]}
        await studio.documents.update_one({"_id": document["_id"]}, {"$set": far})
        representation = await studio.publish_file("good.exr", some_bytes())
        await studio.until(representation, "vendor")


async def test_a_document_that_the_server_cannot_tell_holds_up_no_other(studio: Studio) -> None:
    """Of a document of nearly 16 MB the answer would be larger than that."""
    document = _document(sites=[{"name": "vendor"}])
    document["files"] = [
        {**document["files"][0], "path": "{root[work]}/" + "x" * 418 + str(i)}
        for i in range(30_000)
    ]
    assert 16_000_000 < len(bson.encode(document)) < 16_777_216
    with capture_logs() as logs:
        async with studio.running():
            await studio.documents.insert_one(document)
            with anyio.fail_after(20):
                while not any(line["event"] == "document not understood" for line in logs):
                    await anyio.sleep(0.02)
            representation = await studio.publish_file("good.exr", some_bytes())
            await studio.until(representation, "vendor")

    told = [line for line in logs if line["event"] == "document not understood"]
    assert [line["representation"] for line in told] == [str(document["_id"])]


async def test_a_project_that_cannot_be_read_holds_up_no_other(studio: Studio) -> None:
    """What waits since before the start is found by scans; a broken view comes before it."""
    representation = await studio.publish_file("waits.exr", some_bytes())
    database = studio.client[studio.database]
    await database["Templates"].insert_one(_document())
    broken = [{"$addFields": {"x": {"$divide": [1, "$type"]}}}]
    await database.create_collection("AView", viewOn="Templates", pipeline=broken)

    async with studio.running():
        await studio.until(representation, "vendor")


@pytest.mark.parametrize("tries", [float("nan"), Decimal128("2"), -1_000_000])
async def test_tries_that_are_no_count_are_counted_from_nothing(
    studio: Studio, tries: object
) -> None:
    file = studio.file("gone.exr", some_bytes())
    element = studio.files_entry("gone.exr")
    element["sites"][1]["tries"] = tries
    file.unlink()

    async with studio.running():
        representation = await studio.publish(element)
        with anyio.fail_after(10):
            while (await studio.entry(representation, "vendor")).get("tries") != 1:
                await anyio.sleep(0.02)
        entry = await studio.entry(representation, "vendor")

    assert entry["retry_at"] > entry["last_failed_dt"]
