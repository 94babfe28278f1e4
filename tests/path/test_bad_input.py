"""Documents that others broke: one clear error each, that one file fails, all else goes on."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId
from structlog.testing import capture_logs

from tests.path.studio import Studio, some_bytes


async def _alongside_a_good_one(studio: Studio, bad: dict[str, Any]) -> ObjectId:
    """Publish a bad element beside a good file, and run until both were looked at."""
    studio.file("good.exr", some_bytes())
    representation = await studio.publish(studio.files_entry("good.exr"), bad)
    await studio.run_until_idle()
    assert "created_dt" in await studio.entry(representation, "vendor", 0)
    return representation


@pytest.mark.parametrize(
    "path",
    [
        "{root[work]}/../outside.exr",
        "{root[work]}/a/../../outside.exr",
        "/etc/passwd",
        "{root[work]}//etc/../../../outside.exr",
        "{root[work]}/a\0b.exr",
        "{root[work]}/{frame}.exr",
        "{project}/a.exr",
        "{root[work].__class__}/a.exr",
        "outside.exr",
        "",
    ],
)
async def test_a_path_that_is_not_below_a_root_fails_that_file(studio: Studio, path: str) -> None:
    outside = studio.folder.parent / "outside.exr"
    element: dict[str, Any] = {"_id": ObjectId(), "path": path, "size": 3, "hash": "x|1,0|3"}
    element["sites"] = [{"name": "studio", "created_dt": 1}, {"name": "vendor"}]

    representation = await _alongside_a_good_one(studio, element)

    entry = await studio.entry(representation, "vendor", 1)
    assert "path" in entry["error"]
    assert entry["tries"] == studio.retry_count
    assert not outside.exists()


@pytest.mark.parametrize("site", [None, 5, [{"name": "vendor"}], "vendor", True])
async def test_what_is_no_site_fails_that_file(studio: Studio, site: object) -> None:
    studio.file("odd.exr", some_bytes())
    element = studio.files_entry("odd.exr")
    element["sites"].append(site)

    representation = await _alongside_a_good_one(studio, element)

    entry = await studio.entry(representation, "vendor", 1)
    assert "where a site should be" in entry["error"]
    document = await studio.documents.find_one({"_id": representation})
    assert document["files"][1]["sites"][2] == site


async def test_a_symbolic_link_out_of_the_root_is_not_followed(studio: Studio) -> None:
    secret = studio.folder / "secret.exr"
    secret.write_bytes(some_bytes())
    studio.path("studio", "link.exr").symlink_to(secret)
    element = studio.files_entry("link.exr")

    representation = await _alongside_a_good_one(studio, element)

    assert "link" in (await studio.entry(representation, "vendor", 1))["error"]
    assert not studio.path("vendor", "link.exr").exists()


async def test_a_linked_folder_out_of_the_destinations_root_is_not_written_to(
    studio: Studio,
) -> None:
    outside = studio.folder / "outside"
    outside.mkdir()
    studio.path("vendor", "shots").symlink_to(outside)
    studio.file("shots/a.exr", some_bytes())

    representation = await _alongside_a_good_one(studio, studio.files_entry("shots/a.exr"))

    assert "error" in await studio.entry(representation, "vendor", 1)
    assert not list(outside.iterdir())


async def test_a_root_that_the_site_lacks_is_named(studio: Studio) -> None:
    element: dict[str, Any] = {"_id": ObjectId(), "size": 3, "hash": "x|1,0|3"}
    element["path"] = "{root[textures]}/a.exr"
    element["sites"] = [{"name": "studio", "created_dt": 1}, {"name": "vendor"}]

    representation = await _alongside_a_good_one(studio, element)

    assert "textures" in (await studio.entry(representation, "vendor", 1))["error"]


async def test_duplicate_entries_are_told_and_both_completed(studio: Studio) -> None:
    studio.file("twice.exr", some_bytes())
    element = studio.files_entry("twice.exr", wanted=["vendor", "vendor"])

    with capture_logs() as logs:
        representation = await _alongside_a_good_one(studio, element)

    document = await studio.documents.find_one({"_id": representation})
    assert all("created_dt" in entry for entry in document["files"][1]["sites"])
    told = [line for line in logs if "several entries" in line.get("why", "")]
    assert len(told) == 1


@pytest.mark.parametrize("files", [None, 5, "x", {}, [None], [5], [[{"path": "x"}]]])
async def test_files_of_any_other_shape_are_told_and_stop_nothing(
    studio: Studio, files: object
) -> None:
    document = {"_id": ObjectId(), "type": "representation", "files": files}
    await studio.documents.insert_one(document)
    with capture_logs() as logs:
        good = await studio.publish_file("good.exr", some_bytes())
        await studio.run_until_idle()

    assert "created_dt" in await studio.entry(good, "vendor")
    assert await studio.documents.find_one({"_id": document["_id"]}) == document
    assert [line for line in logs if line["event"] == "document not understood"]


async def test_a_document_without_files_is_told(studio: Studio) -> None:
    await studio.documents.insert_one({"type": "representation", "name": "empty"})

    with capture_logs() as logs:
        await studio.run_until_idle()

    assert [line for line in logs if "no files" in line.get("why", "")]
