"""From disk to disk: whole, hashed at both ends, durable, or nothing is left."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from providers.base import (
    ChangedFileError,
    Facts,
    FileError,
    MissingFileError,
    PermanentFileError,
    RevokedError,
)
from providers.checksums import checksum_of
from providers.local_drive import LocalDrive, copying

from .conftest import Mount, handle, site

pytestmark = pytest.mark.usefixtures("marker")


def ignore(_: int) -> None:
    pass


def staged_in(root: Path) -> list[Path]:
    return list(root.rglob("*.part"))


def facts_of(file: Path) -> Facts:
    return Facts(file.stat().st_size, file.stat().st_mtime_ns)


def xxh128_of(file: Path) -> str:
    return checksum_of("xxh128", [file.read_bytes()])


def same_bytes(root: Path, source: Path) -> bool:
    return staged_in(root)[0].read_bytes() == source.read_bytes()


def free_bytes(disk: Path) -> int:
    os.sync()
    facts = os.statvfs(disk)
    return facts.f_bavail * facts.f_frsize


def file_of(folder: Path, content: bytes) -> Path:
    file = folder / "file.abc"
    file.write_bytes(content)
    return file


async def begun(drive: LocalDrive, content: bytes) -> None:
    staged = handle("file.exr")
    await drive.stage(staged.where, staged.claim, len(content))
    async with drive.write(staged) as sink:
        await sink.write(content)


def large(folder: Path) -> Path:
    return file_of(folder, os.urandom(1024) * (3 * copying.COPY_CHUNK // 1024))


async def test_a_copy_tells_the_facts_of_its_source_and_both_checksums(
    drive: LocalDrive, source: Path
) -> None:
    copied = await drive.stage_from_disk(lambda: source, handle("shot/file.exr"), ignore)

    assert copied.source == facts_of(source)
    assert copied.source_checksum == xxh128_of(source)
    assert copied.staged_checksum == copied.source_checksum


@pytest.mark.parametrize("content", [b"", b"x", b"x" * (copying.COPY_CHUNK + 1)])
async def test_a_published_copy_has_the_bytes_of_its_source(
    drive: LocalDrive, root: Path, tmp_path: Path, content: bytes
) -> None:
    source = file_of(tmp_path, content)
    await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    await drive.publish([(handle("file.exr"), None)])

    assert (root / "file.exr").read_bytes() == content


async def test_progress_is_told_every_byte_once(drive: LocalDrive, tmp_path: Path) -> None:
    told: list[int] = []

    await drive.stage_from_disk(lambda: large(tmp_path), handle("large.abc"), told.append)

    assert sum(told) == 3 * copying.COPY_CHUNK
    assert len(told) > 1


async def test_a_damaged_copy_has_another_checksum_than_its_source(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    def damage(_: int) -> None:
        with staged_in(root)[0].open("r+b") as staged:
            staged.write(b"damaged")

    copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), damage)

    assert copied.staged_checksum == xxh128_of(staged_in(root)[0])
    assert copied.staged_checksum != copied.source_checksum


def grow(file: Path) -> None:
    before = file.stat()
    with file.open("ab") as opened:
        opened.write(b"more")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def shrink(file: Path) -> None:
    os.truncate(file, 10)


def rewrite(file: Path) -> None:
    size = file.stat().st_size
    with file.open("r+b") as opened:
        opened.write(b"other bytes")
    os.utime(file, ns=(1, 1))
    assert file.stat().st_size == size


def replace(file: Path) -> None:
    newer = file.with_name("newer")
    newer.write_bytes(file.read_bytes())
    os.utime(newer, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    newer.replace(file)


@pytest.mark.parametrize("change", [grow, shrink, rewrite, replace])
async def test_a_source_that_changes_while_it_is_copied_is_an_error(
    drive: LocalDrive, root: Path, tmp_path: Path, change: Callable[[Path], None]
) -> None:
    source = large(tmp_path)

    def once(_: int) -> None:
        changes.pop()(source)
        changes.append(lambda _: None)

    changes = [change]

    with pytest.raises(ChangedFileError):
        await drive.stage_from_disk(lambda: source, handle("large.abc"), once)

    assert staged_in(root) == []


async def test_a_cancelled_copy_leaves_nothing_and_nobody_writes_on(
    drive: LocalDrive, root: Path, tmp_path: Path
) -> None:
    source = large(tmp_path)
    told: list[int] = []

    with anyio.CancelScope() as scope:

        def cancel(size: int) -> None:
            told.append(size)
            anyio.from_thread.run_sync(scope.cancel)

        await drive.stage_from_disk(lambda: source, handle("large.abc"), cancel)

    assert scope.cancelled_caught
    assert len(told) == 1
    assert staged_in(root) == []


@pytest.mark.parametrize("kept", [1, copying.COPY_CHUNK + 5, 3 * copying.COPY_CHUNK])
async def test_only_what_comes_after_the_kept_bytes_is_copied(
    drive: LocalDrive, root: Path, tmp_path: Path, kept: int
) -> None:
    source, told = large(tmp_path), list[int]()
    await begun(drive, source.read_bytes()[:kept])

    copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), told.append, kept)

    assert sum(told) == 3 * copying.COPY_CHUNK - kept
    assert copied.staged_checksum == copied.source_checksum == xxh128_of(source)
    assert same_bytes(root, source)


async def test_kept_bytes_that_are_others_show_in_the_checksums(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    await begun(drive, b"other")

    copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore, 5)

    assert copied.source_checksum == xxh128_of(source)
    assert copied.staged_checksum == xxh128_of(staged_in(root)[0])
    assert copied.staged_checksum != copied.source_checksum


async def test_kept_bytes_that_somebody_revoked_are_not_made_anew(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    await begun(drive, b"some")
    await drive.revoke(handle("file.exr"))

    with pytest.raises(RevokedError):
        await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore, 4)

    assert staged_in(root) == []


async def test_one_claim_cannot_copy_to_a_place_twice(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    with pytest.raises(FileError):
        await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    assert same_bytes(root, source)


async def test_a_source_that_is_not_there_is_missing(
    drive: LocalDrive, root: Path, tmp_path: Path
) -> None:
    with pytest.raises(MissingFileError, match=r"gone\.exr"):
        await drive.stage_from_disk(lambda: tmp_path / "gone.exr", handle("file.exr"), ignore)

    assert staged_in(root) == []


async def test_a_folder_is_no_source(drive: LocalDrive, root: Path, tmp_path: Path) -> None:
    with pytest.raises(PermanentFileError):
        await drive.stage_from_disk(lambda: tmp_path, handle("file.exr"), ignore)

    assert staged_in(root) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
async def test_a_pipe_is_no_source_and_is_not_waited_for(drive: LocalDrive, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(PermanentFileError):
        await drive.stage_from_disk(lambda: tmp_path / "pipe", handle("file.exr"), ignore)


async def test_between_two_disks_a_copy_is_as_good(
    drive: LocalDrive, root: Path, mount: Mount
) -> None:
    disk = mount("-t", "tmpfs", "-o", "size=80m", "tmpfs")
    source = file_of(disk, os.urandom(copying.COPY_CHUNK + 5))

    copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    assert copied.staged_checksum == copied.source_checksum
    assert same_bytes(root, source)


@pytest.mark.skipif(not hasattr(os, "copy_file_range"), reason="only Linux copies in the kernel")
@pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
async def test_where_the_kernel_cannot_copy_bytes_are_read_and_written(
    drive: LocalDrive, root: Path, source: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "copy_file_range", refuse)

    copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    assert copied.staged_checksum == copied.source_checksum
    assert same_bytes(root, source)


async def test_where_the_disk_can_a_copy_shares_its_blocks(reflink_disk: Path) -> None:
    source = large(reflink_disk)
    async with site(reflink_disk) as drive:
        await drive.make_marker("work")
        before = free_bytes(reflink_disk)

        copied = await drive.stage_from_disk(lambda: source, handle("file.exr"), ignore)

    assert copied.staged_checksum == copied.source_checksum
    assert before - free_bytes(reflink_disk) < copied.source.size / 4
