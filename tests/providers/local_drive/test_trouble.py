"""Each failure of a disk is told for what it is: the site's, the file's, for good or for now."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from providers.base import (
    CHUNK,
    FileError,
    Location,
    Marker,
    MissingFileError,
    PermanentFileError,
    SiteError,
)
from providers.conformance.moves import payload, publish, put, stage
from providers.folders.errors import Errors
from providers.local_drive import LocalDrive

from .conftest import Mount, handle, names_in, remount_read_only, site


async def test_a_full_disk_is_the_sites_failure_and_leaves_no_staged_copy(
    mount: Mount, tmp_path: Path
) -> None:
    source = tmp_path / "large.abc"
    source.write_bytes(payload(4 * CHUNK))
    disk = mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")
    async with site(disk) as drive:
        await drive.make_marker("work")

        with pytest.raises(SiteError) as told:
            await drive.stage_from_disk(lambda: source, handle("large.abc"), lambda _: None)

    assert told.value.kind == "full"
    assert names_in(disk) == [".sitesync-root"]


async def test_a_disk_that_fills_up_while_bytes_stream_in_is_the_sites_failure(
    mount: Mount,
) -> None:
    async with site(mount("-t", "tmpfs", "-o", "size=1m", "tmpfs")) as drive:
        await drive.make_marker("work")

        with pytest.raises(SiteError) as told:
            await stage(drive, "large.abc", payload(4 * CHUNK))

    assert told.value.kind == "full"


async def test_a_read_only_disk_is_the_sites_failure(mount: Mount) -> None:
    disk = mount("-t", "tmpfs", "tmpfs")
    async with site(disk) as drive:
        await drive.make_marker("work")
        remount_read_only(disk)

        with pytest.raises(SiteError) as told:
            await stage(drive, "file.exr", b"x")

    assert told.value.kind == "read-only"


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOSPC, "full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.ESTALE, "unreachable"),
        (errno.EIO, "unreachable"),
        (errno.ENOTCONN, "unreachable"),
        (errno.ETIMEDOUT, "unreachable"),
        (errno.EMFILE, "rate"),
    ],
)
def test_an_error_of_the_whole_disk_is_the_sites(root: Path, number: int, kind: str) -> None:
    told = Errors("studio").of(OSError(number, "?"), "file.exr", root)

    assert isinstance(told, SiteError)
    assert told.kind == kind
    assert "studio" in str(told)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, PermanentFileError),
        (errno.ENAMETOOLONG, PermanentFileError),
        (errno.EISDIR, PermanentFileError),
        (errno.ENOENT, MissingFileError),
        (errno.EBUSY, FileError),
    ],
)
def test_an_error_of_one_file_is_the_files(
    root: Path, number: int, expected: type[FileError]
) -> None:
    told = Errors("studio").of(OSError(number, "?"), "file.exr", root)

    assert type(told) is expected
    assert "file.exr" in str(told)


def test_a_denied_root_is_the_sites_failure(tmp_path: Path) -> None:
    told = Errors("studio").of(PermissionError(errno.EACCES, "?"), "file.exr", tmp_path / "no")

    assert isinstance(told, SiteError)


@pytest.mark.usefixtures("marker")
async def test_a_name_too_long_for_the_disk_is_a_permanent_error(drive: LocalDrive) -> None:
    with pytest.raises(PermanentFileError, match="too long"):
        await drive.stage(Location("work", "x" * 300), "c1", 1)


@pytest.mark.usefixtures("marker")
async def test_the_longest_name_that_fits_can_be_staged(drive: LocalDrive, root: Path) -> None:
    await put(drive, "x" * 255, b"good")

    assert (root / ("x" * 255)).read_bytes() == b"good"


@pytest.mark.usefixtures("marker")
async def test_a_folder_in_the_place_of_a_file_is_a_permanent_error(
    drive: LocalDrive, root: Path
) -> None:
    handle = await stage(drive, "file.exr", b"x")
    (root / "file.exr").mkdir()

    with pytest.raises(PermanentFileError, match="folder"):
        await publish(drive, handle)


@pytest.mark.usefixtures("marker")
async def test_a_file_in_the_place_of_a_folder_is_a_permanent_error(
    drive: LocalDrive, root: Path
) -> None:
    (root / "shot").touch()

    with pytest.raises(PermanentFileError):
        await drive.stage(Location("work", "shot/file.exr"), "c1", 1)


@pytest.mark.usefixtures("marker")
async def test_links_in_a_circle_are_refused(drive: LocalDrive, root: Path) -> None:
    (root / "one").symlink_to("two")
    (root / "two").symlink_to("one")

    with pytest.raises(PermanentFileError):
        await drive.facts(Location("work", "one"))


async def test_an_unmounted_disk_is_not_a_missing_file(
    drive: LocalDrive, root: Path, marker: Marker
) -> None:
    (root / ".sitesync-root").unlink()

    for call in (
        drive.facts(Location("work", "file.exr")),
        drive.checksum(Location("work", "file.exr"), "md5"),
        drive.revoke(handle("file.exr")),
        drive.remove(Location("work", "file.exr")),
    ):
        with pytest.raises(SiteError, match="sitesync site init studio"):
            await call


async def test_an_unmounted_disk_lists_no_emptiness(drive: LocalDrive) -> None:
    with pytest.raises(SiteError):
        _ = [file async for file in drive.listing("work")]
