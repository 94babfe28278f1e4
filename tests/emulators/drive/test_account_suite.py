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


def _asked(
    drive: DriveEmulator, key_file: Path, folder: str, home: Path
) -> subprocess.CompletedProcess[str]:
    """Run it as `make test-gdrive` does, but against the emulator."""
    command = [sys.executable, "-m", "tests.account.gdrive", "--credentials", str(key_file)]
    return subprocess.run(
        [*command, "--folder", folder, "--service", drive.url],
        cwd=TREE,
        env={**os.environ, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
