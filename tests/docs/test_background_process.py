"""docs/background-process.md: the units are right, and what they start does what the page says."""

from __future__ import annotations

import configparser
import getpass
import grp
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.docs.office import Office, until
from tests.docs.pages import block

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"
_PROGRAM = Path(sys.executable).with_name("sitesync")
_UNITS = {
    "sitesync.service": block("background: sitesync.service"),
    "sitesync-reconcile.service": block("background: sitesync-reconcile.service"),
    "sitesync-reconcile.timer": block("background: sitesync-reconcile.timer"),
}


def unit(name: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign] # keys keep their case
    parsed.read_string(_UNITS[name])
    return parsed


def started(name: str) -> str:
    """The command that a unit starts, as it is installed here."""
    return unit(name)["Service"]["ExecStart"].removeprefix("/opt/sitesync/bin/")


@pytest.fixture
def served(connected: Office) -> Office:
    """The machine of the page: what it keeps in /etc/sitesync lies in a folder here."""
    folder = connected.folder / "etc"
    folder.mkdir()
    connected.replaced["/etc/sitesync"] = str(folder)
    connected.save("background: settings", "etc/sitesync.toml")
    (folder / "mongo-uri").write_text(f"{connected.machine.uri}\n")
    shutil.copy(connected.home / ".ssh" / "id_ed25519", folder / "vendor-key")
    shutil.copy(connected.home / ".ssh" / "known_hosts", folder / "known_hosts")
    environment = connected.here(block("background: environment"))
    (folder / "environment").write_text(environment)
    connected.environ |= dict(line.split("=") for line in environment.splitlines())
    connected.call("sitesync site init studio vendor")
    return connected


def test_the_service_brings_every_published_file_to_the_site_and_ends_when_it_is_stopped(
    served: Office,
) -> None:
    with served.serving(started("sitesync.service")) as process:
        published = served.publish(NAME)
        served.until_available(published, "vendor")
    assert process.returncode == 0

    sent = served.machine.root("vendor") / NAME
    assert sent.read_bytes() == (served.machine.root("studio") / NAME).read_bytes()


def test_the_predecessors_spelling_is_the_same(served: Office) -> None:
    del served.environ["SITESYNC_SITE_ID"]

    with served.serving("sitesync syncserver --active_site studio"):
        served.until_available(served.publish(NAME), "vendor")


def test_the_timer_starts_a_pass_that_brings_what_was_published_before(served: Office) -> None:
    published = served.publish(NAME)

    said = served.call(started("sitesync-reconcile.service"))

    assert said.startswith("Reconciled in ")
    assert served.is_available(published, "vendor")


def test_the_line_for_cron_is_the_same_pass(served: Office) -> None:
    published = served.publish(NAME)
    minute, hour, *days, user, command = block("background: cron").split(maxsplit=6)
    assert (minute, hour, days, user) == ("0", "4", ["*", "*", "*"], "sitesync")

    served.call(command.replace("/opt/sitesync/bin/sitesync", str(_PROGRAM)))

    assert served.is_available(published, "vendor")


def test_one_looks_with_the_same_settings_as_the_service(served: Office) -> None:
    for name in ("SITESYNC_CONFIG", "SITESYNC_SITE_ID"):
        del served.environ[name]

    said = served.call(block("background: look"))

    assert "its own site is 'studio'" in said
    assert f"read from {served.folder / 'etc' / 'sitesync.toml'}" in said


def test_wrong_settings_are_told_and_not_tried_again(served: Office) -> None:
    served.environ["SITESYNC_CONFIG"] = str(served.folder / "none.toml")
    stops_at = unit("sitesync.service")["Service"]["RestartPreventExitStatus"]

    served.call(started("sitesync.service"), code=int(stops_at))


def test_an_embedded_database_is_ended_by_the_reactor_that_systemd_stops(
    office: Office,
) -> None:
    assert unit("sitesync.service")["Service"]["KillMode"] == "mixed"  # SIGTERM to one process
    settings, _, _ = block("background: settings").partition("[sites.vendor]")
    without_uri = office.here(settings).replace("uri_file", "# uri_file")
    (office.folder / "sitesync.toml").write_text(without_uri)

    with office.serving(f"{started('sitesync.service')} --embedded --active-site studio"):
        until(lambda: "serving" in office.log.read_text())
        others = [one for one in psutil.process_iter() if _is_of(one, office)]

    assert len(others) >= 2  # the server and its keeper
    assert [one for one in others if _runs(one)] == []


def _is_of(process: psutil.Process, office: Office) -> bool:
    try:
        return str(office.home) in " ".join(process.cmdline())
    except psutil.Error:
        return False


def _runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_time_to_stop_is_longer_than_a_reactor_needs() -> None:
    for name in ("sitesync.service", "sitesync-reconcile.service"):
        assert int(unit(name)["Service"]["TimeoutStopSec"]) > 10 + 10 + 10 + 30


def test_both_services_run_as_the_same_user_with_the_same_settings() -> None:
    one, other = unit("sitesync.service")["Service"], unit("sitesync-reconcile.service")["Service"]

    same = ("User", "Group", "EnvironmentFile", "WorkingDirectory", "KillMode", "UMask")
    assert [one[key] for key in same] == [other[key] for key in same]


def test_systemd_understands_the_units(tmp_path: Path) -> None:
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze here; on Debian: apt-get install systemd")
    group = grp.getgrgid(os.getgid()).gr_name
    for name, text in _UNITS.items():
        here = text.replace("/opt/sitesync/bin/sitesync", str(_PROGRAM))
        here = here.replace("User=sitesync", f"User={getpass.getuser()}")
        (tmp_path / name).write_text(here.replace("Group=sitesync", f"Group={group}"))

    files = [str(tmp_path / name) for name in _UNITS]
    told = subprocess.run([verify, "verify", *files], capture_output=True, text=True, check=False)

    about_ours = [line for line in told.stderr.splitlines() if "sitesync" in line]
    assert (about_ours, told.returncode) == ([], 0), shlex.join(files)
