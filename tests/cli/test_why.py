"""`sitesync why` reads everything there is to know, and tells it to people and to scripts."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from tests.cli.asking_why import lines, story
from tests.cli.machine import PROJECT, Machine

Document = dict[str, Any]


def attempt(machine: Machine, name: str, **fields: Any) -> None:
    """Log an attempt as reactors do, a minute ago."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    line = {"outcome": "failed", "project": PROJECT, "site": "vendor", "source": "studio"}
    amounts = {"bytes": 4_000_000, "sent": 1_000_000, "ms": 320.4}
    path = f"{{root[work]}}/{name}"
    machine.state["attempts"].insert_one({**line, **amounts, "path": path, "at": at, **fields})


def test_a_file_that_was_brought_there_is_told_with_its_proof(machine: Machine) -> None:
    (machine.root("studio") / "a.exr").write_bytes(b"pixels" * 1000)
    document = machine.publish("a.exr", "vendor")
    with machine.serving():
        deadline = time.monotonic() + 30
        while (
            machine.call("why", str(document), "vendor").exit_code and time.monotonic() < deadline
        ):
            time.sleep(0.1)

    told = story(machine, document)

    codes = [one["code"] for one in told["findings"]]
    assert codes == ["available", "seen"]
    assert told["findings"][0]["facts"]["checksum"].startswith("xxh128:")
    assert told["findings"][0]["facts"]["since"].endswith(" UTC")
    assert [one["outcome"] for one in told["attempts"]] == ["available"]


def test_the_exit_code_tells_whether_it_is_there(machine: Machine) -> None:
    (machine.root("vendor") / "a.exr").write_bytes(b"pixels")
    (machine.root("studio") / "a.exr").write_bytes(b"pixels")
    there = machine.publish("a.exr", {"name": "vendor", "created_dt": datetime.now(UTC)})
    wanted = machine.publish("b.exr", "vendor")

    assert machine.call("why", str(there), "vendor").exit_code == 0
    assert machine.call("why", str(wanted), "vendor").exit_code == 1


def test_a_file_may_be_named_by_its_path(machine: Machine) -> None:
    machine.publish("shots/a.exr", "vendor")

    answer = machine.answer("why", str(machine.root("studio") / "shots/a.exr"), "vendor")

    assert answer["stories"][0]["example"] == "{root[work]}/shots/a.exr"


def test_a_failure_is_told_with_its_last_attempts(machine: Machine) -> None:
    document = machine.publish("a.exr", {"name": "vendor", "tries": 3, "error": "no space left"})
    attempt(machine, "a.exr", error="no space left")
    attempt(machine, "b.exr", error="of another file")
    attempt(machine, "a.exr", error="of another project", project="Other")
    attempt(machine, "a.exr", error="of another site", site="studio")
    machine.register("p1")

    called = lines(machine, document)

    assert "  It failed at 'vendor', and its 3 tries are used up: no space left" in called
    told = called[called.index("  The last attempts:") + 1]
    assert told.startswith("    1 min ")
    assert told.endswith(
        " ago: failed at 'vendor' from 'studio', 1.0 MB sent of 4.0 MB in 320 ms: no space left"
    )
    assert not any("of another" in line for line in called)


def test_the_last_attempts_come_latest_first_and_are_few(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    for number in range(5):
        at = datetime.now(UTC) - timedelta(minutes=5 - number)
        attempt(machine, "a.exr", error=f"number {number}", at=at)

    errors = [one["error"] for one in story(machine, document)["attempts"]]

    assert errors == ["number 4", "number 3", "number 2"]


def test_each_story_has_the_attempts_of_its_own_example(machine: Machine) -> None:
    document = machine.publish("a.exr", {"name": "vendor", "paused": True})
    other = machine.documents.find_one(machine.publish("b.exr", "vendor"))["files"][0]
    machine.documents.update_one({"_id": document}, {"$push": {"files": other}})
    attempt(machine, "a.exr", error="of a")
    attempt(machine, "b.exr", error="of b")

    told = machine.answer("why", str(document), "vendor")["stories"]

    errors = {one["example"][-5:]: [a["error"] for a in one["attempts"]] for one in told}
    assert errors == {"a.exr": ["of a"], "b.exr": ["of b"]}


def test_frames_with_the_same_story_are_told_together(machine: Machine) -> None:
    document = machine.publish("f.exr", "vendor")
    file = machine.documents.find_one(document)["files"][0]
    failed = {"name": "vendor", "tries": 3}
    frames = [
        {
            **file,
            "path": f"{{root[work]}}/f.{number}.exr",
            "sites": [file["sites"][0], {**failed, "error": f"f.{number}.exr: no space left"}],
        }
        for number in range(3000)
    ]
    machine.documents.update_one({"_id": document}, {"$push": {"files": {"$each": frames}}})
    machine.register("p1")

    answer = machine.answer("why", str(document), "vendor")
    called = machine.call("why", str(document), "vendor").stdout.splitlines()

    assert [one["files"] for one in answer["stories"]] == [3000, 1]
    assert len(called) < 20
    assert "3000 files: for example {root[work]}/f.0.exr (1.0 MB)" in called


def test_not_every_file_of_a_long_sequence_is_looked_at(machine: Machine) -> None:
    document = machine.publish("f.exr")
    file = machine.documents.find_one(document)["files"][0]
    frames = [{**file, "path": f"{{root[work]}}/f.{number}.exr"} for number in range(510)]
    machine.documents.update_one({"_id": document}, {"$set": {"files": frames}})

    told = machine.answer("why", str(document), "studio")["stories"]

    found = [(one["files"], [f["code"] for f in one["findings"]]) for one in told]
    assert found == [(500, ["gone", "available"]), (10, ["available", "not_seen"])]


def test_of_a_document_partly_there_it_is_told_how_much(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    (machine.root("vendor") / "b.exr").write_bytes(b"pixels")
    (machine.root("studio") / "b.exr").write_bytes(b"pixels")
    other = machine.publish("b.exr", {"name": "vendor", "created_dt": datetime.now(UTC)})
    there = machine.documents.find_one(other)["files"][0]
    machine.documents.update_one({"_id": document}, {"$push": {"files": there}})

    assert lines(machine, document)[0] == (
        f"Representation {document} of project '{PROJECT}' is not whole at 'vendor': "
        "1 of 2 files are there."
    )


def test_very_many_stories_are_cut_and_counted(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    file = machine.documents.find_one(document)["files"][0]
    files = [
        {**file, "sites": [{"name": "vendor", "tries": 3, "error": f"error {number}"}]}
        for number in range(30)
    ]
    machine.documents.update_one({"_id": document}, {"$set": {"files": files}})

    answer = machine.answer("why", str(document), "vendor")

    assert (len(answer["stories"]), answer["more_stories"]) == (20, 10)
    assert "10 files more, with 10 other stories." in lines(machine, document)


def test_a_document_without_files_is_told(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    machine.documents.update_one({"_id": document}, {"$set": {"files": None}})

    answer = machine.answer("why", str(document), "vendor")

    assert answer["flaw"]["text"] == "The document cannot be served: the document has no files"
    assert answer["flaw"]["todo"] == "publish it again"
    assert answer["available"] is False


def test_an_error_cannot_steer_the_terminal(machine: Machine) -> None:
    error = "gone\x1b[2J\nAll is well."
    document = machine.publish("a.exr", {"name": "vendor", "tries": 3, "error": error})

    called = machine.call("why", str(document), "vendor").stdout

    assert "\x1b" not in called
    assert "All is well." not in called.splitlines()


def test_local_means_this_machine(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")

    assert machine.answer("why", str(document), "local")["site"] == "studio"


def test_an_unknown_site_is_answered_with_the_nearest(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")

    called = machine.call("why", str(document), "vendro")

    assert called.exit_code == 2
    assert "did you mean 'vendor'?" in called.stderr


def test_an_unknown_representation_is_wrong_use(machine: Machine) -> None:
    machine.publish("a.exr", "vendor")

    assert machine.call("why", str(ObjectId()), "vendor").exit_code == 2


def test_why_changes_nothing(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")
    before = machine.documents.find_one(document)

    machine.call("why", str(document), "vendor")

    assert machine.documents.find_one(document) == before
    assert machine.state.list_collection_names() == []
    assert [path.name for path in machine.root("vendor").iterdir()] == [".sitesync-root"]


def test_its_object_has_stable_keys(machine: Machine) -> None:
    document = machine.publish("a.exr", "vendor")

    answer = machine.answer("why", str(document), "vendor")

    assert sorted(answer) == [
        "available",
        "available_files",
        "files",
        "flaw",
        "more_stories",
        "project",
        "published",
        "reactors",
        "representation",
        "site",
        "stories",
    ]
    assert sorted(answer["stories"][0]) == [
        "attempts",
        "available",
        "bytes",
        "example",
        "files",
        "files_before",
        "findings",
    ]
