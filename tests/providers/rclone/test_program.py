from __future__ import annotations

import os
from pathlib import Path

import pytest

from providers.base import SiteError
from providers.rclone.program import find_rclone, refuse_old
from tests.servers.rclone import site


def _program(path: Path, text: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_setting_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "path/rclone")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    mine = _program(tmp_path / "mine")

    assert find_rclone("cloud", mine) == mine


def test_path_comes_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = _program(tmp_path / "path/rclone")
    monkeypatch.setenv("PATH", str(found.parent))

    assert find_rclone("cloud", None) == found


def test_the_extra_s_program_is_found_without_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    found = find_rclone("cloud", None)

    assert found.name == "rclone"
    assert os.access(found, os.X_OK)


def test_none_at_all_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("providers.rclone.program._WHEEL", "no-such-wheel")

    with pytest.raises(SiteError, match=r"-m pip install '\.\[rclone\]'") as missing:
        find_rclone("cloud", None)

    assert missing.value.kind == "settings"
    assert "\n" not in str(missing.value)


def test_a_setting_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="correct its setting `rclone`"):
        find_rclone("cloud", tmp_path / "rclone")


def test_one_that_is_too_old_is_refused() -> None:
    with pytest.raises(SiteError) as refused:
        refuse_old("cloud", Path("/usr/bin/rclone"), "v1.53.3", [1, 53, 3])

    assert "/usr/bin/rclone is rclone v1.53.3, and 1.60 or newer is needed" in str(refused.value)


@pytest.mark.parametrize("numbers", [[1, 60, 0], [1, 75, 2], [2, 0, 0]])
def test_one_that_is_new_enough_is_not(numbers: list[int]) -> None:
    refuse_old("cloud", Path("/usr/bin/rclone"), "", numbers)


async def test_a_program_that_is_no_rclone_is_told_by_its_own_word(
    tmp_path: Path, config: Path
) -> None:
    other = _program(tmp_path / "other", "echo 'unknown command rcd' >&2; exit 2")
    cloud = site("disk", config, {"work": "/"}, rclone=other)

    with pytest.raises(SiteError, match="does not start: unknown command rcd"):
        await cloud.__aenter__()
