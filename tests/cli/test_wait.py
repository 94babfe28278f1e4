"""`sitesync wait` ends as soon as it is known whether files come, and says so to scripts."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId

from tests.cli.machine import PROJECT, Document, Machine

PATIENCE = 20.0
NOW = datetime(2024, 1, 1, tzinfo=UTC)
THERE = {"name": "vendor", "created_dt": NOW}
FAILED = {"name": "vendor", "tries": 3, "error": "no space"}


def answer(
    machine: Machine, documents: Sequence[ObjectId], *options: str, site: str = "vendor"
) -> Any:
    """Return what `wait` answers, for so long as it must be decided at once."""
    named = [word for document in documents for word in ("-r", str(document))]
    return machine.answer("wait", *named, "--site", site, "--timeout", "30", *options)


@contextmanager
def waiting(
    machine: Machine, document: ObjectId, *options: str
) -> Generator[Future[subprocess.CompletedProcess[str]]]:
    """Wait in a process of its own, which follows the changes when the block begins."""
    command = ("wait", "-r", str(document), "--site", "vendor", "--json", *options)
    with ThreadPoolExecutor() as calls:
        called = calls.submit(machine.run, *command)
        while not called.done() and not _is_followed(machine):
            time.sleep(0.01)
        yield called


def _is_followed(machine: Machine) -> bool:
    """Return whether somebody follows the changes of the machine's documents."""
    ours = {"ns": {"$regex": f"^{machine.database}\\."}, "cursor.tailable": True}
    running: Document = {"$currentOp": {"idleCursors": True, "allUsers": True}}
    operations: list[Document] = [running, {"$match": ours}]
    return bool(list(machine.client.admin.aggregate(operations)))


def complete(machine: Machine, document: ObjectId) -> None:
    done = {"$set": {"files.0.sites.1.created_dt": NOW}}
    machine.documents.update_one({"_id": document}, done)


def test_what_is_there_ends_at_once_with_0(machine: Machine) -> None:
    document = machine.publish("a", THERE)

    called = machine.call("wait", "-r", str(document), "--site", "vendor")

    assert called.exit_code == 0
    assert called.stdout == "available: 1 file at vendor\n"


def test_it_ends_as_soon_as_the_last_file_is_there(machine: Machine) -> None:
    document = machine.publish("a", "vendor")
    with waiting(machine, document) as called:
        complete(machine, document)
        begun = time.monotonic()
        ended = called.result(PATIENCE)

    assert time.monotonic() - begun < 2  # sooner than it would look without being told
    assert ended.returncode == 0
    told = json.loads(ended.stdout)
    assert (told["state"], told["files"], told["missing"]) == ("available", 1, [])


def test_all_representations_that_are_named_must_be_there(machine: Machine) -> None:
    there, coming = machine.publish("a", THERE), machine.publish("b", "vendor")
    with waiting(machine, coming, "-r", str(there)) as called:
        assert not called.done()
        complete(machine, coming)

    told = json.loads(called.result().stdout)
    assert (told["state"], told["files"]) == ("available", 2)


def test_all_files_of_a_representation_must_be_there(machine: Machine) -> None:
    document = machine.publish("a", THERE)
    second = {"path": "{root[work]}/b", "sites": [{"name": "vendor"}]}
    machine.documents.update_one({"_id": document}, {"$push": {"files": second}})

    told = machine.answer("wait", "-r", str(document), "--site", "vendor", "--timeout", "0.5")

    assert (told["files"], told["available"]) == (2, 1)
    assert [missing["path"] for missing in told["missing"]] == ["{root[work]}/b"]


def test_what_was_made_of_other_bytes_is_not_there(machine: Machine) -> None:
    document = machine.publish("a", {**THERE, "source_hash": "0123456789abcdef"})

    called = machine.call("wait", "-r", str(document), "--site", "vendor", "--timeout", "0.5")

    assert called.exit_code == 1


def test_what_has_failed_for_good_ends_at_once_with_why(machine: Machine) -> None:
    document = machine.publish("a", FAILED)

    told = answer(machine, [document])

    assert told["state"] == "failed"
    assert told["missing"] == [
        {
            "project": PROJECT,
            "representation": str(document),
            "path": "{root[work]}/a",
            "state": "failed",
            "tries": 3,
            "error": "no space",
        }
    ]


def test_people_are_told_what_failed_and_what_to_do(machine: Machine) -> None:
    document = machine.publish("a", FAILED)

    called = machine.call("wait", "-r", str(document), "--site", "vendor")

    assert called.exit_code == 1
    assert f"failed\t{document}\t{{root[work]}}/a\tno space" in called.stdout
    assert f"sitesync retry -r {document}" in called.stderr


def test_what_can_still_come_is_waited_for_beside_what_has_failed(machine: Machine) -> None:
    failed, coming = machine.publish("a", FAILED), machine.publish("b", "vendor")
    with waiting(machine, coming, "-r", str(failed)) as called:
        assert not called.done()
        complete(machine, coming)

    ended = called.result()
    assert ended.returncode == 1
    assert json.loads(ended.stdout)["state"] == "failed"


def test_it_gives_up_when_time_is_up_and_says_so(machine: Machine) -> None:
    document = machine.publish("a", {"name": "vendor", "paused": True})

    called = machine.call("wait", "-r", str(document), "--site", "vendor", "--timeout", "0.5s")

    assert called.exit_code == 1
    assert "time is up" in called.stderr
    assert "1 paused" in called.stderr
    assert f"sitesync resume -r {document}" in called.stderr
    assert "No reactor runs" in called.stderr


def test_on_a_terminal_it_shows_how_many_files_are_there(machine: Machine) -> None:
    document = machine.publish("a", "vendor")
    command = ("wait", "-r", str(document), "--site", "vendor", "--timeout", "1", "--json")

    called = machine.call(*command, env={"FORCE_COLOR": "1", "NO_COLOR": "1"})

    assert "at vendor" in called.stderr
    assert "0/1" in called.stderr
    assert "1 waiting" in called.stderr
    assert json.loads(called.stdout)["state"] == "timeout"


def test_a_script_tells_a_timeout_from_a_failure(machine: Machine) -> None:
    document = machine.publish("a", {"name": "vendor", "tries": 1, "error": "busy"})

    told = machine.answer("wait", "-r", str(document), "--site", "vendor", "--timeout", "0.5")

    assert told["state"] == "timeout"
    [missing] = told["missing"]
    assert (missing["state"], missing["error"]) == ("retrying", "busy")


def test_what_nothing_wants_there_ends_at_once(machine: Machine) -> None:
    document = machine.publish("a")

    assert answer(machine, [document])["state"] == "unwanted"
    called = machine.call("wait", "-r", str(document), "--site", "vendor")
    assert f"sitesync site add vendor --representation {document}" in called.stderr


def test_what_the_settings_want_there_is_waited_for(machine: Machine) -> None:
    machine.write_settings(
        {"studio": {}, "vendor": {}}, defaults={"always_accessible_on": ["vendor"]}
    )
    document = machine.publish("a")
    with waiting(machine, document) as called:
        assert not called.done()
        machine.documents.update_one({"_id": document}, {"$push": {"files.0.sites": THERE}})

    assert called.result().returncode == 0


@pytest.mark.parametrize("drop", [False, True], ids=["deleted", "with its project"])
def test_a_representation_that_goes_away_ends_it(machine: Machine, *, drop: bool) -> None:
    document = machine.publish("a", "vendor")
    with waiting(machine, document) as called:
        if drop:
            machine.documents.drop()
        else:
            machine.documents.delete_one({"_id": document})

    assert called.result().returncode == 1
    assert json.loads(called.result().stdout)["state"] == "gone"


@pytest.fixture
def without_streams(
    machine_of: Callable[..., Machine], guarded: dict[str, str]
) -> Iterator[Machine]:
    """A machine whose login may read documents, but not follow them."""
    user = uuid4().hex[:12]
    address = guarded["admin"].replace("//admin:", f"//{user}:")
    machine = machine_of(address, through=guarded["admin"])
    machine.write_settings({"studio": {}, "vendor": {}})
    anything = {"db": "", "collection": ""}
    may = [{"resource": anything, "actions": ["find", "listCollections", "listDatabases"]}]
    admin = machine.client.admin
    admin.command("createRole", user, privileges=may, roles=[])
    admin.command("createUser", user, pwd="top-secret", roles=[user])
    yield machine
    admin.command("dropUser", user)
    admin.command("dropRole", user)


def test_where_no_stream_may_be_opened_files_are_looked_at_nevertheless(
    without_streams: Machine,
) -> None:
    document = without_streams.publish("a", "vendor")
    command = ("wait", "-r", str(document), "--site", "vendor", "--timeout", "20")
    with ThreadPoolExecutor() as calls:
        called = calls.submit(without_streams.run, *command)
        complete(without_streams, document)

    assert called.result().stdout == "available: 1 file at vendor\n"


def test_local_means_this_machine(machine: Machine) -> None:
    document = machine.publish("a")

    assert answer(machine, [document], site="local")["site"] == "studio"


@pytest.mark.parametrize("wrong", ["soon", "5 days", "-1", ""])
def test_a_time_that_is_none_is_refused(machine: Machine, wrong: str) -> None:
    document = machine.publish("a", THERE)

    called = machine.call("wait", "-r", str(document), "--site", "vendor", "--timeout", wrong)

    assert called.exit_code == 2


def test_a_wrong_site_is_refused_with_the_nearest(machine: Machine) -> None:
    document = machine.publish("a", "vendor")

    called = machine.call("wait", "-r", str(document), "--site", "vendro")

    assert called.exit_code == 2
    assert "did you mean 'vendor'?" in called.stderr


@pytest.mark.parametrize("little", ["0", "0.001"])
def test_in_no_time_it_looks_at_everything_once(machine: Machine, little: str) -> None:
    there, coming = machine.publish("a", THERE), machine.publish("b", "vendor")
    command = ("wait", "-s", "vendor", "--timeout", little, "-r", str(there))

    assert machine.call(*command).exit_code == 0
    told = machine.answer(*command, "-r", str(coming))

    assert (told["state"], told["files"], told["available"]) == ("timeout", 2, 1)


def test_the_project_tells_which_is_meant_where_two_have_the_same(machine: Machine) -> None:
    document = machine.publish("a", THERE)
    copied: Document = machine.documents.find_one({"_id": document})
    machine.client[machine.database]["Bunny"].insert_one(copied)
    command = ("wait", "-r", str(document), "-s", "vendor")

    assert "--project" in machine.call(*command).stderr
    assert machine.call(*command, "--project", "Bunny").exit_code == 0
