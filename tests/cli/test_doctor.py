from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from providers.base import STAGED_PREFIX
from reactor.cli.checks.database import clock_finding, history_finding, server_finding
from reactor.cli.checks.machine import files_finding, watches_finding
from reactor.queries import INDEXES, REPRESENTATION
from tests.cli.machine import PROJECT, Machine
from tests.conftest import POLLING
from tests.servers.processes import free_port
from tests.servers.sftp import sshd

Found = dict[str, str]
SECRET = "top-secret"


def findings(machine: Machine, about: str) -> list[Found]:
    """Return what `doctor` says of one thing."""
    found: list[Found] = machine.answer("doctor")["findings"]
    return [one for one in found if one["about"] == about]


def finding(machine: Machine, about: str) -> Found:
    found = findings(machine, about)
    assert len(found) == 1, found
    return found[0]


def make_indexes(machine: Machine) -> None:
    for name, keys in INDEXES.items():
        machine.documents.create_index(keys, name=name, partialFilterExpression=REPRESENTATION)


def unreachable() -> dict[str, Any]:
    """An SFTP site at a port where nobody listens."""
    login = {"user": "studio", "password": SECRET}
    server = {"host": "127.0.0.1", "port": free_port(), "known_hosts": os.devnull}
    return {"provider": "sftp", "root": {"work": "/upload"}, **server, **login}


# All is well.


def test_a_studio_in_order_has_no_problem(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")
    make_indexes(machine)
    machine.register("p1")

    called = machine.call("doctor")

    assert called.exit_code == 0, called.stdout
    levels = [line.split("\t")[0] for line in called.stdout.splitlines()]
    assert levels == ["ok"] * len(levels)


def test_in_a_pipe_each_finding_is_one_line_of_four_columns(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    lines = machine.call("doctor").stdout.splitlines()

    assert {line.count("\t") for line in lines} == {3}
    assert all(line.isprintable() for text in lines for line in text.split("\t"))


def test_the_program_itself_answers_scripts(machine: Machine) -> None:
    called = machine.run("doctor")

    assert called.returncode == 0
    assert called.stderr == ""
    assert called.stdout.startswith("ok\tsettings\t")


# Settings.


def test_the_settings_file_is_named(machine: Machine) -> None:
    assert str(machine.folder / "sitesync.toml") in finding(machine, "settings")["text"]


def test_a_machine_whose_own_site_has_no_root_is_told_how_to_serve_the_studio(
    machine: Machine,
) -> None:
    machine.write_settings(sites={"vendor": {}}, machine={"site_id": "ws-7"})

    found = finding(machine, "this machine")

    assert found["level"] == "warning"
    assert "own site 'ws-7' has no root; nothing will be moved" in found["text"]
    assert "--active-site studio" in found["todo"]


def test_a_remote_site_of_an_unknown_provider_is_a_problem(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"provider": "sfpt"}})

    assert finding(machine, "site vendor")["level"] == "problem"
    assert "unknown provider 'sfpt'" in finding(machine, "site vendor")["text"]


def test_an_unserved_site_that_no_project_uses_is_a_warning(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {}, "spare": {"provider": "sfpt"}})

    assert finding(machine, "site spare")["level"] == "warning"


def test_settings_without_any_remote_site_are_told_to_move_nothing(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}}, defaults={"remote_site": ""})

    assert "nothing will be moved" in findings(machine, "projects")[0]["text"]


# MongoDB.


def test_a_database_that_does_not_answer_leaves_the_sites_checked(
    machine_of: Callable[..., Machine], mongo_uri: str
) -> None:
    gone = (
        f"mongodb://studio:{SECRET}@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=300&{POLLING}"
    )
    machine = machine_of(gone, mongo_uri)
    machine.write_settings(sites={"studio": {}, "vendor": {}})
    machine.make_markers("studio", "vendor")

    called = machine.call("doctor")

    assert called.exit_code == 1
    assert "\nproblem\tMongoDB\tMongoDB at 127.0.0.1:" in called.stdout
    assert "\nok\tsite vendor\t" in called.stdout
    assert SECRET not in called.output


def test_a_young_oplog_that_lost_nothing_is_fine(machine: Machine) -> None:
    found = finding(machine, "history")

    assert found["level"] == "ok"
    assert "to the beginning" in found["text"]


@pytest.mark.parametrize(("hours", "level"), [(23, "warning"), (24, "ok")])
def test_an_oplog_that_has_lost_entries_must_reach_a_day_back(hours: int, level: str) -> None:
    assert history_finding(hours * 3600, whole=False).level == level


@pytest.mark.parametrize(("version", "level"), [("5.0.31", "warning"), ("10.0.0-rc1", "ok")])
def test_a_server_older_than_was_tried_is_a_warning(version: str, level: str) -> None:
    assert server_finding(version, "replica set studio").level == level


@pytest.mark.parametrize(("ahead", "level"), [(1.9, "ok"), (2.1, "warning"), (-2.1, "warning")])
def test_clocks_may_differ_by_two_seconds(ahead: float, level: str) -> None:
    assert clock_finding(ahead).level == level


def test_missing_indexes_that_a_reactor_can_make_are_a_warning(machine: Machine) -> None:
    machine.publish("a.exr")

    found = finding(machine, f"project {PROJECT}")

    assert found["level"] == "warning"
    assert "sitesync_wanted and sitesync_path" in found["text"]


def test_an_index_of_the_right_name_and_other_keys_is_missing(machine: Machine) -> None:
    machine.documents.create_index([("files.path", 1)], name="sitesync_path")

    assert "sitesync_path" in finding(machine, f"project {PROJECT}")["text"]


def test_where_we_may_not_create_indexes_the_commands_are_printed(
    machine_of: Callable[..., Machine], guarded: dict[str, str]
) -> None:
    machine = machine_of(guarded["reader"], guarded["admin"])
    machine.write_settings(sites={"studio": {}, "vendor": {}})
    machine.publish("a.exr")

    called = machine.call("doctor", "--json")
    found = finding(machine, f"project {PROJECT}")

    assert found["level"] == "problem"
    assert found["todo"].count(f'.getCollection("{PROJECT}").createIndex(') == 2
    assert '{"files.sites.name": 1, "files.sites.created_dt": 1, "_id": 1}' in found["todo"]
    assert SECRET not in called.output


def test_an_oplog_that_may_not_be_read_is_a_warning(
    machine_of: Callable[..., Machine], guarded: dict[str, str]
) -> None:
    machine = machine_of(guarded["reader"], guarded["admin"])
    machine.write_settings(sites={"studio": {}, "vendor": {}})

    assert finding(machine, "history")["level"] == "warning"


def test_a_project_of_the_settings_that_is_not_there_is_told(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={"Shwo": {"remote_site": ""}}
    )
    machine.publish("a.exr")

    assert f"did you mean '{PROJECT}'?" in finding(machine, "project Shwo")["todo"]


# Sites.


def test_an_unreachable_site_is_a_problem_without_its_password(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": unreachable()})

    called = machine.call("doctor")

    assert called.exit_code == 1
    assert "\nproblem\tsite vendor\tunreachable: " in called.stdout
    assert SECRET not in called.output


def test_a_root_without_its_marker_names_the_command(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    found = finding(machine, "site vendor")

    assert found["level"] == "problem"
    assert "sitesync site init vendor" in found["todo"]


def test_nothing_is_written_to_a_root_without_marker(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()

    machine.call("doctor")

    assert list(machine.root("vendor").iterdir()) == []


def test_a_root_that_is_not_there_is_a_problem(machine: Machine) -> None:
    machine.root("vendor").joinpath(".sitesync-root").unlink()
    machine.root("vendor").rmdir()

    assert finding(machine, "site vendor")["level"] == "problem"
    assert not machine.root("vendor").exists()


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

        found = finding(machine, "site vendor")

    assert found["level"] == "problem"
    assert "cannot be written" in found["text"]


def test_a_site_is_checked_as_each_project_sees_it(machine: Machine) -> None:
    other = {"sites": {"vendor": {"root": {"work": str(machine.root("bunny"))}}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects={"Bunny": other})

    assert finding(machine, "site vendor")["level"] == "ok"
    assert finding(machine, "site vendor@Bunny")["level"] == "problem"


# Alternatives.


def alternatives(machine: Machine) -> None:
    declared = {"alternative_sites": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "vendor_web": declared})


def test_alternatives_with_one_marker_are_proved(machine: Machine) -> None:
    alternatives(machine)
    machine.make_markers("vendor", "vendor_web", same="cafe")

    assert finding(machine, "alternatives")["level"] == "ok"


def test_alternatives_with_different_markers_are_a_warning(machine: Machine) -> None:
    alternatives(machine)
    machine.make_markers("vendor_web")

    found = finding(machine, "alternatives")

    assert found["level"] == "warning"
    assert (
        "vendor and vendor_web are declared alternatives, but their markers differ"
        in (found["text"])
    )


def test_sites_with_one_marker_that_are_no_alternatives_are_a_warning(machine: Machine) -> None:
    machine.make_markers("studio", "vendor", same="cafe")

    found = finding(machine, "alternatives")

    assert found["level"] == "warning"
    assert 'alternative_sites = ["vendor"]' in found["todo"]


def test_of_an_alternative_that_cannot_be_read_nothing_is_said(machine: Machine) -> None:
    web = {**unreachable(), "alternative_sites": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "vendor_web": web})

    assert findings(machine, "alternatives") == []


def test_a_project_whose_alternatives_lie_elsewhere_is_judged_by_its_own_roots(
    machine: Machine,
) -> None:
    declared = {"alternative_sites": ["vendor"]}
    elsewhere = {"sites": {"vendor_web": {"root": {"work": str(machine.root("other"))}}}}
    sites = {"studio": {}, "vendor": {}, "vendor_web": declared}
    machine.write_settings(sites=sites, projects={"Bunny": elsewhere})
    machine.make_markers("vendor", "vendor_web", same="cafe")
    machine.make_markers("other")

    assert {found["level"] for found in findings(machine, "alternatives")} == {"ok", "warning"}


# The machine.


@pytest.mark.parametrize(("watches", "level"), [(8192, "warning"), (524_288, "ok")])
def test_few_inotify_watches_are_a_warning(watches: int, level: str) -> None:
    assert watches_finding(watches).level == level


@pytest.mark.parametrize(("files", "level"), [(256, "warning"), (1024, "ok"), (-1, "ok")])
def test_few_open_files_are_a_warning(files: int, level: str) -> None:
    assert files_finding(files).level == level


# Reactors.


def test_a_site_that_nobody_serves_is_a_warning_with_the_command(machine: Machine) -> None:
    found = finding(machine, "reactors")

    assert found["level"] == "warning"
    assert "sitesync run --active-site studio" in found["todo"]


def test_a_site_that_a_reactor_lets_rest_is_a_problem(machine: Machine) -> None:
    machine.register("p1", suspended={"vendor": {"kind": "quota", "why": "the disk is full"}})

    texts = [found["text"] for found in findings(machine, "site vendor")]

    assert any("suspended by the reactor on render-07: quota" in text for text in texts)


def test_a_held_claim_of_a_process_not_seen_lately_is_a_problem(machine: Machine) -> None:
    machine.register("p1", seen=3600)
    claim = machine.claim("a.exr", "p1", held=True)

    found = finding(machine, "claims")

    assert found["level"] == "problem"
    assert found["todo"].endswith(f"sitesync doctor --end-claim {claim}")


def test_a_held_claim_of_a_living_process_is_none(machine: Machine) -> None:
    machine.register("p1")
    machine.claim("a.exr", "p1", held=True)

    assert finding(machine, "claims")["level"] == "ok"


def test_a_claim_whose_lease_ends_is_no_problem(machine: Machine) -> None:
    machine.claim("a.exr", "p1", lease=-100)

    assert finding(machine, "claims")["level"] == "ok"


def test_a_claim_that_was_given_up_is_nobodys(machine: Machine) -> None:
    machine.claim("a.exr", None, lease=-1e6, over=True)

    assert finding(machine, "claims")["text"] == "none is stuck"


def test_progress_that_no_claim_accounts_for_hints_at_the_predecessor(machine: Machine) -> None:
    machine.publish("a.exr", {"name": "vendor", "progress": 0.4})

    found = finding(machine, "predecessor")

    assert found["level"] == "warning"
    assert "{root[work]}/a.exr" in found["text"]


@pytest.mark.parametrize("process", ["p1", None])
def test_progress_under_a_claim_is_our_own(machine: Machine, process: str | None) -> None:
    machine.publish("a.exr", {"name": "vendor", "progress": 0.4})
    machine.claim("a.exr", process)

    found = finding(machine, "predecessor")

    assert found["level"] == "ok"
    assert "must not run for these sites: studio, vendor" in found["text"]


def test_staged_files_are_the_only_ones_that_doctor_ever_makes(
    machine: Machine, tmp_path: Path
) -> None:
    (machine.root("vendor") / "sitesync-doctor").write_text("published under that very name")

    machine.call("doctor")

    assert (machine.root("vendor") / "sitesync-doctor").read_text().startswith("published")
    assert not list(tmp_path.rglob(f"{STAGED_PREFIX}*.part"))


def test_without_an_address_the_embedded_database_is_looked_at(machine: Machine) -> None:
    folder = machine.folder / "mongod"
    text = tomli_w.dumps({"mongo": {"data_folder": str(folder)}, "machine": {"site_id": "studio"}})
    (machine.folder / "sitesync.toml").write_text(text)

    called = machine.run("doctor")

    assert "ok\tMongoDB\tversion" in called.stdout
    assert "replica set sitesync" in called.stdout
