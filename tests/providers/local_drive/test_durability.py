"""What is synced, and when; what rights a published file has."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import anyio
import pytest
from anyio.lowlevel import checkpoint

from providers.base import CHUNK, Facts, SiteError
from providers.conformance.moves import stage
from providers.folders import disk
from providers.local_drive import LocalDrive, copying
from providers.local_drive.streams import DiskSink

from .conftest import handle, names_in

T = TypeVar("T")

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


@pytest.mark.parametrize("size", [1, copying.COPY_CHUNK + 1])
async def test_a_copy_is_synced_when_it_is_handed_over(
    drive: LocalDrive, root: Path, source: Path, synced: list[int], size: int
) -> None:
    os.truncate(source, size)

    await drive.stage_from_disk(lambda: source, handle("file.exr"), lambda _: None)

    assert set(inodes(root / ".sitesync-c1.part")) <= set(synced)


@pytest.mark.parametrize("size", [1, copying.COPY_CHUNK + 1])
async def test_a_copy_that_cannot_be_synced_is_an_error_and_leaves_nothing(
    drive: LocalDrive, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    os.truncate(source, size)
    monkeypatch.setattr(disk, "sync_file", fail)

    with pytest.raises(SiteError):
        await drive.stage_from_disk(lambda: source, handle("file.exr"), lambda _: None)

    assert names_in(root) == [".sitesync-root"]


async def test_flushed_bytes_are_synced(drive: LocalDrive, root: Path, synced: list[int]) -> None:
    await drive.stage(handle("file.exr").where, "c1", 1)

    async with drive.write(handle("file.exr")) as sink:
        await sink.write(b"x")
        await sink.flush()

    assert set(inodes(root / ".sitesync-c1.part")) <= set(synced)


async def test_flushing_while_another_task_writes_keeps_the_bytes_in_order(
    tmp_path: Path,
) -> None:
    waits = [5, 0, 0, 0]

    async def first_call_is_slow(call: Callable[..., T], *args: object) -> T:
        for _ in range(waits.pop(0)):
            await checkpoint()
        return call(*args)

    with disk.make_file(tmp_path / "file") as file:
        sink = DiskSink(first_call_is_slow, file, 0)
        async with anyio.create_task_group() as tasks:
            await sink.write(b"first")
            tasks.start_soon(sink.flush)
            await checkpoint()
            await sink.write(b"second")
            tasks.start_soon(sink.flush)

    assert (tmp_path / "file").read_bytes() == b"firstsecond"


async def test_a_flush_after_a_failed_write_leaves_no_gap(tmp_path: Path) -> None:
    full = [True]

    async def fails_once(call: Callable[..., T], *args: object) -> T:
        await checkpoint()
        if full:
            full.pop()
            raise SiteError("full", "the disk is full")
        return call(*args)

    with disk.make_file(tmp_path / "file") as file:
        sink = DiskSink(fails_once, file, 0)
        with pytest.raises(SiteError):
            await sink.write(b"x" * CHUNK)
        await sink.write(b"y")
        await sink.flush()

    assert (tmp_path / "file").read_bytes() == b"x" * CHUNK + b"y"


async def test_what_the_system_takes_in_parts_is_written_whole_and_in_order(
    drive: LocalDrive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def takes_little(file: int, parts: Sequence[memoryview]) -> int:
        calls.append(len(parts))
        return os.write(file, b"".join(bytes(part) for part in parts)[:150])

    monkeypatch.setattr(os, "writev", takes_little)
    chunks = [bytes((n,)) * n for n in (0, 1, 99, 2, 200, 0, 250)]
    await drive.stage(handle("file.exr").where, "c1", 1)

    async with drive.write(handle("file.exr")) as sink:
        for chunk in chunks:
            await sink.write(chunk)

    assert (root / ".sitesync-c1.part").read_bytes() == b"".join(chunks)
    assert len(calls) == 4


async def test_what_nobody_flushed_is_written_when_the_sink_is_left(
    drive: LocalDrive, root: Path
) -> None:
    await drive.stage(handle("file.exr").where, "c1", 1)

    async with drive.write(handle("file.exr")) as sink:
        await sink.write(b"x")

    assert (root / ".sitesync-c1.part").read_bytes() == b"x"


async def test_a_folder_that_cannot_be_synced_fails_the_files_in_it_alone(
    drive: LocalDrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    handles = [await stage(drive, path, b"x") for path in ("bad/1", "good/1", "bad/2")]
    sync = disk.sync_folder

    def fail(folder: Path) -> None:
        if folder.name == "bad":
            raise OSError(errno.EIO, "Input/output error")
        sync(folder)

    monkeypatch.setattr(disk, "sync_folder", fail)

    outcomes = await drive.publish([(handle, None) for handle in handles])

    assert [isinstance(outcome, Facts) for outcome in outcomes] == [False, True, False]


async def test_a_published_file_has_the_rights_of_any_new_file(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    (root / "other.exr").touch()
    await drive.stage_from_disk(lambda: source, handle("file.exr"), lambda _: None)

    await drive.publish([(handle("file.exr"), None)])

    rights = {stat.S_IMODE((root / name).stat().st_mode) for name in ("file.exr", "other.exr")}
    assert len(rights) == 1
