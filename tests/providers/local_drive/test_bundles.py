"""Small files from disk to disk, many in one hop: whole and hashed, or left for a closer look."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from providers.base import Handle, Location, RevokedError
from providers.checksums import checksum_of
from providers.folders import disk
from providers.local_drive import LocalDrive
from providers.small import SMALL

from .conftest import handle, names_in, site

pytestmark = pytest.mark.usefixtures("marker")


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncGenerator[LocalDrive]:
    async with site(tmp_path / "origin") as entered:
        await entered.make_marker("work")
        yield entered


def published(tmp_path: Path, name: str, content: bytes) -> Handle:
    """Write a source file; return the handle of the copy to stage."""
    file = tmp_path / "origin" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return handle(name, claim=f"c{abs(hash(name))}")


def staged_in(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*.part")]


async def test_each_small_file_is_staged_whole_with_the_checksums_of_both_ends(
    drive: LocalDrive, origin: LocalDrive, root: Path, tmp_path: Path
) -> None:
    contents = {f"shot/x.{number}.exr": os.urandom(number * 1000) for number in range(5)}
    handles = [published(tmp_path, name, content) for name, content in contents.items()]

    copies = await drive.stage_small(origin, handles)
    await drive.publish([(handle, None) for handle in handles])

    for content, copied in zip(contents.values(), copies, strict=True):
        assert copied is not None
        assert copied.source.size == len(content)
        assert copied.source_checksum == copied.staged_checksum == checksum_of("xxh128", [content])
    assert {name: (root / name).read_bytes() for name in contents} == contents


async def test_a_file_whose_place_is_taken_needs_a_closer_look(
    drive: LocalDrive, origin: LocalDrive, root: Path, tmp_path: Path
) -> None:
    handles = [published(tmp_path, name, b"new") for name in ("there.exr", "not.exr")]
    (root / "there.exr").write_bytes(b"old")

    there, other = await drive.stage_small(origin, handles)

    assert there is None
    assert other is not None
    assert len(staged_in(root)) == 1


async def test_a_large_a_missing_and_a_refused_file_leave_nothing_staged(
    drive: LocalDrive, origin: LocalDrive, root: Path, tmp_path: Path
) -> None:
    large = published(tmp_path, "large.abc", bytes(SMALL + 1))
    missing = handle("missing.exr")
    outside = Handle(Location("work", "../outside.exr"), "c9")

    assert await drive.stage_small(origin, [large, missing, outside]) == [None, None, None]
    assert staged_in(root) == []


async def test_a_source_that_changes_while_others_are_copied_is_not_kept(
    drive: LocalDrive,
    origin: LocalDrive,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    handles = [published(tmp_path, name, b"before") for name in ("a.exr", "b.exr")]

    def change_first(file: int) -> None:
        (tmp_path / "origin/b.exr").write_bytes(b"after, and longer")
        os.fsync(file)

    monkeypatch.setattr(disk, "sync_file", change_first)
    first, second = await drive.stage_small(origin, handles)

    assert first is not None
    assert second is None
    assert len(staged_in(root)) == 1


async def test_bytes_that_rot_between_writing_and_reading_back_are_told(
    drive: LocalDrive,
    origin: LocalDrive,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def damage(file: int) -> None:
        (root / staged_in(root)[0]).write_bytes(b"rotten")
        os.fsync(file)

    monkeypatch.setattr(disk, "sync_file", damage)
    (copied,) = await drive.stage_small(origin, [published(tmp_path, "a.exr", b"before")])

    assert copied is not None
    assert copied.source_checksum != copied.staged_checksum


async def test_a_disk_that_cannot_sync_keeps_nothing(
    drive: LocalDrive,
    origin: LocalDrive,
    root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(file: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(disk, "sync_file", fail)

    assert await drive.stage_small(origin, [published(tmp_path, "a.exr", b"x")]) == [None]
    assert staged_in(root) == []


async def test_a_root_without_its_marker_gets_nothing(
    drive: LocalDrive, origin: LocalDrive, root: Path, tmp_path: Path
) -> None:
    (root / ".sitesync-root").unlink()

    assert await drive.stage_small(origin, [published(tmp_path, "a.exr", b"x")]) == [None]
    assert names_in(root) == []


async def test_a_link_that_leads_out_of_the_root_is_not_followed(
    drive: LocalDrive, origin: LocalDrive, root: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (root / "shot").symlink_to(outside)
    handles = [published(tmp_path, name, b"x") for name in ("shot/a.exr", "shot/b.exr")]

    assert await drive.stage_small(origin, handles) == [None, None]
    assert list(outside.iterdir()) == []


async def test_what_was_revoked_is_not_published(
    drive: LocalDrive, origin: LocalDrive, tmp_path: Path
) -> None:
    staged = published(tmp_path, "a.exr", b"x")
    await drive.stage_small(origin, [staged])
    await drive.revoke(staged)

    (result,) = await drive.publish([(staged, None)])

    assert isinstance(result, RevokedError)


async def test_small_files_are_read_together_with_their_facts(
    drive: LocalDrive, root: Path
) -> None:
    contents = [os.urandom(size) for size in (0, 5, 70_000)]
    for number, content in enumerate(contents):
        (root / f"{number}.exr").write_bytes(content)

    read = await drive.read_small([Location("work", f"{n}.exr") for n in range(3)])

    assert [file.content for file in read if file] == contents
    facts = [await drive.facts(Location("work", f"{n}.exr")) for n in range(3)]
    assert [file.facts for file in read if file] == facts


async def test_a_large_a_missing_and_an_outside_file_need_a_closer_look(
    drive: LocalDrive, root: Path, tmp_path: Path
) -> None:
    (root / "large.abc").write_bytes(bytes(SMALL + 1))
    (tmp_path / "secret").write_bytes(b"x")
    (root / "link").symlink_to(tmp_path / "secret")

    names = ("large.abc", "missing.exr", "link", "../secret")
    read = await drive.read_small([Location("work", name) for name in names])

    assert [*read] == [None] * 4


async def test_a_file_that_changes_while_it_is_read_needs_a_closer_look(
    drive: LocalDrive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = root / "a.exr"
    file.write_bytes(b"before")
    facts_of = disk.facts_of

    def change_then_tell(found: os.stat_result, path: Path | str) -> object:
        file.write_bytes(b"after, and longer")
        return facts_of(found, path)

    monkeypatch.setattr(disk, "facts_of", change_then_tell)

    assert [*await drive.read_small([Location("work", "a.exr")])] == [None]
