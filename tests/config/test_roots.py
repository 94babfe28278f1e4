"""Roots: their ways to be written, one folder for each platform, and what may stand in one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import SettingsError
from config.roots import PLATFORMS, folders_on, on_disk, platform_of, read_roots
from tests.config.conftest import Machine

_HERE = platform_of(sys.platform)


@pytest.mark.parametrize(
    ("system", "platform"),
    [("linux", "linux"), ("win32", "windows"), ("darwin", "darwin"), ("freebsd14", "linux")],
)
def test_a_system_is_one_of_three_platforms(system: str, platform: str) -> None:
    assert platform_of(system) == platform


_EACH = {"linux": "/mnt", "windows": "P:/", "darwin": "/Volumes"}


@pytest.mark.parametrize(
    ("written", "folders"),
    [
        ("/one", {"": "/one"}),
        ({"work": "/w", "render": "/r"}, {"work": "/w", "render": "/r"}),
        ({"work": _EACH, "render": "/r"}, {"work": "P:/", "render": "/r"}),
        (_EACH, {"": "P:/"}),
        ({}, {}),
    ],
)
def test_a_root_is_a_folder_or_one_for_each_name_or_platform(
    written: object, folders: dict[str, str]
) -> None:
    assert folders_on(read_roots(written), "windows") == folders


_FOLDERS = st.text(st.characters(min_codepoint=32), min_size=1)
_NAMES = st.text().filter(lambda name: name not in PLATFORMS)


@given(
    st.dictionaries(
        _NAMES, _FOLDERS | st.fixed_dictionaries(dict.fromkeys(PLATFORMS, _FOLDERS)), min_size=1
    )
)
def test_every_root_has_a_folder_on_every_platform_that_is_named(roots: dict[str, object]) -> None:
    for platform in PLATFORMS:
        folders = folders_on(read_roots(roots), platform)

        for name, folder in roots.items():
            assert folders[name] == (folder[platform] if isinstance(folder, dict) else folder)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (5, "must be a folder in quotes"),
        ({"work": 5}, "root 'work' must be a folder in quotes"),
        ({"work": {"linux": 5}}, "the folder for linux must be in quotes"),
        ({"linux": 5}, "the folder for linux must be in quotes|must be a folder in quotes"),
        ({"work": {"macos": "/x"}}, "unknown platform 'macos'"),
        ({"work": {"window": "/x"}}, "did you mean 'windows'"),
        ("P:\new", "control character"),
        ({"work": {"linux": "/a\tb"}}, "control character"),
    ],
)
def test_anything_else_is_refused(written: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_roots(written)


def test_a_root_is_wrong_at_its_line(machine: Machine) -> None:
    assert machine.problems('[sites.studio]\nroot = "P:\\new"') == [
        "2: sites.studio.root: holds a control character; write \\ as / or use 'single quotes'"
    ]


@pytest.mark.parametrize(
    ("folder", "platform", "filled"),
    [
        ("/mnt/projects", "linux", "/mnt/projects"),
        ("$DISK/projects", "linux", "/mnt/d/projects"),
        ("${DISK}s/x", "darwin", "/mnt/ds/x"),
        ("P:/projects", "windows", "P:/projects"),
        ("%DRIVE%/projects", "windows", "P:/projects"),
        ("/mnt/100%DRIVE%", "linux", "/mnt/100%DRIVE%"),
        (r"\\server\share$\projects", "windows", r"\\server\share$\projects"),
    ],
)
def test_variables_are_filled_into_a_folder_on_a_disk(
    folder: str, platform: str, filled: str
) -> None:
    assert on_disk(folder, platform, {"DISK": "/mnt/d", "DRIVE": "P:"}) == filled


def test_a_tilde_is_the_home_folder() -> None:
    assert on_disk("~/projects", _HERE, {}) == str(Path.home() / "projects")


@pytest.mark.parametrize(
    ("folder", "platform", "why"),
    [
        ("projects", "linux", "'projects' is not a full path on linux"),
        ("/mnt/projects", "windows", "not a full path on windows"),
        ("P:/projects", "linux", "not a full path on linux"),
        ("$NOWHERE/projects", "linux", "environment variable NOWHERE, which is not set"),
        ("~nobody-of-that-name/x", "linux", "no home folder"),
    ],
)
def test_a_folder_that_is_nowhere_is_refused(folder: str, platform: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        on_disk(folder, platform, {})


def test_a_folder_on_a_service_is_taken_as_it_is_written(machine: Machine) -> None:
    settings = machine.settings(
        '[sites.vendor]\nprovider = "sftp"\nhost = "h"\nroot = "~/$upload"\n'
    )

    assert settings.sites["vendor"].roots() == {"": "~/$upload"}


def test_a_folder_on_a_disk_is_filled_in(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISK", str(machine.folder))

    settings = machine.settings('[sites.studio.root]\nwork = "$DISK/projects"\n')

    assert settings.sites["studio"].roots() == {"work": f"{machine.folder}/projects"}


def test_a_root_that_this_platform_lacks_is_an_error_only_when_it_is_asked_for(
    machine: Machine,
) -> None:
    other = next(platform for platform in PLATFORMS if platform != _HERE)
    site = machine.settings(f'[sites.studio.root]\nwork = {{ {other} = "/x" }}').sites["studio"]

    with pytest.raises(SettingsError) as raised:
        site.roots()

    assert str(raised.value).startswith(
        f"site 'studio': root 'work' has no folder for {_HERE}; write its folder"
    )
    assert "[sites.studio]" in str(raised.value)


def test_the_predecessors_empty_folder_for_a_platform_is_none(machine: Machine) -> None:
    site = machine.settings(f'[sites.studio.root]\nwork = {{ {_HERE} = "" }}').sites["studio"]

    with pytest.raises(SettingsError, match=f"no folder for {_HERE}"):
        site.roots()


def test_a_machine_without_a_root_of_its_own_is_told_where_to_write_it(machine: Machine) -> None:
    site = machine.load().sites["ws-1"]

    with pytest.raises(SettingsError, match=r"site 'ws-1': has no root; .*\[sites\.local\]"):
        site.roots()
