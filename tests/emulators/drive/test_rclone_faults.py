"""rclone under faults: it retries what it retries at the real service, and gives up where it does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.servers.drive import DriveEmulator, Fault
from tests.servers.drive.rclone import Rclone

MIB = 1024 * 1024


@pytest.fixture
def many(source: Path) -> Path:
    """A folder of small files."""
    for number in range(30):
        (source / f"frame.{number:04d}.exr").write_bytes(os.urandom(3000 + number))
    return source


def test_a_copy_under_errors_is_whole_in_the_end(
    rclone: Rclone, many: Path, drive: DriveEmulator
) -> None:
    drive.faults(
        Fault("upload.*", "error", 503, "backendError", first=2, every=9, times=2),
        Fault("files.*", "error", 429, "rateLimitExceeded", times=1),
        Fault("upload.*", "error", 403, "userRateLimitExceeded", first=5, every=8, times=2),
        Fault("upload.multipart", "reset", first=8, every=9, times=2),
    )

    rclone.run("copy", str(many), "drive:")

    assert sum(drive.struck.values()) >= 6
    drive.faults()
    rclone.check(many)


def test_a_large_upload_goes_on_after_every_kind_of_fault(
    rclone: Rclone, source: Path, drive: DriveEmulator
) -> None:
    (source / "large.mov").write_bytes(os.urandom(20 * MIB + 777))
    drive.faults(
        Fault("upload.chunk", "error", 500, first=1),
        Fault("upload.chunk", "short-commit", bytes=MIB, first=2),
        Fault("upload.chunk", "reset", first=4),
        Fault("upload.chunk", "cut", bytes=3 * MIB, first=6),
        Fault("upload.query", "error", 503, first=2),
    )

    rclone.run("copy", str(source), "drive:")

    assert sum(drive.struck.values()) >= 4
    rclone.check(source)


def test_a_session_that_died_is_begun_anew(
    rclone: Rclone, source: Path, drive: DriveEmulator
) -> None:
    (source / "large.mov").write_bytes(os.urandom(20 * MIB))
    drive.faults(Fault("upload.chunk", "dead-session", status=404, first=2))

    rclone.run("copy", str(source), "drive:")

    assert drive.requests["upload.start"] == 2
    rclone.check(source)


def test_bytes_that_were_spoiled_on_the_way_are_found_by_their_md5(
    rclone: Rclone, source: Path, drive: DriveEmulator
) -> None:
    (source / "a.exr").write_bytes(os.urandom(100_000))
    drive.faults(Fault("upload.multipart", "corrupt"))

    once = rclone.run("copy", "--retries", "1", str(source), "drive:", fails=True)
    rclone.run("copy", str(source), "drive:")

    assert "corrupted on transfer" in once
    rclone.check(source)


def test_a_download_that_breaks_off_goes_on(
    rclone: Rclone, source: Path, drive: DriveEmulator, shared: str, tmp_path: Path
) -> None:
    content = os.urandom(3 * MIB)
    drive.put(shared, "a.mov", content)
    drive.faults(Fault("download", "cut", bytes=MIB + 5), Fault("download", "error", 500, first=2))

    rclone.run("copy", "drive:", str(tmp_path / "back"))

    assert drive.struck == {"cut": 1, "error": 1}
    assert (tmp_path / "back" / "a.mov").read_bytes() == content


def test_full_storage_ends_the_copy(rclone: Rclone, many: Path, drive: DriveEmulator) -> None:
    drive.faults(Fault("upload.*", "error", 403, "storageQuotaExceeded", times=None))

    told = rclone.run("copy", "--retries", "1", str(many), "drive:", fails=True)

    assert "storageQuotaExceeded" in told


def test_a_listing_that_lags_hides_a_fresh_file_for_a_while(
    rclone: Rclone, drive: DriveEmulator, shared: str
) -> None:
    drive.put(shared, "fresh.exr", b"bytes")
    drive.faults(Fault("files.list", "lag", seconds=3600))

    first, second = rclone.run("lsf", "drive:"), rclone.run("lsf", "drive:")

    assert (first, second) == ("", "fresh.exr\n")
