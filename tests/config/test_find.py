"""Which files are read."""

from __future__ import annotations

from pathlib import Path

import platformdirs
import pytest

from config.errors import SettingsError
from config.load import load
from config.sources import find
from tests.config.conftest import PROVIDERS


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's configuration folder, with another folder as the current one."""
    folder = tmp_path / "configuration"
    folder.mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("SITESYNC_CONFIG", raising=False)

    def user_config_path(appname: str, *, appauthor: bool) -> Path:
        return folder

    monkeypatch.setattr(platformdirs, "user_config_path", user_config_path)
    return folder


def _made(file: Path) -> Path:
    file.write_text("enabled = false\n", encoding="utf-8")
    return file


def test_no_file_at_all_is_fine(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITESYNC_SITE_ID", "ws-1")

    assert find().file is None
    assert load(find(), PROVIDERS).enabled


def test_the_users_folder_comes_last(home: Path) -> None:
    file = _made(home / "sitesync.toml")

    assert find().file == file


def test_the_current_folder_comes_before_the_users(home: Path) -> None:
    _made(home / "sitesync.toml")
    file = _made(Path.cwd() / "sitesync.toml")

    assert find().file == file


def test_the_environment_comes_before_the_current_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(Path.cwd() / "sitesync.toml")
    file = _made(home / "studio.toml")
    monkeypatch.setenv("SITESYNC_CONFIG", str(file))

    assert find().file == file


def test_the_command_line_comes_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SITESYNC_CONFIG", str(_made(home / "studio.toml")))
    file = _made(home / "mine.toml")

    assert find(file).file == file


def test_a_file_that_is_found_stays_the_same_when_the_process_moves(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _made(Path("mine.toml"))
    sources = find(Path("mine.toml"))

    monkeypatch.chdir(home)

    assert not load(sources, PROVIDERS).enabled


def test_a_named_file_that_is_missing_is_an_error(home: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml: there is no .*--config"):
        find(Path("nowhere.toml"))


def test_a_missing_file_that_the_environment_names_is_an_error(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SITESYNC_CONFIG", "nowhere.toml")

    with pytest.raises(SettingsError, match=r"nowhere\.toml: there is no .*SITESYNC_CONFIG"):
        find()


def test_a_file_that_has_vanished_since_is_an_error(home: Path) -> None:
    file = _made(home / "sitesync.toml")
    sources = find()
    file.unlink()

    with pytest.raises(SettingsError, match=r"sitesync\.toml: cannot be read"):
        load(sources, PROVIDERS)


def test_the_machines_own_file_is_in_the_users_folder(home: Path) -> None:
    assert find().machine_file == home / "machine.toml"
