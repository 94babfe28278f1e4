"""What people can ask of a real account works, and the emulator does what is said of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.drive import DriveEmulator

TREE = Path(__file__).parents[3]


@pytest.fixture
def key_file(drive: DriveEmulator, tmp_path: Path) -> Path:
    return drive.key_file(tmp_path / "key.json", drive.service_account("asking"))


def test_every_question_is_answered_as_it_is_assumed(
    drive: DriveEmulator, key_file: Path, tmp_path: Path
) -> None:
    folder = drive.shared_drive("Asked", fileOrganizer=drive.service_account("asking"))

    done = _asked(drive, key_file, folder, tmp_path)

    assert done.stderr == ""
    assert "≠" not in done.stdout
    assert done.stdout.count(":") > 26
    assert done.returncode == 0
    assert drive.files(folder) == []


def test_what_differs_is_told_beside_what_was_assumed(
    drive: DriveEmulator, key_file: Path, tmp_path: Path
) -> None:
    account = drive.service_account("asking")
    folder = drive.folder_in("root", "Asked")
    drive.share(folder, account)
    drive.change_account(account, storage=1024**3)

    done = _asked(drive, key_file, f"https://drive.google.com/drive/folders/{folder}", tmp_path)
    drive.change_account(account, storage=0)

    assert "≠ the account's own storage: 200\n    the emulator: 403" in done.stdout
    assert done.returncode == 1


def test_the_suite_of_all_providers_runs_below_the_folder_and_leaves_nothing_there(
    drive: DriveEmulator, key_file: Path, tmp_path: Path
) -> None:
    folder = drive.shared_drive("Tried", fileOrganizer=drive.service_account("asking"))
    some = ("-q", "-p", "no:cacheprovider", "-k", "odd_name or replaced or marker")

    done = _asked(drive, key_file, folder, tmp_path, some)

    assert done.returncode == 0, done.stdout
    assert int(done.stdout.rpartition(" passed")[0].split()[-1]) > 10
    assert drive.files(folder) == []
    kept = [file.path for file in drive.files(folder, trashed=True) if file.blob]
    assert {path.partition(",")[0] for path in kept} == {"sitesync tries"}


def test_a_folder_that_may_only_be_read_is_told(
    drive: DriveEmulator, key_file: Path, tmp_path: Path
) -> None:
    folder = drive.shared_drive("Refused", reader=drive.service_account("asking"))

    done = _asked(drive, key_file, folder, tmp_path, ("-q",))

    assert done.returncode == 1
    assert "the service answered 403" in done.stderr


def _asked(
    drive: DriveEmulator,
    key_file: Path,
    folder: str,
    home: Path,
    suite: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run it as `make test-gdrive` does, but against the emulator; with arguments, its suite."""
    module = "tests.account.gdrive.suite" if suite else "tests.account.gdrive"
    command = [sys.executable, "-m", module, "--credentials", str(key_file)]
    return subprocess.run(
        [*command, "--folder", folder, "--service", drive.url, *suite],
        cwd=TREE,
        env={**os.environ, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
