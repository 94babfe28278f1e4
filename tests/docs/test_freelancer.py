"""docs/freelancer.md: a machine at home, which reaches the vendor's server and the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from bson import ObjectId

from tests.cli.machine import Machine
from tests.docs.office import Office, until
from tests.docs.pages import block
from tests.servers.sftp import SftpServer

NAME = "Bunny/shots/sh010/comp_v003.1001.exr"
_INIT, _DOCTOR, _RUN = block("freelancer: begin").splitlines()


@pytest.fixture
def anna(connected: Office, server: SftpServer, studio: Machine, tmp_path: Path) -> Office:
    """The freelancer's machine, set up as the page says."""
    connected.save("start: settings")
    connected.environ["SITESYNC_SITE_ID"] = "studio"
    connected.call(block("start: markers"))
    (tmp_path / "anna").mkdir()
    anna = Office(studio, tmp_path / "anna")
    anna.reach(server, "vendor")
    anna.save("start: settings", str(anna.own_settings / "sitesync.toml"))
    anna.save_own("freelancer: machine")
    anna.environ["SITESYNC__SITES__LOCAL__VANISH_GRACE"] = "0.2"
    (anna.home / "projects").mkdir()
    anna.call(_INIT)
    return anna


def at_home(anna: Office) -> Path:
    return anna.home / "projects" / NAME


def pulled(connected: Office, anna: Office) -> ObjectId:
    """Publish in the studio, and bring it to the freelancer as the page says."""
    published = connected.publish(NAME, "vendor")
    connected.call("sitesync reconcile")
    anna.replaced.update(connected.replaced)
    anna.call(block("freelancer: pull"))
    return published


def test_doctor_finds_nothing_wrong(anna: Office) -> None:
    assert "its own site is 'anna'" in anna.call(_DOCTOR)


def test_work_is_pulled(connected: Office, anna: Office) -> None:
    with anna.serving(_RUN):
        published = pulled(connected, anna)

    assert anna.is_available(published, "anna")
    assert at_home(anna).read_bytes() == (connected.machine.root("studio") / NAME).read_bytes()


def test_the_studio_may_ask_for_it_once_the_machine_is_known(
    connected: Office, anna: Office
) -> None:
    published = connected.publish(NAME)
    ask = f"sitesync site add anna --representation {published}"
    connected.call(ask, code=2)

    with anna.serving(_RUN):
        until(lambda: "serving" in anna.log.read_text())
        connected.call(ask)

    assert anna.entry(published, "anna") == {"name": "anna"}


def test_what_is_only_in_the_studio_comes_in_two_steps(connected: Office, anna: Office) -> None:
    published = connected.publish(NAME)
    anna.replaced.update(connected.replaced)

    with anna.serving(_RUN), connected.serving("sitesync run"):
        anna.call(block("freelancer: two steps"))
        anna.until_available(published, "anna")

    assert anna.is_available(published, "vendor")


def test_what_is_published_at_home_is_pushed(connected: Office, anna: Office) -> None:
    with anna.serving(_RUN):
        published = anna.publish(NAME, "vendor", at="anna", root=anna.home / "projects")
        anna.until_available(published, "vendor")

    connected.call(f"sitesync site add studio --representation {published}")
    connected.call("sitesync reconcile")
    assert (connected.machine.root("studio") / NAME).read_bytes() == at_home(anna).read_bytes()


def test_what_is_deleted_at_home_is_forgotten(connected: Office, anna: Office) -> None:
    with anna.serving(_RUN):
        published = pulled(connected, anna)
        until(lambda: '"watching"' in anna.log.read_text())

        at_home(anna).unlink()
        until(lambda: anna.entry(published, "anna") == {})

    assert anna.is_available(published, "vendor")
    assert not at_home(anna).exists()


def test_the_only_copy_is_wanted_again_instead(anna: Office) -> None:
    with anna.serving(_RUN):
        until(lambda: '"watching"' in anna.log.read_text())
        published = anna.publish(NAME, at="anna", root=anna.home / "projects")

        at_home(anna).unlink()
        until(lambda: not anna.is_available(published, "anna"))

    assert anna.entry(published, "anna") == {"name": "anna"}


def test_removing_with_the_bytes_needs_another_copy(connected: Office, anna: Office) -> None:
    with anna.serving(_RUN):
        published = pulled(connected, anna)

    anna.call(f"sitesync site remove local --representation {published} --delete-files")

    assert anna.entry(published, "anna") == {}
    assert not at_home(anna).exists()
