"""`reconcile`: one pass, what it says of it, and a plan that leaves no trace."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId

from reactor.cli.reconcile.progress import Far, Lines, line
from tests.cli.machine import PROJECT, Machine

SIZE = 5_000


def put(machine: Machine, name: str, *wanted: str | dict[str, Any], **more: Any) -> ObjectId:
    """Publish a file that is really at the studio."""
    file = machine.root("studio") / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(os.urandom(SIZE))
    return machine.publish(name, *wanted, **more)


def at(machine: Machine, site: str) -> set[str]:
    """Return the names of the files at a site."""
    files = machine.root(site).rglob("*")
    return {file.name for file in files if file.is_file() and not file.name.startswith(".")}


def entry(machine: Machine, document: ObjectId, site: str) -> dict[str, Any]:
    found: Any = machine.documents.find_one({"_id": document})
    entries: list[dict[str, Any]] = found["files"][0]["sites"]
    return next(one for one in entries if one["name"] == site)


@pytest.fixture
def three(machine: Machine) -> Machine:
    """A machine with a third site, which must have every file."""
    machine.write_settings(
        sites={"studio": {}, "vendor": {}, "drive": {}},
        defaults={"always_accessible_on": ["drive"]},
    )
    machine.make_markers("drive")
    return machine


def test_all_that_is_wanted_is_brought_and_recorded(machine: Machine) -> None:
    documents = [put(machine, f"{number}.exr", "vendor") for number in range(5)]

    answer = machine.answer("reconcile")

    assert at(machine, "vendor") == {f"{number}.exr" for number in range(5)}
    assert all("created_dt" in entry(machine, one, "vendor") for one in documents)
    assert (answer["found"], answer["moved"], answer["bytes"]) == (5, 5, 5 * SIZE)
    assert answer["complete"] is True


def test_what_no_event_told_is_found(three: Machine) -> None:
    document = put(three, "a.exr")

    answer = three.answer("reconcile")

    assert answer["moved"] == 1
    assert entry(three, document, "drive")["verified"] == "checksum"


def test_people_read_one_sentence(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")

    called = machine.call("reconcile")

    assert called.exit_code == 0
    assert called.stdout.startswith("Reconciled in ")
    assert called.stdout.endswith(" s: 1 file found, 1 file moved (5.0 kB).\n")


def test_a_second_pass_has_nothing_to_do(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    machine.call("reconcile")

    answer = machine.answer("reconcile")

    assert (answer["found"], answer["moved"]) == (0, 0)


def test_a_file_that_is_there_already_is_proved_not_sent(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    there = machine.root("vendor") / "a.exr"
    there.write_bytes((machine.root("studio") / "a.exr").read_bytes())

    answer = machine.answer("reconcile")

    assert (answer["found"], answer["moved"], answer["right"], answer["bytes"]) == (1, 0, 1, 0)


def test_what_fails_is_told_with_its_error_and_ends_with_1(machine: Machine) -> None:
    put(machine, "good.exr", "vendor")
    put(machine, "gone.exr", {"name": "vendor", "tries": 2})
    (machine.root("studio") / "gone.exr").unlink()

    called = machine.call("reconcile")

    assert called.exit_code == 1
    assert "2 files found, 1 file moved (5.0 kB), 1 failed." in called.stdout
    row = called.stdout.splitlines()[-1].split("\t")
    assert row[:4] == [PROJECT, "vendor", "1", "failed"]
    assert "bring it back" in row[4]


def test_what_has_failed_before_counts_too(machine: Machine) -> None:
    put(machine, "a.exr", {"name": "vendor", "tries": 3, "error": "no such file"})

    called = machine.call("reconcile", "--json")

    assert called.exit_code == 1
    assert json.loads(called.stdout)["failed"] == 1


def test_what_waits_for_a_site_is_told_with_why_and_ends_with_1(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    machine.root("vendor").rename(machine.root("unmounted"))

    called = machine.call("reconcile")

    assert called.exit_code == 1
    assert "1 waiting" in called.stdout
    assert "sitesync site init vendor" in called.stdout


def test_what_another_process_brings_waits_for_it(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    marker = (machine.root("vendor") / ".sitesync-root").read_text().strip()
    machine.claim("a.exr", "far away")
    found: Any = machine.state["claims"].find_one_and_delete({})
    machine.state["claims"].insert_one({**found, "_id": f"{marker}/a.exr"})

    called = machine.call("reconcile")

    assert called.exit_code == 1
    assert "another process brings them now" in called.stdout
    assert at(machine, "vendor") == set()


def test_what_is_paused_stays_and_is_no_failure(machine: Machine) -> None:
    put(machine, "a.exr", {"name": "vendor", "paused": True})

    called = machine.call("reconcile")

    assert called.exit_code == 0
    assert "1 file found, 0 files moved (0 bytes), 1 paused." in called.stdout
    assert at(machine, "vendor") == set()


def test_it_can_be_narrowed_to_a_project(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    put(machine, "b.exr", "vendor", project="Other")

    machine.answer("reconcile", "--project", "Other")

    assert at(machine, "vendor") == {"b.exr"}


def test_it_can_be_narrowed_to_a_site(three: Machine) -> None:
    document = put(three, "a.exr", "vendor")

    answer = three.answer("reconcile", "--site", "vendor")

    assert (answer["found"], answer["moved"], answer["complete"]) == (1, 1, True)
    assert at(three, "drive") == set()
    found: Any = three.documents.find_one({"_id": document})
    assert {one["name"] for one in found["files"][0]["sites"]} == {"studio", "vendor"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--project", "Shwo"), "did you mean 'Show'?"),
        (("--site", "vendro"), "did you mean 'vendor'?"),
        (("--site", "archive"), "is not served by this machine"),
        (("--project", "Off"), "nothing of Off is served by this machine"),
    ],
)
def test_a_wrong_name_ends_with_2_and_a_hint(
    machine: Machine, arguments: tuple[str, str], told: str
) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {}, "archive": {}},
        projects={"Off": {"enabled": False}},
    )
    put(machine, "a.exr", "vendor")
    put(machine, "b.exr", "vendor", project="Off")

    for more in ((), ("--dry-run",)):
        called = machine.call("reconcile", *arguments, *more)

        assert called.exit_code == 2
        assert told in called.stderr


def test_it_keeps_no_place_in_the_stream_and_takes_none_over(machine: Machine) -> None:
    kept = {"_id": "theirs", "process": "gone", "token": {"_data": "82"}, "fingerprint": "f"}
    machine.state["cursors"].insert_one(dict(kept))
    put(machine, "a.exr", "vendor")

    machine.answer("reconcile")

    cursors = list(machine.state["cursors"].find({"token": {"$exists": True}}))
    assert cursors == [kept]
    assert machine.state["reactors"].count_documents({}) == 0
    assert machine.state["claims"].count_documents({}) == 0


# The plan.


def snapshot(machine: Machine) -> tuple[object, ...]:
    """Return all that a pass could leave a trace in."""
    names = sorted(machine.client.list_database_names())
    documents = list(machine.documents.find(sort=[("_id", 1)]))
    indexes = sorted(machine.documents.index_information())
    files = sorted(str(file) for file in machine.folder.rglob("*"))
    return names, documents, indexes, files


def test_a_dry_run_changes_nothing_at_all(three: Machine) -> None:
    put(three, "a.exr", "vendor")
    put(three, "b.exr")
    before = snapshot(three)

    called = three.call("reconcile", "--dry-run")

    assert called.exit_code == 1
    assert snapshot(three) == before
    assert three.state_database not in three.client.list_database_names()


def test_a_dry_run_prints_the_plan(three: Machine) -> None:
    put(three, "a.exr", "vendor")

    called = three.call("reconcile", "--dry-run")

    path = "{root[work]}/a.exr"
    assert [one.split("\t") for one in called.stdout.splitlines()] == [
        ["what", "project", "site", "path", "size", "why"],
        ["add entry", PROJECT, "drive", path, "-", "a setting asks for it"],
        ["bring", PROJECT, "drive", path, "5.0 kB", "from studio"],
        ["bring", PROJECT, "vendor", path, "5.0 kB", "from studio"],
    ]
    assert "To do: add entry ×1, bring ×2; 10.0 kB to move." in called.stderr


def test_a_plan_is_one_object_for_scripts(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    put(machine, "b.exr", {"name": "vendor", "paused": True})

    answer = machine.answer("reconcile", "--dry-run")

    assert answer == {
        "steps": [
            {
                "project": PROJECT,
                "site": "vendor",
                "path": "{root[work]}/a.exr",
                "what": "bring",
                "size": SIZE,
                "why": "from studio",
            }
        ],
        "bytes": SIZE,
        "paused": 0,
    }


def test_what_an_operator_has_paused_is_counted_apart(machine: Machine) -> None:
    put(machine, "a.exr", "vendor")
    machine.state["pauses"].insert_one({"project": PROJECT})

    called = machine.call("reconcile", "--dry-run")

    assert called.exit_code == 0
    assert "1 file wanted where it is paused" in called.stderr


def test_a_plan_of_nothing_is_one_friendly_line(machine: Machine) -> None:
    put(machine, "a.exr")

    called = machine.call("reconcile", "--dry-run")

    assert called.exit_code == 0
    assert called.stdout == "Nothing to do: every file is where it should be.\n"


def test_the_plan_is_what_the_pass_then_does(three: Machine) -> None:
    put(three, "a.exr", "vendor")
    put(three, "b.exr")
    planned = three.answer("reconcile", "--dry-run")

    done = three.answer("reconcile")

    brought = [step for step in planned["steps"] if step["what"] == "bring"]
    assert (len(brought), planned["bytes"]) == (done["moved"], done["bytes"])


# Progress.


def test_progress_is_a_line_with_rate_and_eta() -> None:
    text = line(Far(3, 40, 1_200_000_000, 3_400_000_000), rate=12_000_000)

    assert text == "3 of 40 files, 1.2 GB of 3.4 GB, 12.0 MB/s, ETA 3 min 3 s"


def test_without_a_rate_there_is_no_eta() -> None:
    assert line(Far(0, 1, 0, 5), rate=0) == "0 of 1 files, 0 bytes of 5 bytes"


def test_lines_come_every_few_seconds_and_only_when_something_moved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    lines = Lines()
    for seconds, files in ((1.0, 1), (10.0, 2), (11.0, 3), (25.0, 2), (25.1, 5)):
        now = 100.0 + seconds
        lines.show(Far(files, 5, files * 100, 500))

    captured = capsys.readouterr()
    assert captured.out == ""
    assert [one[:12] for one in captured.err.splitlines()] == ["2 of 5 files", "5 of 5 files"]


def test_a_missing_disk_is_no_traceback(machine: Machine, tmp_path: Path) -> None:
    put(machine, "a.exr", {"name": "vendor", "tries": 2})
    machine.root("studio").rename(tmp_path / "away")

    called = machine.call("reconcile")

    assert called.exit_code == 1
    assert "Traceback" not in called.output
