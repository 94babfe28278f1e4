"""`sitesync validate` where several projects, roots and kinds of sites meet."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import pytest

from tests.cli.machine import Machine
from tests.cli.published import available, entries, publish_everywhere, set_sites
from tests.cli.validating import AT_ONCE, counts, validate, whats
from tests.servers.sftp import sshd


@pytest.fixture(autouse=True)
def _patient_no_longer(machine: Machine) -> None:
    """What is gone is believed at once, except where a test is about just that."""
    machine.write_settings(sites={"studio": {**AT_ONCE}, "vendor": {**AT_ONCE}})


def test_what_another_project_knows_is_not_unknown(machine: Machine) -> None:
    publish_everywhere(machine, "Show/a.exr", "vendor")
    publish_everywhere(machine, "Other/b.exr", "vendor", project="Other")
    publish_everywhere(machine, "Show/c.exr", "vendor", project="Other")

    assert validate(machine)["unknown"]["files"] == 0
    assert validate(machine, "--project", "Show")["unknown"]["files"] == 0


def test_with_a_project_only_the_folders_it_uses_are_gone_through(machine: Machine) -> None:
    publish_everywhere(machine, "Show/a.exr", "vendor")
    publish_everywhere(machine, "Other/b.exr", "vendor", project="Other")
    (machine.root("vendor") / "Other/unknown.exr").touch()

    answer = validate(machine, "--project", "Show")

    assert (answer["files"], answer["unknown"]["files"]) == (1, 0)


def test_of_a_site_that_one_project_has_the_others_say_nothing(machine: Machine) -> None:
    px = {"provider": "local_drive", "root": {"work": str(machine.root("px"))}}
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={"Bunny": {"sites": {"px": px}}}
    )
    machine.make_markers("px")
    publish_everywhere(machine, "Show/a.exr")
    publish_everywhere(machine, "Bunny/b.exr", "px", project="Bunny")

    called = machine.call("validate", "--site", "px")

    assert (called.exit_code, called.stderr) == (0, "")
    assert "1 file looked at" in called.stdout


@pytest.fixture
def far(machine: Machine) -> Iterator[Machine]:
    """The machine, with its vendor on a server."""
    folder = machine.folder / "sshd"
    folder.mkdir()
    with sshd(folder) as server:
        site = {
            **AT_ONCE,
            "provider": "sftp",
            "host": "127.0.0.1",
            "port": server.port,
            "user": getpass.getuser(),
            "known_hosts": str(folder / "known_hosts"),
            "key_file": str(server.user_key),
        }
        machine.write_settings(sites={"studio": {}, "vendor": site})
        yield machine


def test_a_site_on_a_server_is_validated_by_listing_its_folders(far: Machine) -> None:
    """Times are too coarse there to prove a file: the server hashes it."""
    gone = publish_everywhere(far, "Show/gone.exr", "vendor")
    found = publish_everywhere(far, "Show/found.exr", "vendor")
    publish_everywhere(far, "Show/right.exr", "vendor")
    set_sites(far, found, [available("studio"), {"name": "vendor"}])
    (far.root("vendor") / "Show/gone.exr").unlink()
    (far.root("vendor") / "unknown.txt").touch()

    answer = validate(far)

    assert sorted(whats(answer)) == [("found", "Show/found.exr"), ("missing", "Show/gone.exr")]
    assert (answer["right"], answer["unknown"]["paths"]) == (1, ["unknown.txt"])
    assert entries(far, found)["vendor"]["verified"] == "checksum"
    assert "created_dt" not in entries(far, gone)["vendor"]


def test_roots_inside_of_roots_hold_no_unknown_files(machine: Machine) -> None:
    top = machine.root("vendor")
    roots = {"work": str(top), "publish": str(top / "publish")}
    machine.write_settings(sites={"studio": {}, "vendor": {**AT_ONCE, "root": roots}})
    publish_everywhere(machine, "publish/a.exr", "vendor")
    (top / "publish/.sitesync-root").write_text("ab" * 16)
    machine.documents.update_one({}, {"$set": {"files.0.path": "{root[publish]}/a.exr"}})

    answer = validate(machine)

    assert (answer["right"], answer["unknown"]["files"], counts(answer)) == (1, 0, {})


def test_a_project_with_a_root_of_its_own_is_validated_there(machine: Machine) -> None:
    own = machine.root("bunny")
    root = {"root": {"work": str(own)}, **AT_ONCE}
    machine.write_settings(
        sites={"studio": {}, "vendor": {**AT_ONCE}}, projects={"Bunny": {"sites": {"vendor": root}}}
    )
    machine.make_markers("bunny")
    publish_everywhere(machine, "a.exr", "vendor")
    publish_everywhere(machine, "b.exr", "vendor", project="Bunny")
    (machine.root("vendor") / "b.exr").rename(own / "b.exr")

    answer = validate(machine)

    assert (answer["right"], answer["unknown"]["files"], counts(answer)) == (2, 0, {})


def test_a_file_cannot_be_marked_where_its_project_is_off(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {**AT_ONCE}},
        projects={"Show": {"enabled": False}},
    )
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio"), {"name": "vendor"}])

    called = machine.call("validate", "--site", "vendor")

    assert called.exit_code == 1
    assert "no project is enabled" in called.stderr
    assert validate(machine, "--project", "Show")["marked"] == 1
