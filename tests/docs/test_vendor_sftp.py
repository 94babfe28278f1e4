"""docs/vendor-sftp.md: the studio's disk seen through an SFTP server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.machine import Machine
from tests.docs.office import Office
from tests.docs.pages import block
from tests.servers.sftp import SftpServer

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"


@pytest.fixture
def exposed(office: Office, server: SftpServer) -> Office:
    """The studio's machine, and a server that shows its disk under another name."""
    office.replaced['"/projects"'] = f'"{office.machine.root("studio")}"'
    office.reach(server, "sftp")
    office.save("alternative: settings")
    office.environ["SITESYNC_SITE_ID"] = "studio"
    office.call(block("alternative: markers").splitlines()[0])
    return office


@pytest.fixture
def outside(exposed: Office, server: SftpServer, studio: Machine, tmp_path: Path) -> Office:
    """A machine outside, which has the same settings and a disk of its own."""
    (tmp_path / "anna").mkdir()
    anna = Office(studio, tmp_path / "anna", {'"/projects"': exposed.replaced['"/projects"']})
    anna.reach(server, "sftp")
    anna.save("alternative: settings")
    anna.save_own("alternative: outside")
    (anna.home / "projects").mkdir()
    anna.call("sitesync site init local")
    return anna


def test_one_marker_proves_that_both_are_one_place(exposed: Office) -> None:
    said = exposed.call(block("alternative: markers"))

    assert block("alternative: doctor says").strip() in [line.strip() for line in said.splitlines()]


def test_two_folders_are_told_by_their_markers(exposed: Office) -> None:
    settings = exposed.folder / "sitesync.toml"
    other = exposed.machine.root("vendor")
    head, sftp = settings.read_text().split("[sites.sftp]")
    moved = sftp.replace(str(exposed.machine.root("studio")), str(other))
    settings.write_text(f"{head}[sites.sftp]{moved}")
    exposed.call("sitesync site init sftp")

    assert "but their markers differ" in exposed.call("sitesync doctor")


def test_what_is_published_in_the_studio_is_at_the_server_without_being_sent(
    exposed: Office,
) -> None:
    with exposed.serving(block("alternative: run")):
        published = exposed.publish(NAME)
        exposed.until_available(published, "sftp")

    for attempt in exposed.machine.state["attempts"].find():  # the watch may have been first
        assert attempt["outcome"] in ("right", "found")
        assert attempt["sent"] == 0


def test_what_is_uploaded_outside_is_available_in_the_studio_in_the_same_write(
    outside: Office, exposed: Office
) -> None:
    with outside.serving("sitesync run"):
        disk = outside.home / "projects"
        published = outside.publish(NAME, "sftp", at="anna", root=disk)
        outside.until_available(published, "sftp")
        here, there = outside.entry(published, "studio"), outside.entry(published, "sftp")

    assert here["created_dt"] == there["created_dt"]
    sent = exposed.machine.root("studio") / NAME
    assert sent.read_bytes() == (disk / NAME).read_bytes()


def test_a_reset_at_one_is_a_reset_at_the_other(outside: Office) -> None:
    with outside.serving("sitesync run"):
        disk = outside.home / "projects"
        published = outside.publish(NAME, "sftp", at="anna", root=disk)
        outside.until_available(published, "studio")
    before = outside.entry(published, "studio")

    outside.call(f"sitesync site reset sftp --representation {published}")
    reset = outside.entry(published, "studio")
    outside.call("sitesync reconcile")

    assert reset == {"name": "studio"}
    assert outside.is_available(published, "studio")
    assert outside.entry(published, "studio") != before
