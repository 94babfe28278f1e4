from __future__ import annotations

from typing import Any

import pytest

from reactor import backlog
from tests.cli.machine import PROJECT, Machine


def site(machine: Machine, name: str = "vendor") -> Any:
    """Return what `status` says of one site."""
    found = [one for one in machine.answer("status")["sites"] if one["site"] == name]
    assert len(found) == 1
    return found[0]


def failed(error: str, tries: int = 3) -> dict[str, Any]:
    return {"name": "vendor", "tries": tries, "error": error}


def test_where_nothing_is_wanted_one_line_says_so(machine: Machine) -> None:
    machine.publish("a.exr")
    machine.register("p1")

    called = machine.call("status")

    assert called.exit_code == 0
    assert called.stdout.splitlines()[0] == "Nothing is wanted: every file is where it should be."
    assert "wanted\t" not in called.stdout


def test_wanted_files_are_counted_by_state(machine: Machine) -> None:
    later = machine.retry_in(60)
    machine.publish("a.exr", "vendor", size=10)
    machine.publish("b.exr", "vendor", size=20)
    machine.publish("c.exr", {"name": "vendor", "paused": True}, size=40)
    machine.publish("d.exr", {"name": "vendor", "tries": 1, "retry_at": later}, size=80)
    machine.publish("e.exr", failed("no such file"), size=160)

    found = site(machine)

    states = {key: found[key] for key in ("wanted", "waiting", "paused", "retrying", "failed")}
    assert states == {"wanted": 5, "waiting": 2, "paused": 1, "retrying": 1, "failed": 1}
    assert found["bytes"] == 150


def test_retry_at_without_tries_is_ignored(machine: Machine) -> None:
    machine.publish("a.exr", {"name": "vendor", "retry_at": machine.retry_in(60)})

    assert site(machine)["waiting"] == 1


def test_files_are_counted_not_documents(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    file = machine.documents.find_one(document)["files"][0]
    machine.documents.update_one({"_id": document}, {"$set": {"files": [file] * 3}})

    assert site(machine)["wanted"] == 3


def test_available_files_of_a_document_are_not_counted(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    there = machine.documents.find_one(machine.publish("b.exr"))["files"][0]
    machine.documents.update_one({"_id": document}, {"$push": {"files": there}})

    assert site(machine)["wanted"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("files.0.size", float("nan")),
        ("files.0.size", "big"),
        ("files.0.path", None),
        ("files.0.sites.0", None),
        ("files.0.sites.0", [{"name": "vendor"}]),
        ("files.0.sites.1.tries", "many"),
        ("files.0.sites.1.retry_at", "soon"),
        ("files.0.sites.1.priority", float("inf")),
        ("files.1", None),
        ("files.1", {"sites": {"vendor": {}}}),
    ],
)
def test_odd_documents_of_other_programs_are_counted_all_the_same(
    machine: Machine, field: str, value: object
) -> None:
    document = machine.publish("a.exr", "vendor")
    machine.documents.update_one({"_id": document}, {"$set": {field: value}})

    assert site(machine)["wanted"] == 1
    assert len(machine.answer("queue")["entries"]) == 1


def test_a_failure_is_told_by_the_exit_code(machine: Machine) -> None:
    machine.publish("a.exr", failed("no such file"))

    assert machine.call("status").exit_code == 1


def test_what_waits_for_another_try_has_not_failed(machine: Machine) -> None:
    machine.publish("a.exr", failed("no such file", tries=2))

    assert machine.call("status").exit_code == 0


def test_errors_that_differ_in_the_path_alone_are_one(machine: Machine) -> None:
    machine.publish("shots/a.exr", failed("shots/a.exr at 'studio' is gone"))
    machine.publish("shots/b.exr", failed("shots/b.exr at 'studio' is gone"))
    machine.publish("shots/c.exr", failed("/mnt/shots/c.exr: permission denied"))

    errors = site(machine)["errors"]

    assert [(one["error"], one["files"]) for one in errors] == [
        ("… at 'studio' is gone", 2),
        ("/mnt/…: permission denied", 1),
    ]
    assert errors[0]["example"] == "{root[work]}/shots/a.exr"


def test_a_failed_file_is_shown_with_what_to_do(machine: Machine) -> None:
    machine.publish("a.exr", failed("the disk is\nfull"))

    lines = machine.call("status").stdout.splitlines()

    assert f"{PROJECT}\tvendor\t1\tthe disk is full\t{{root[work]}}/a.exr" in lines
    assert any("sitesync retry" in line for line in lines)


def test_progress_is_read_from_claims(machine: Machine) -> None:
    machine.publish("a.exr", "vendor", size=4_000_000)
    machine.publish("b.exr", "vendor", size=4_000_000)
    machine.claim("a.exr", "p1", done=1_000_000, size=4_000_000, rate=1_000_000)

    found = site(machine)

    assert [one["path"] for one in found["running"]] == ["{root[work]}/a.exr"]
    assert found["rate"] == 1_000_000
    assert found["eta_seconds"] == 7
    assert found["waiting"] == 1


def test_a_claim_that_shows_nothing_yet_is_completed_from_its_reactor(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")
    doing = {"work": "{root[work]}/a.exr", "to": "vendor", "from": "studio"}
    machine.register("p1", running=[{**doing, "size": 1000, "done": 400, "rate": 100}])
    machine.claim("a.exr", "p1")

    running = site(machine)["running"][0]

    assert (running["done"], running["source"], running["eta_seconds"]) == (400, "studio", 6)


def test_a_transfer_to_an_alternative_runs_for_both(machine: Machine) -> None:
    web = {"alternative_sites": ["vendor"]}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "vendor_web": web})
    machine.publish("a.exr", "vendor", "vendor_web")
    machine.claim("a.exr", "p1")

    assert len(site(machine, "vendor_web")["running"]) == 1


@pytest.mark.parametrize("more", [{"lease": -1}, {"lease": -1e6, "process": None, "over": True}])
def test_claims_that_nobody_works_on_do_not_run(machine: Machine, more: dict[str, Any]) -> None:
    claimed: dict[str, Any] = {"process": "p1", **more}
    machine.publish("a.exr", "vendor")
    machine.claim("a.exr", **claimed)

    assert site(machine)["running"] == []


@pytest.mark.parametrize("pause", [{}, {"project": PROJECT}, {"site": "vendor"}])
def test_a_pause_covers_what_waits(machine: Machine, pause: dict[str, str]) -> None:
    machine.publish("a.exr", "vendor")
    machine.state["pauses"].insert_one(dict(pause))

    found = site(machine)

    assert (found["waiting"], found["paused"]) == (0, 1)


def test_suspended_sites_are_shown_with_their_reason(machine: Machine) -> None:
    suspended = {"vendor": {"kind": "login", "why": "the password is refused"}}
    machine.register("p1", suspended=suspended)

    called = machine.call("status")

    assert "vendor\trender-07\tlogin\tthe password is refused" in called.stdout.splitlines()


def test_each_reactor_is_shown_with_what_it_does_and_the_silent_apart(machine: Machine) -> None:
    running = [{"work": "{root[work]}/shot/a.1001.exr", "to": "vendor"}]
    machine.register("p1", running_count=2, running=running, waiting=5)
    machine.register("p2", seen=60)

    answer = machine.answer("status")
    [reactor], [silent] = answer["reactors"], answer["silent"]
    lines = machine.call("status").stdout.splitlines()

    del reactor["seen_seconds_ago"], reactor["watches"]
    assert reactor == {
        "host": "render-07",
        "pid": 4711,
        "site": "studio",
        "running": 2,
        "waiting": 5,
        "relays": False,
        "doing": [{"path": "{root[work]}/shot/a.1001.exr", "site": "vendor"}],
    }
    assert silent["seen_seconds_ago"] >= 60
    assert any("a.1001.exr to vendor, and 1 more" in line for line in lines)
    assert any("does not answer" in line for line in lines)


def watch(mode: str = "live", why: str = "", vanished: int = 0) -> dict[str, Any]:
    return {
        "site": "studio",
        "folder": "/mnt/projects",
        "mode": mode,
        "why": why,
        "vanished": vanished,
    }


def test_a_disk_that_is_not_watched_is_shown_with_the_reason(machine: Machine) -> None:
    machine.register("p1", watches=[watch("surveyed", "it is a network mount"), watch()])

    [line] = [line for line in machine.call("status").stdout.splitlines() if "/mnt" in line]
    assert "it is a network mount" in line
    [reactor] = machine.answer("status")["reactors"]
    assert [one["mode"] for one in reactor["watches"]] == ["surveyed", "live"]


def test_too_many_vanished_files_are_shown_with_what_to_do(machine: Machine) -> None:
    machine.register("p1", watches=[watch(vanished=812)])

    assert "812 files" in (answer := machine.call("status").stdout)
    assert "--confirm-removals" in answer


def test_where_no_reactor_runs_it_says_how_to_start_one(machine: Machine) -> None:
    assert "sitesync run" in machine.call("status").stdout


def test_sites_of_other_machines_are_shown_if_they_ran_lately(machine: Machine) -> None:
    machine.publish("a.exr", "artist-1", "artist-2")
    machine.register("p1", site="artist-1", seen=3600)

    assert [one["site"] for one in machine.answer("status")["sites"]] == ["artist-1"]


def test_counting_ends_at_a_limit_and_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "MOST", 2)
    monkeypatch.setattr("reactor.standing.MOST", 2)
    monkeypatch.setattr("reactor.cli.status.MOST", 2)
    for name in "abcd":
        machine.publish(f"{name}.exr", "vendor")

    assert site(machine)["more"] is True
    assert "more than 2" in machine.call("status").stdout


def test_one_project_can_be_asked_about(machine: Machine) -> None:
    machine.publish("a.exr", "vendor", project="Bunny")
    machine.publish("b.exr", "vendor", project="Agent")

    answer = machine.answer("status", "--project", "Bunny")

    assert [one["project"] for one in answer["sites"]] == ["Bunny"]


def test_an_unknown_project_is_refused_with_the_nearest(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")

    called = machine.call("status", "-p", "Shaw")

    assert called.exit_code == 2
    assert "there is no project 'Shaw' (did you mean 'Show'?)" in called.stderr
    assert called.stdout == ""


def test_projects_that_are_turned_off_are_left_out(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={PROJECT: {"enabled": False}}
    )
    machine.publish("a.exr", "vendor")

    assert machine.answer("status")["sites"] == []


def test_the_wanted_index_serves_the_counting(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")
    keys = [("files.sites.name", 1), ("files.sites.created_dt", 1), ("_id", 1)]
    partial = {"type": "representation"}
    machine.documents.create_index(keys, name="sitesync_wanted", partialFilterExpression=partial)

    command: dict[str, Any] = {
        "aggregate": PROJECT,
        "pipeline": backlog.totals("vendor", 3),
        "cursor": {},
    }
    plan = machine.client[machine.database].command("explain", command)

    assert "'indexName': 'sitesync_wanted'" in str(plan)
    assert """'files.sites.name': ['["vendor", "vendor"]']""" in str(plan)


def test_status_writes_nothing(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")

    machine.call("status")

    assert machine.state.list_collection_names() == []


def test_on_a_terminal_paths_keep_their_brackets(machine: Machine) -> None:
    machine.publish("a.exr", failed("gone"))

    called = machine.call("status", env={"FORCE_COLOR": "1", "COLUMNS": "200"})

    assert "{root[work]}/a.exr" in called.stdout


@pytest.mark.parametrize(("columns", "has_rules"), [(40, False), (80, False), (160, True)])
def test_a_table_that_is_wider_than_the_terminal_has_plain_lines(
    machine: Machine, columns: int, *, has_rules: bool
) -> None:
    machine.publish("a.exr", "vendor")

    shown = machine.call("status", env={"FORCE_COLOR": "1", "COLUMNS": str(columns)}).stdout

    assert ("┃" in shown) is has_rules
    assert "retrying" in shown
