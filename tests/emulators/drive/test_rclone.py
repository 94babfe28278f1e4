"""rclone, which others wrote against the real service, works as it does there."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.servers.drive import DriveEmulator
from tests.servers.drive.rclone import Rclone

MIB = 1024 * 1024


@pytest.fixture
def sequence(source: Path) -> Path:
    """Files as a studio has them, and names that make trouble."""
    for name in (
        "shots/sh010/sh010.0001.exr",
        "shots/sh010/sh010.0002.exr",
        "it's \\ here/a b.mov",
        "empty.txt",
        "émigré.exr",
    ):
        file = source / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"" if name == "empty.txt" else os.urandom(5000))
    return source


def test_a_copied_folder_is_the_same_byte_for_byte(rclone: Rclone, sequence: Path) -> None:
    rclone.run("copy", str(sequence), "drive:show")

    rclone.check(sequence, "drive:show")


def test_a_second_copy_finds_that_nothing_is_to_do(
    rclone: Rclone, sequence: Path, drive: DriveEmulator
) -> None:
    rclone.run("copy", str(sequence), "drive:")
    drive.forget_requests()

    rclone.run("copy", "--checksum", str(sequence), "drive:")

    assert not [kind for kind in drive.requests if kind.startswith("upload")]


def test_sync_changes_what_differs_and_trashes_what_is_gone(
    rclone: Rclone, sequence: Path, drive: DriveEmulator, shared: str
) -> None:
    rclone.run("copy", str(sequence), "drive:")
    before = {file.path: file.id for file in drive.files(shared)}
    (sequence / "shots/sh010/sh010.0001.exr").write_bytes(b"another take")
    (sequence / "émigré.exr").unlink()

    rclone.run("sync", str(sequence), "drive:")

    rclone.check(sequence)
    after = {file.path: file.id for file in drive.files(shared)}
    assert after == {path: file for path, file in before.items() if path != "émigré.exr"}
    trashed = [file.name for file in drive.files(shared, trashed=True) if file.trashed]
    assert trashed == ["émigré.exr"]


def test_a_large_file_goes_up_in_chunks_and_comes_back_whole(
    rclone: Rclone, source: Path, drive: DriveEmulator
) -> None:
    content = os.urandom(20 * MIB + 12345)
    (source / "large.mov").write_bytes(content)

    rclone.run("copy", str(source), "drive:")
    rclone.run("copyto", "drive:large.mov", str(source / "back.mov"))

    assert drive.requests["upload.chunk"] == 3
    assert (source / "back.mov").read_bytes() == content


def test_a_listing_tells_sizes_times_and_checksums(rclone: Rclone, source: Path) -> None:
    content = os.urandom(1234)
    file = source / "a.exr"
    file.write_bytes(content)
    os.utime(file, ns=(0, 1_700_000_000_123_456_789))

    rclone.run("copy", str(source), "drive:")

    (told,) = rclone.json("lsjson", "--hash", "drive:")
    assert told["Size"] == 1234
    assert told["ModTime"] == "2023-11-14T22:13:20.123Z"
    assert told["Hashes"] == {
        name: hashlib.new(name, content).hexdigest() for name in ("md5", "sha1", "sha256")
    }


def test_deletefile_takes_one_file_and_no_other(rclone: Rclone, sequence: Path) -> None:
    rclone.run("copy", str(sequence), "drive:")

    rclone.run("deletefile", "drive:shots/sh010/sh010.0001.exr")

    (sequence / "shots/sh010/sh010.0001.exr").unlink()
    rclone.check(sequence)


def test_a_move_keeps_the_file_and_sends_no_bytes(
    rclone: Rclone, sequence: Path, drive: DriveEmulator
) -> None:
    rclone.run("copy", str(sequence), "drive:from")
    before = {file.id for file in drive.files()}
    drive.forget_requests()

    rclone.run("moveto", "drive:from/empty.txt", "drive:to/full.txt")
    rclone.run("move", "drive:from/shots", "drive:to/shots")

    assert rclone.run("lsf", "drive:to").split() == ["full.txt", "shots/"]
    assert before <= {file.id for file in drive.files()}
    assert not [kind for kind in drive.requests if kind.startswith("upload")]


def test_duplicates_are_told_and_resolved(
    rclone: Rclone, drive: DriveEmulator, shared: str
) -> None:
    for content in (b"old", b"new"):
        drive.put(shared, "twice.exr", content)

    told = rclone.run("dedupe", "list", "drive:")
    rclone.run("dedupe", "newest", "drive:")

    assert "twice.exr: 2 duplicates" in told
    assert rclone.run("cat", "drive:twice.exr") == "new"


def test_a_shared_drive_is_found_by_its_members(rclone: Rclone, shared: str) -> None:
    assert shared in [each["id"] for each in rclone.json("backend", "drives", "drive:")]


def test_a_folder_shared_with_the_account_takes_files_of_accounts_with_storage(
    rclone: Rclone, sequence: Path, drive: DriveEmulator
) -> None:
    account = drive.service_account()
    folder = drive.folder_in("root", "For the vendor")
    drive.share(folder, account, "writer")
    remote = Rclone(rclone.proxy, rclone.key_file, root=folder)

    refused = remote.run("copy", "--retries", "1", str(sequence), "drive:", fails=True)
    drive.change_account(account, storage=1024**3)
    remote.run("copy", str(sequence), "drive:")
    drive.change_account(account, storage=0)

    assert "Service Accounts do not have storage quota" in refused
    remote.check(sequence)
    assert {file.owner for file in drive.files(folder) if file.blob} == {account}
