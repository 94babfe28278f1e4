"""What is synced, and when; what rights a published file has."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import anyio
import pytest

from providers.base import CHUNK, Facts
from providers.conformance.moves import payload, stage
from providers.local_drive import LocalDrive, disk

from .conftest import handle

pytestmark = [
    pytest.mark.usefixtures("marker"),
    pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot sync a folder"),
]


def inodes(*paths: Path) -> list[int]:
    return [path.stat().st_ino for path in paths]


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the inodes that are synced from now on, in order."""
    inodes: list[int] = []
    sync = disk.sync_file

    def note(file: int) -> None:
        inodes.append(os.fstat(file).st_ino)
        sync(file)

    monkeypatch.setattr(disk, "sync_file", note)
    return inodes


async def test_each_folder_of_a_batch_is_synced_once_after_all_names_are_given(
    drive: LocalDrive, root: Path, synced: list[int]
) -> None:
    handles = [await stage(drive, f"{folder}/{n}.exr", b"x") for folder in "ab" for n in range(5)]
    synced.clear()

    await drive.publish([(handle, None) for handle in handles])

    assert sorted(synced) == sorted(inodes(root / "a", root / "b"))


async def test_new_folders_are_synced_into_those_above_them(
    drive: LocalDrive, root: Path, synced: list[int]
) -> None:
    await drive.stage(handle("a/b/file.exr").where, "c1", 1)

    assert synced == inodes(root, root / "a")


async def test_a_copy_is_synced_when_it_is_handed_over(
    drive: LocalDrive, root: Path, source: Path, synced: list[int]
) -> None:
    await drive.stage_from_disk(source, handle("file.exr"), lambda _: None)

    assert set(inodes(root / ".sitesync-c1.part")) <= set(synced)


async def test_flushed_bytes_are_synced(drive: LocalDrive, root: Path, synced: list[int]) -> None:
    await drive.stage(handle("file.exr").where, "c1", 1)

    async with drive.write(handle("file.exr")) as sink:
        await sink.write(b"x")
        await sink.flush()

    assert set(inodes(root / ".sitesync-c1.part")) <= set(synced)


async def test_flushing_while_another_task_writes_keeps_the_bytes_in_order(
    drive: LocalDrive, root: Path
) -> None:
    chunks = [payload(CHUNK // 2 + n) for n in range(20)]
    await drive.stage(handle("file.exr").where, "c1", 1)

    async with drive.write(handle("file.exr")) as sink, anyio.create_task_group() as flushes:
        for chunk in chunks:
            await sink.write(chunk)
            flushes.start_soon(sink.flush)

    assert (root / ".sitesync-c1.part").read_bytes() == b"".join(chunks)


async def test_a_folder_that_cannot_be_synced_fails_the_files_in_it_alone(
    drive: LocalDrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    handles = [await stage(drive, path, b"x") for path in ("bad/1", "good/1", "bad/2")]
    sync = disk.sync_folder

    def fail(folder: Path) -> None:
        if folder.name == "bad":
            raise OSError(5, "Input/output error")
        sync(folder)

    monkeypatch.setattr(disk, "sync_folder", fail)

    outcomes = await drive.publish([(handle, None) for handle in handles])

    assert [isinstance(outcome, Facts) for outcome in outcomes] == [False, True, False]


async def test_a_published_file_has_the_rights_of_any_new_file(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    (root / "other.exr").touch()
    await drive.stage_from_disk(source, handle("file.exr"), lambda _: None)

    await drive.publish([(handle("file.exr"), None)])

    rights = {stat.S_IMODE((root / name).stat().st_mode) for name in ("file.exr", "other.exr")}
    assert len(rights) == 1
