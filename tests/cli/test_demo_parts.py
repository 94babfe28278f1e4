"""Parts of the demo that a whole run does not show."""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient

from reactor.cli.demo.earlier import DATABASE, clear_unless_interrupted
from reactor.cli.demo.layout import PROJECT, DemoError, Layout, open_layout
from reactor.cli.demo.pictures import HEIGHT, WIDTH, png_of
from reactor.cli.demo.publishing import make_files
from reactor.cli.demo.report import compare
from reactor.cli.demo.studio import load_settings, open_studio
from reactor.model import File, Representation


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return open_layout(tmp_path / "demo", 0)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at = 8
    while at < len(png):
        size, kind = struct.unpack_from(">I4s", png, at)
        content = png[at + 8 : at + 8 + size]
        assert struct.unpack_from(">I", png, at + 8 + size) == (zlib.crc32(kind + content),)
        yield kind, content
        at += 12 + size


@pytest.mark.parametrize("moment", [0.0, 0.3, 1.0])
def test_its_frames_are_whole_png_images(moment: float) -> None:
    chunks = dict(_chunks(png_of(moment)))

    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    assert len(zlib.decompress(chunks[b"IDAT"])) == HEIGHT * (1 + 3 * WIDTH)


def test_its_picture_moves() -> None:
    assert len({png_of(number / 10) for number in range(11)}) == 11


def test_its_cache_has_the_size_that_was_asked_for(layout: Layout) -> None:
    size = 3 * 1024 * 1024 + 5

    *_, cache = make_files(layout, 7, size)

    assert cache.files[0].name == "sh010_waterMain_v007.raw"
    assert cache.files[0].stat().st_size == size


def _let_which_find(monkeypatch: pytest.MonkeyPatch, program: str | None) -> None:
    def which(_name: str, path: str | None = None) -> str | None:
        return program

    monkeypatch.setattr(shutil, "which", which)


async def test_without_an_sshd_it_runs_asyncssh_and_says_so(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_which_find(monkeypatch, None)

    async with open_studio(layout) as servers:
        assert servers.sftp.startswith("asyncssh's own server")
        assert (layout.site("vendor") / ".sitesync-root").exists()


async def test_an_sshd_that_does_not_run_is_done_without(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_which_find(monkeypatch, "/bin/false")

    async with open_studio(layout) as servers:
        assert servers.sftp.startswith("asyncssh's own server")


async def test_its_settings_can_be_used_by_any_other_command(layout: Layout) -> None:
    async with open_studio(layout):
        settings = load_settings(layout)

    assert settings.mongo.data_folder == layout.mongod
    assert settings.machine.site_id == "studio"
    assert settings.project("Demo").always_accessible_on == ("backup",)
    assert not settings.problems()


@pytest.mark.parametrize("copy", [b"old bytes", b"new byte", b"new bytes and more", None])
def test_a_copy_that_is_not_the_published_file_is_told(layout: Layout, copy: bytes | None) -> None:
    for site, content in (("studio", b"new bytes"), ("vendor", copy), ("backup", b"new bytes")):
        layout.site(site).mkdir()
        if content is not None:
            (layout.site(site) / "a.nk").write_bytes(content)
    file = File(0, 1, "{root[work]}/a.nk", 9, None, ())

    found = compare(layout, [Representation("Demo", 1, (file,))])

    assert found.different == (layout.site("vendor") / "a.nk",)


@pytest.mark.parametrize(("trouble", "kept"), [({}, 1), ({"error": "no such file"}, 0)])
async def test_interrupted_work_is_kept_and_failed_work_is_cleared(
    client: AsyncMongoClient[dict[str, Any]], layout: Layout, trouble: dict[str, str], kept: int
) -> None:
    file = layout.site("studio") / "a.nk"
    file.parent.mkdir()
    file.write_bytes(b"published")
    wanted = {"name": "vendor", **trouble}
    document = {
        "type": "representation",
        "files": [{"_id": 1, "path": "{root[work]}/a.nk", "size": 9, "sites": [wanted]}],
    }
    await client[DATABASE][PROJECT].insert_one(document)

    interrupted = await clear_unless_interrupted(client, layout)

    documents = client[DATABASE][PROJECT].find({"type": "representation"})
    left = len(await documents.to_list())
    await client.drop_database(DATABASE)
    assert (interrupted, left, file.exists()) == (kept, kept, kept)


async def test_a_demo_without_a_drive_was_not_interrupted_for_the_next_that_has_one(
    client: AsyncMongoClient[dict[str, Any]], layout: Layout
) -> None:
    there = [{"name": site, "created_dt": datetime.now(UTC)} for site in layout.wanted_at]
    document = {
        "type": "representation",
        "files": [{"_id": 1, "path": "{root[work]}/a.nk", "size": 9, "sites": there}],
    }
    await client[DATABASE][PROJECT].insert_one(document)

    interrupted = await clear_unless_interrupted(client, replace(layout, with_drive=True))

    await client.drop_database(DATABASE)
    assert not interrupted


def test_a_disk_without_room_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="make room"):
        open_layout(tmp_path / "demo", 10**18)
