"""What `doctor` says of sites, their markers and their alternatives."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from providers.base import STAGED_PREFIX
from tests.cli.machine import Machine
from tests.servers.processes import free_port
from tests.servers.sftp import sshd

SECRET = "top-secret"


def unreachable() -> dict[str, Any]:
    """An SFTP site at a port where nobody listens."""
    login = {"user": "studio", "password": SECRET}
    server = {"host": "127.0.0.1", "port": free_port(), "known_hosts": os.devnull}
    return {"provider": "sftp", "root": {"work": "/upload"}, **server, **login}


def test_an_unreachable_site_is_a_problem_without_its_password(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": unreachable()})

    called = machine.call("doctor")

    assert called.exit_code == 1
    assert "\nproblem\tsite vendor\tunreachable: " in called.stdout
    assert SECRET not in called.output


def test_a_root_without_its_marker_names_the_command(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    found = machine.finding("site vendor")

    assert found["level"] == "problem"
    assert "sitesync site init vendor" in found["todo"]


def test_nothing_is_written_to_a_root_without_marker(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    machine.call("doctor")

    assert list(machine.root("vendor").iterdir()) == []


def test_a_root_that_is_not_there_is_a_problem(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()
    machine.root("vendor").rmdir()

    assert machine.finding("site vendor")["level"] == "problem"
    assert not machine.root("vendor").exists()


def test_the_room_at_a_site_is_told(machine: Machine) -> None:
    total = decimal(shutil.disk_usage(machine.root("vendor")).total)

    found = machine.finding("site vendor")

    assert f" of {total} are free" in found["text"]


def test_trying_to_write_leaves_nothing_behind(machine: Machine) -> None:
    machine.call("doctor")

    left = [path.name for site in ("studio", "vendor") for path in machine.root(site).iterdir()]
    assert left == [".sitesync-root"] * 2


def test_a_root_that_cannot_be_written_is_a_problem(machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "sshd"
    folder.mkdir()
    with sshd(folder, "ForceCommand internal-sftp -R") as server:  # read-only
        login = {"user": getpass.getuser(), "key_file": str(server.user_key)}
        known = {"known_hosts": str(folder / "known_hosts")}
        where = {"provider": "sftp", "host": "127.0.0.1", "port": server.port}
        machine.write_settings(sites={"studio": {}, "vendor": {**where, **login, **known}})

        found = machine.finding("site vendor")

    assert found["level"] == "problem"
    assert "cannot be written" in found["text"]


def test_a_site_is_checked_as_each_project_sees_it(machine: Machine) -> None:
    other = {"sites": {"vendor": {"root": {"work": str(machine.root("bunny"))}}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects={"Bunny": other})

    assert machine.finding("site vendor")["level"] == "ok"
    assert machine.finding("site vendor@Bunny")["level"] == "problem"


def test_staged_files_are_the_only_ones_that_doctor_ever_makes(
    machine: Machine, tmp_path: Path
) -> None:
    (machine.root("vendor") / "sitesync-doctor").write_text("published under that very name")

    machine.call("doctor")

    assert (machine.root("vendor") / "sitesync-doctor").read_text().startswith("published")
    assert not list(tmp_path.rglob(f"{STAGED_PREFIX}*.part"))


def alternatives(machine: Machine) -> None:
    declared = {"alternative_sites": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "vendor_web": declared})


def test_alternatives_with_one_marker_are_proved(machine: Machine) -> None:
    alternatives(machine)
    machine.make_markers("vendor", "vendor_web", same="cafe")

    assert machine.finding("alternatives")["level"] == "ok"


def test_alternatives_with_different_markers_are_a_warning(machine: Machine) -> None:
    alternatives(machine)
    machine.make_markers("vendor_web")

    found = machine.finding("alternatives")

    assert found["level"] == "warning"
    assert (
        "vendor and vendor_web are declared alternatives, but their markers differ"
        in (found["text"])
    )


def test_sites_with_one_marker_that_are_no_alternatives_are_a_warning(machine: Machine) -> None:
    machine.make_markers("studio", "vendor", same="cafe")

    found = machine.finding("alternatives")

    assert found["level"] == "warning"
    assert 'alternative_sites = ["vendor"]' in found["todo"]


def test_of_an_alternative_that_cannot_be_read_nothing_is_said(machine: Machine) -> None:
    web = {**unreachable(), "alternative_sites": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "vendor_web": web})

    assert machine.findings("alternatives") == []


def test_a_project_whose_alternatives_lie_elsewhere_is_judged_by_its_own_roots(
    machine: Machine,
) -> None:
    declared = {"alternative_sites": ["vendor"]}
    elsewhere = {"sites": {"vendor_web": {"root": {"work": str(machine.root("other"))}}}}
    sites = {"studio": {}, "vendor": {}, "vendor_web": declared}
    machine.write_settings(sites=sites, projects={"Bunny": elsewhere})
    machine.make_markers("vendor", "vendor_web", same="cafe")
    machine.make_markers("other")

    assert {found["level"] for found in machine.findings("alternatives")} == {"ok", "warning"}
