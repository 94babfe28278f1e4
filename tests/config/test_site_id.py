"""The machine's site id: set, or made once and kept where only its user may read."""

from __future__ import annotations

import re
import stat
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from config.errors import SettingsError
from tests.config.conftest import Machine


@pytest.fixture
def nameless(machine: Machine) -> Machine:
    """A machine that nobody has named."""
    machine.environ.clear()
    return machine


def test_a_site_id_is_made_once_and_kept(nameless: Machine) -> None:
    first = nameless.load().machine.site_id

    assert re.fullmatch(r"[a-z0-9-]+-[0-9a-f]{6}", first)
    assert nameless.load().machine.site_id == first


def test_a_named_machine_gets_no_file(machine: Machine) -> None:
    machine.load()

    assert not machine.machine_file.exists()


@pytest.mark.skipif(
    sys.platform == "win32",
    reason="files have no mode bits there: a profile's folder is its user's alone",
)
def test_only_its_user_may_read_the_file(nameless: Machine) -> None:
    nameless.load()

    assert stat.S_IMODE(nameless.machine_file.stat().st_mode) == 0o600


def test_what_an_artist_wrote_is_kept_with_its_comments(nameless: Machine) -> None:
    text = '# my disk\n[sites.local]\nroot = "/home/me"  # the fast one\n'
    nameless.write_machine(text)

    site_id = nameless.load().machine.site_id

    assert nameless.machine_file.read_text(encoding="utf-8").startswith(text)
    assert nameless.load().sites[site_id].root == {"": "/home/me"}


def test_an_empty_table_for_it_is_filled(nameless: Machine) -> None:
    nameless.write_machine('[machine]\n[sites.local]\nroot = "/home/me"\n')

    site_id = nameless.load().machine.site_id

    assert nameless.load().machine.site_id == site_id
    assert nameless.load().sites[site_id].root == {"": "/home/me"}


def test_nothing_else_is_left_in_the_folder(nameless: Machine) -> None:
    nameless.load()

    assert list(nameless.machine_file.parent.iterdir()) == [nameless.machine_file]


def test_machines_that_start_together_agree_on_one_id(nameless: Machine) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = {found.result() for found in [threads.submit(_site_id, nameless) for _ in range(32)]}

    assert len(ids) == 1


def _site_id(machine: Machine) -> str:
    return machine.load().machine.site_id


@pytest.mark.skipif(sys.platform == "win32", reason="making a link takes an administrator there")
def test_a_folder_that_cannot_be_made_is_told_with_the_way_out(nameless: Machine) -> None:
    nameless.machine_file.parent.symlink_to(nameless.folder / "nowhere")

    with pytest.raises(SettingsError, match=r"machine\.toml: .*SITESYNC_SITE_ID"):
        nameless.load()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"SITESYNC_SITE_ID": "a", "OPENPYPE_LOCAL_ID": "b"}, "a"),
        ({"OPENPYPE_LOCAL_ID": "b"}, "b"),
        ({"SITESYNC_SITE_ID": "", "OPENPYPE_LOCAL_ID": "b"}, "b"),
        ({"SITESYNC__MACHINE__SITE_ID": "c"}, "c"),
        ({}, "from-file"),
    ],
)
def test_the_environment_names_the_machine_before_any_file(
    machine: Machine, environ: dict[str, str], expected: str
) -> None:
    machine.environ = environ

    assert machine.settings('[machine]\nsite_id = "from-file"').machine.site_id == expected
