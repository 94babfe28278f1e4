"""What `doctor` says of MongoDB, its clock, history and indexes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import tomli_w

from reactor.cli.checks.database import clock_finding, history_finding, server_finding
from tests.cli.machine import PROJECT, Machine
from tests.conftest import POLLING
from tests.servers.processes import free_port

SECRET = "top-secret"


def test_a_database_that_does_not_answer_leaves_the_sites_checked(
    machine_of: Callable[..., Machine], mongo_uri: str
) -> None:
    gone = (
        f"mongodb://studio:{SECRET}@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=300&{POLLING}"
    )
    machine = machine_of(gone, mongo_uri)
    machine.write_settings(sites={"studio": {}, "vendor": {}})
    machine.make_markers("studio", "vendor")

    # In a process of its own: the driver leaks sockets that it could not connect.
    called = machine.run("doctor")

    assert called.returncode == 1
    assert "\nproblem\tMongoDB\tMongoDB at 127.0.0.1:" in called.stdout
    assert "\nok\tsite vendor\t" in called.stdout
    assert SECRET not in called.stdout + called.stderr


def test_a_young_oplog_that_lost_nothing_is_fine(machine: Machine) -> None:
    found = machine.finding("history")

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

    found = machine.finding(f"project {PROJECT}")

    assert found["level"] == "warning"
    assert "sitesync_wanted and sitesync_path" in found["text"]


def test_an_index_of_the_right_name_and_other_keys_is_missing(machine: Machine) -> None:
    machine.documents.create_index([("files.path", 1)], name="sitesync_path")

    assert "sitesync_path" in machine.finding(f"project {PROJECT}")["text"]


def test_where_we_may_not_create_indexes_the_commands_are_printed(
    machine_of: Callable[..., Machine], guarded: dict[str, str]
) -> None:
    machine = machine_of(guarded["reader"], guarded["admin"])
    machine.write_settings(sites={"studio": {}, "vendor": {}})
    machine.publish("a.exr")

    called = machine.call("doctor", "--json")
    found = machine.finding(f"project {PROJECT}")

    assert found["level"] == "problem"
    assert found["todo"].count(f'.getCollection("{PROJECT}").createIndex(') == 2
    assert '{"files.sites.name": 1, "files.sites.created_dt": 1, "_id": 1}' in found["todo"]
    assert SECRET not in called.output


def test_an_oplog_that_may_not_be_read_is_a_warning(
    machine_of: Callable[..., Machine], guarded: dict[str, str]
) -> None:
    machine = machine_of(guarded["reader"], guarded["admin"])
    machine.write_settings(sites={"studio": {}, "vendor": {}})

    assert machine.finding("history")["level"] == "warning"


def test_a_project_of_the_settings_that_is_not_there_is_told(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={"Shwo": {"remote_site": ""}}
    )
    machine.publish("a.exr")

    assert f"did you mean '{PROJECT}'?" in machine.finding("project Shwo")["todo"]


def test_without_an_address_the_embedded_database_is_looked_at(machine: Machine) -> None:
    folder = machine.folder / "mongod"
    text = tomli_w.dumps({"mongo": {"data_folder": str(folder)}, "machine": {"site_id": "studio"}})
    (machine.folder / "sitesync.toml").write_text(text)

    called = machine.run("doctor")

    assert "ok\tMongoDB\tversion" in called.stdout
    assert "replica set sitesync" in called.stdout


@pytest.mark.parametrize("uri", ["mongodb://u:p@ss@h/", "mongodb://127.0.0.1:99999/"])
def test_an_address_that_is_none_counts_as_wrong_settings(
    machine_of: Callable[..., Machine], mongo_uri: str, uri: str
) -> None:
    machine = machine_of(uri, mongo_uri)
    machine.write_settings(sites={"studio": {}, "vendor": {}})

    called = machine.call("status")

    assert called.exit_code == 2
    assert "[mongo] uri cannot be read" in called.stderr
