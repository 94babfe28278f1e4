"""What we upload, rclone reads; what rclone uploads, we prove and download."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.path.drive.studio import DriveStudio
from tests.path.studio import Document, some_bytes
from tests.servers.drive.rclone import Rclone

NAMES = (
    "sh010/sh010.0001.exr",
    "sh010/sh010.0002.exr",
    "it's here/a b.mov",
    "émigré.exr",
    "empty.txt",
)
EXCLUDED = ("--exclude", ".sitesync-*")


def _content(name: str) -> bytes:
    return b"" if name == "empty.txt" else some_bytes()


async def test_what_we_upload_rclone_finds_whole(studio: DriveStudio, rclone: Rclone) -> None:
    contents = {name: _content(name) for name in NAMES}
    contents["large.abc"] = some_bytes(9 * 1024 * 1024 + 7)
    async with studio.running():
        elements: list[Document] = []
        for name, content in contents.items():
            studio.file(name, content)
            elements.append(studio.files_entry(name))
        representation = await studio.publish(*elements)
        for position in range(len(elements)):
            await studio.until(representation, "vendor", position=position)

    rclone.run("check", "--download", *EXCLUDED, str(studio.path("studio")), "drive:")


async def test_what_we_replace_rclone_finds_replaced_and_never_twice(
    studio: DriveStudio, rclone: Rclone
) -> None:
    async with studio.running():
        for content in (some_bytes(), some_bytes()):
            studio.file("hero.nk", content)
            representation = await studio.publish(studio.files_entry("hero.nk"))
            await studio.until(representation, "vendor")

    rclone.run("check", "--download", *EXCLUDED, str(studio.path("studio")), "drive:")
    assert [file["Name"] for file in rclone.json("lsjson", "drive:", *EXCLUDED)] == ["hero.nk"]


async def test_what_rclone_uploads_is_proved_and_not_sent_again(
    studio: DriveStudio, rclone: Rclone
) -> None:
    for name in NAMES:
        studio.file(name, _content(name))
    rclone.run("copy", *EXCLUDED, str(studio.path("studio")), "drive:")
    studio.drive.forget_requests()

    async with studio.running():
        representation = await studio.publish(*map(studio.files_entry, NAMES))
        entries = [
            await studio.until(representation, "vendor", position=position)
            for position in range(len(NAMES))
        ]

    assert {entry["verified"] for entry in entries} == {"checksum"}
    assert not [kind for kind in studio.drive.requests if kind.startswith("upload")]


async def test_what_rclone_uploads_is_downloaded_by_whoever_wants_it(
    studio: DriveStudio, rclone: Rclone, tmp_path: Path
) -> None:
    elements: list[Document] = []
    for name in NAMES:
        studio.file(name, _content(name))
        elements.append(studio.files_entry(name, wanted=["vendor"]))
    original = tmp_path / "original"
    shutil.move(studio.path("studio"), original)
    rclone.run("copy", *EXCLUDED, str(original), "drive:")
    for element in elements:
        element["sites"] = [{"name": "studio"}, {**element["sites"][0], "name": "vendor"}]
    studio.path("studio").mkdir()
    shutil.copy(original / ".sitesync-root", studio.path("studio"))

    async with studio.running():
        representation = await studio.publish(*elements)
        for position in range(len(NAMES)):
            await studio.until(representation, "studio", position=position)

    for name in NAMES:
        assert studio.path("studio", name).read_bytes() == (original / name).read_bytes()


@pytest.mark.parametrize("size", [3_000, 9_000_000])
async def test_what_rclone_spoils_is_noticed_when_it_is_downloaded(
    studio: DriveStudio, rclone: Rclone, tmp_path: Path, size: int
) -> None:
    content = some_bytes(size)
    file = studio.file("a.exr", content)
    async with studio.running():
        representation = await studio.publish_file("a.exr", content)
        await studio.until(representation, "vendor")
        other = tmp_path / "a.exr"
        other.write_bytes(some_bytes(size))
        rclone.run("copyto", "--ignore-times", str(other), "drive:a.exr")
        await studio.documents.update_one(
            {"_id": representation}, {"$set": {"files.0.sites.0": {"name": "studio"}}}
        )
        file.unlink()
        entry = await studio.until(representation, "studio", "error")

    assert not file.exists()
    assert "created_dt" not in entry
