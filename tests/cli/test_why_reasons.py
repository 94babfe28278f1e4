"""`sitesync why` finds the reason in settings, documents, claims, reactors and at the site."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cli.asking_why import finding, lines, story
from tests.cli.machine import PROJECT, Machine

Document = dict[str, Any]


def test_one_that_is_marked_but_not_there_is_not_there(machine: Machine) -> None:
    document = machine.publish("a.exr", {"name": "vendor", "created_dt": datetime.now(UTC)})

    called = machine.call("why", str(document), "vendor")

    assert called.exit_code == 1
    assert "The document says that it is at 'vendor', but no file is there." in called.stdout
    assert f"sitesync site reset vendor --representation {document}" in called.stdout


def test_one_of_another_size_is_not_there(machine: Machine) -> None:
    (machine.root("vendor") / "a.exr").write_bytes(b"half")
    document = machine.publish("a.exr", {"name": "vendor", "created_dt": datetime.now(UTC)})

    assert lines(machine, document)[4] == (
        "  The file at 'vendor' has another size than was published (4 bytes instead of 1000000)."
    )


def test_without_a_reactor_the_first_thing_to_do_is_to_start_one(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")

    assert lines(machine, document)[3:] == [
        "1 file: {root[work]}/a.exr (1.0 MB)",
        "  No reactor runs that brings it: one with 'studio' as its own site is needed.",
        "  -> start one on this machine: sitesync run",
        "",
        "No reactor runs anywhere.",
    ]


def test_what_waits_for_its_turn_is_told_with_how_much_comes_before(machine: Machine) -> None:
    for priority in (90, 80, 10):
        machine.publish(f"p{priority}", {"name": "vendor", "priority": priority})
    machine.publish("paused", {"name": "vendor", "priority": 90, "paused": True})
    machine.publish("earlier", "vendor")
    document = machine.publish("a.exr", "vendor")
    machine.publish("later", "vendor")
    machine.register("p1")

    told = story(machine, document)

    assert told["findings"][0]["code"] == "queued"
    assert told["files_before"] == 3
    assert "  Before it come 3 files of this project." in lines(machine, document)


def test_earlier_files_of_the_same_document_come_before_it(machine: Machine) -> None:
    document = machine.publish("a.exr", {"name": "vendor", "tries": 1, "error": "x"})
    other = machine.documents.find_one(machine.publish("b.exr", "vendor"))["files"][0]
    machine.documents.update_one({"_id": document}, {"$push": {"files": other}})
    machine.documents.delete_many({"_id": {"$ne": document}})
    machine.register("p1")

    told = machine.answer("why", str(document), "vendor")["stories"]

    before = {one["example"]: one["files_before"] for one in told}
    assert before == {"{root[work]}/a.exr": 0, "{root[work]}/b.exr": 1}


def test_a_running_transfer_is_told_with_its_rate(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    machine.register("p1")
    machine.claim("a.exr", "p1", done=42_000_000, size=100_000_000, rate=12_000_000)

    (told,) = [line for line in lines(machine, document) if "brought to" in line]

    assert "by the reactor on render-07 (pid 4711) (42 % 12.0 MB/s ETA 5 s, begun " in told


def test_the_claim_of_a_process_that_is_gone_ends_with_its_lease(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    machine.claim("a.exr", "gone", lease=25)

    found = finding(machine, document)

    assert found["code"] == "claim_of_lost_process"
    assert 0 < found["facts"]["lease_seconds"] <= 25


def test_a_claim_that_no_lease_ends_names_the_command(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    claim = machine.claim("a.exr", "gone", lease=-25, held=True)

    assert finding(machine, document)["todo"].endswith(f"sitesync doctor --end-claim {claim}")


def test_the_wait_for_another_attempt_is_told(machine: Machine) -> None:
    later = machine.retry_in(90)
    fields = {"name": "vendor", "tries": 1, "retry_at": later, "error": "reset"}
    document = machine.publish("a.exr", fields)
    machine.register("p1")

    found = finding(machine, document)

    assert found["code"] == "retry"
    assert 80 < found["facts"]["retry_in_seconds"] <= 90


def test_a_pause_is_told_with_who_and_when(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    machine.register("p1")
    machine.call("pause", "--project", PROJECT)

    found = finding(machine, document)

    assert (found["code"], found["todo"]) == ("paused", f"sitesync resume --project {PROJECT}")
    assert "@" in found["facts"]["by"]
    assert found["facts"]["ago_seconds"] < 60


def test_a_site_without_an_entry_is_one_that_nobody_asked_for(machine: Machine) -> None:
    document = machine.publish("a.exr")

    assert finding(machine, document)["code"] == "no_entry"


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"enabled": False}, "studio_off"),
        ({"projects": {PROJECT: {"enabled": False}}}, "project_off"),
        ({"defaults": {"remote_site": ""}}, "no_remote_site"),
        ({"defaults": {"remote_site": "studio"}}, "same_site"),
        ({"defaults": {"remote_site": "archive"}}, "not_served"),
    ],
)
def test_settings_may_be_the_reason(machine: Machine, settings: Document, code: str) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {}, "archive": {}}, **settings)
    document = machine.publish("a.exr", "vendor")

    assert finding(machine, document)["code"] == code


def test_always_accessible_on_serves_a_site_that_is_not_the_remote(machine: Machine) -> None:
    more = {"remote_site": "archive", "always_accessible_on": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "archive": {}}, defaults=more)
    document = machine.publish("a.exr", "vendor")
    machine.register("p1")

    assert finding(machine, document)["code"] == "queued"


def test_a_misspelt_provider_is_told_with_the_nearest(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"provider": "local_drvie"}})
    document = machine.publish("a.exr", "vendor")
    machine.register("p1")

    found = finding(machine, document)

    assert found["code"] == "site_problem"
    assert "did you mean 'local_drive'?" in found["text"]


def test_a_machine_whose_own_site_has_no_root_serves_nothing(machine: Machine) -> None:
    tables = {"machine": {"site_id": "artist-7"}, "defaults": {"remote_site": "studio"}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, **tables)
    document = machine.publish("a.exr", "artist-7")

    found = finding(machine, document, "artist-7")

    assert found["code"] == "site_problem"
    assert "under [sites.local]" in found["text"]


def test_a_reactor_that_runs_reaches_its_own_site(machine: Machine) -> None:
    tables = {"machine": {"site_id": "artist-7"}, "defaults": {"remote_site": "studio"}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, **tables)
    document = machine.publish("a.exr", "artist-7")
    machine.register("p1", site="artist-7")

    assert finding(machine, document, "artist-7")["code"] == "queued"


def test_a_project_may_turn_a_site_off_for_itself(machine: Machine) -> None:
    off = {PROJECT: {"sites": {"vendor": {"enabled": False}}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects=off)
    document = machine.publish("a.exr", "vendor")

    assert finding(machine, document)["code"] == "site_problem"


def test_a_site_that_a_project_turned_off_is_not_looked_at(machine: Machine) -> None:
    off = {PROJECT: {"sites": {"vendor": {"enabled": False}}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects=off)
    document = machine.publish("a.exr", {"name": "vendor", "created_dt": datetime.now(UTC)})

    assert [one["code"] for one in story(machine, document)["findings"]] == ["available"]


def test_what_a_reactor_says_of_a_site_that_is_a_projects_own_counts(machine: Machine) -> None:
    own = {PROJECT: {"sites": {"vendor": {"root": {"work": str(machine.root("other"))}}}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects=own)
    document = machine.publish("a.exr", "vendor")
    why = {f"vendor@{PROJECT}": {"kind": "full", "why": "the disk is full"}}
    machine.register("p1", suspended=why)

    assert finding(machine, document)["code"] == "suspended"


def test_a_root_without_a_marker_is_told_with_the_command(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    (machine.root("vendor") / ".sitesync-root").unlink()

    found = story(machine, document)["findings"][1]

    assert found["code"] == "no_marker"
    assert "sitesync site init vendor" in found["text"]


def test_what_is_marked_at_a_root_that_is_not_there_is_not_seen(machine: Machine) -> None:
    document = machine.publish("a.exr")
    (machine.root("studio") / ".sitesync-root").unlink()

    (available, not_seen) = story(machine, document, "studio")["findings"]

    assert (available["code"], not_seen["code"]) == ("available", "not_seen")
    assert "sitesync site init studio" in not_seen["text"]


def test_a_site_that_only_the_document_names_is_another_machines(machine: Machine) -> None:
    document = machine.publish("a.exr", "artist-7")
    machine.register("p2", site="artist-7", seen=7200)

    found = finding(machine, document, "artist-7")

    assert found["code"] == "no_reactor"
    assert "'artist-7'" in found["todo"]
    assert found["facts"]["seen_ago_seconds"] >= 7200
