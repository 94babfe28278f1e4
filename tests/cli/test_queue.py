from __future__ import annotations

import re
from typing import Any

from tests.cli.machine import PROJECT, Machine


def names(machine: Machine, *arguments: str) -> list[str]:
    """Return the names of the files that `queue` shows, in its order."""
    entries = machine.answer("queue", *arguments)["entries"]
    return [entry["path"].rpartition("/")[2] for entry in entries]


def row(machine: Machine, name: str) -> list[str]:
    """Return the columns of one file's line."""
    rows = [line.split("\t") for line in machine.call("queue").stdout.splitlines()]
    return next(one for one in rows if one[4].endswith(name))


def entry(**fields: Any) -> dict[str, Any]:
    return {"name": "vendor", **fields}


def test_higher_priorities_come_first_and_then_who_came_first(machine: Machine) -> None:
    machine.publish("second", "vendor")
    machine.publish("last", entry(priority=10))
    machine.publish("third", entry(priority=50))
    machine.publish("first", entry(priority=90))

    assert names(machine) == ["first", "second", "third", "last"]


def test_what_runs_comes_first_then_waits_then_rests_then_has_failed(machine: Machine) -> None:
    machine.publish("failed", entry(tries=3, error="gone", priority=90))
    machine.publish("paused", entry(paused=True, priority=90))
    machine.publish("later", entry(tries=1, retry_at=machine.retry_in(60), priority=90))
    machine.publish("waiting", entry(priority=60))
    machine.publish("running", entry(priority=10))
    machine.claim("running", "p1")

    assert names(machine) == ["running", "waiting", "later", "paused", "failed"]


def test_of_those_that_rest_the_first_to_be_tried_comes_first(machine: Machine) -> None:
    machine.publish("second", entry(tries=1, retry_at=machine.retry_in(60)))
    machine.publish("first", entry(tries=2, retry_at=machine.retry_in(30)))

    assert names(machine) == ["first", "second"]


def test_what_may_be_tried_again_now_waits(machine: Machine) -> None:
    machine.publish("a", entry(tries=1, retry_at=machine.retry_in(-1)))

    assert row(machine, "a")[1] == "waiting"


def test_a_running_file_shows_how_far_it_is(machine: Machine) -> None:
    machine.publish("a", "vendor")
    machine.claim("a", "p1", done=42_000_000, size=100_000_000, rate=12_000_000)

    assert row(machine, "a")[1] == "running 42 % 12.0 MB/s ETA 5 s"


def test_a_retry_shows_when_and_why(machine: Machine) -> None:
    machine.publish("a", entry(tries=2, retry_at=machine.retry_in(120), error="it changed"))

    shown = row(machine, "a")[1]

    assert re.fullmatch(r"retry in (1 min \d+|2 min 0) s \(2 of 3 tries: it changed\)", shown)


def test_a_failure_shows_its_error(machine: Machine) -> None:
    machine.publish("a", entry(tries=3, error="no such file"))

    assert row(machine, "a")[1] == "failed: no such file"


def test_a_line_has_priority_state_project_site_path_and_size(machine: Machine) -> None:
    machine.publish("shots/a.exr", entry(priority=70), size=1_500_000)

    path = "{root[work]}/shots/a.exr"
    assert row(machine, "a.exr") == ["70", "waiting", PROJECT, "vendor", path, "1.5 MB"]


def test_a_pause_of_the_project_is_shown_at_each_file(machine: Machine) -> None:
    machine.publish("a", "vendor")
    machine.state["pauses"].insert_one({"project": PROJECT})

    assert row(machine, "a")[1] == "paused"


def test_the_limit_cuts_at_the_end_and_says_so(machine: Machine) -> None:
    for priority in (10, 30, 20):
        machine.publish(f"p{priority}", entry(priority=priority))

    answer = machine.answer("queue", "--limit", "2")

    assert [one["priority"] for one in answer["entries"]] == [30, 20]
    assert answer["more"] is True


def test_running_files_leave_room_for_no_more_than_the_limit(machine: Machine) -> None:
    for name in ("a", "b", "c", "d"):
        machine.publish(name, "vendor")
    machine.claim("c", "p1")
    machine.claim("d", "p1")

    assert names(machine, "--limit", "3") == ["c", "d", "a"]


def test_one_site_can_be_asked_about(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {}, "archive": {}})
    machine.publish("a", "vendor", "archive")

    sites = [one["site"] for one in machine.answer("queue", "--site", "archive")["entries"]]

    assert sites == ["archive"]


def test_an_unknown_site_is_refused_with_the_nearest(machine: Machine) -> None:
    called = machine.call("queue", "--site", "vendro")

    assert called.exit_code == 2
    assert "did you mean 'vendor'?" in called.stderr


def test_local_means_this_machine(machine: Machine) -> None:
    document = machine.publish("a")
    machine.documents.update_one({"_id": document}, {"$unset": {"files.0.sites.0.created_dt": 1}})

    entries = machine.answer("queue", "--site", "local")["entries"]

    assert [one["site"] for one in entries] == ["studio"]


def test_an_empty_queue_is_one_friendly_line(machine: Machine) -> None:
    called = machine.call("queue")

    assert called.exit_code == 0
    assert called.stdout == "Nothing is wanted: every file is where it should be.\n"


def test_no_document_can_steer_the_terminal(machine: Machine) -> None:
    machine.publish("a", entry(tries=3, error="\x1b[2Jgone\tand\nlost"))

    assert row(machine, "a")[1] == "failed:  [2Jgone and lost"
