"""`sitesync pause` and `resume` stop exactly what is named, and tell what else is stopped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId

from tests.cli.machine import PROJECT, Machine


def levels(machine: Machine) -> list[tuple[str | None, str | None]]:
    """Return what is paused, in order."""
    found = machine.state["pauses"].find()
    return sorted(((one["project"], one["site"]) for one in found), key=str)


def entries(machine: Machine, document: ObjectId) -> dict[str, Any]:
    """Return the entries of a document's only file by site."""
    found = machine.documents.find_one({"_id": document})
    return {entry["name"]: entry for entry in found["files"][0]["sites"]}


def done(machine: Machine, *arguments: str) -> list[str]:
    """Call the program, which succeeds, and return the lines that it says."""
    called = machine.call(*arguments)
    assert called.exit_code == 0, called.output
    return called.stdout.splitlines()


@pytest.mark.parametrize(
    ("options", "level"),
    [
        ((), (None, None)),
        (("--project", PROJECT), (PROJECT, None)),
        (("--site", "vendor"), (None, "vendor")),
        (("--site", "local"), (None, "studio")),
        (("--project", PROJECT, "--site", "vendor"), (PROJECT, "vendor")),
    ],
    ids=["everything", "a project", "a site", "this machine's site", "both"],
)
def test_what_is_named_is_paused_and_resumed(
    machine: Machine, options: tuple[str, ...], level: tuple[str | None, str | None]
) -> None:
    machine.publish("a", "vendor")

    done(machine, "pause", *options)
    assert levels(machine) == [level]

    done(machine, "resume", *options)
    assert levels(machine) == []


def test_what_is_paused_twice_is_resumed_at_once(machine: Machine) -> None:
    done(machine, "pause")
    done(machine, "pause")
    done(machine, "resume")

    assert levels(machine) == []


def test_two_operators_at_once_make_one_pause(machine: Machine) -> None:
    with ThreadPoolExecutor() as operators:
        calls = [operators.submit(machine.run, "pause") for _ in range(3)]
    assert [call.result().returncode for call in calls] == [0, 0, 0]

    assert levels(machine) == [(None, None)]


def test_status_tells_who_paused_first_and_when(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user in ("ada", "bob"):
        monkeypatch.setenv("LOGNAME", user)
        done(machine, "pause")

    [pause] = machine.answer("status")["pauses"]

    assert pause["by"].startswith("ada@")
    assert 0 <= pause["paused_seconds_ago"] < 60
    [line] = [line for line in done(machine, "status") if line.startswith("every project")]
    assert line.split("\t")[1:3] == ["every site", pause["by"]]


def test_a_pause_says_how_to_go_on(machine: Machine) -> None:
    machine.publish("a", "vendor")

    [said] = done(machine, "pause", "--project", PROJECT, "--site", "vendor")

    assert said.endswith(f"Go on with: sitesync resume --project {PROJECT} --site vendor")


def test_resuming_a_project_tells_of_the_pause_that_still_covers_it(machine: Machine) -> None:
    machine.publish("a", "vendor")
    done(machine, "pause")
    done(machine, "pause", "--project", PROJECT)

    said = done(machine, "resume", "--project", PROJECT)

    assert said[0] == f"resumed: project {PROJECT}, every site"
    assert said[1].startswith("still paused by ")
    assert said[1].endswith("every project, every site. End it with: sitesync resume")
    assert levels(machine) == [(None, None)]


def test_resuming_everything_leaves_and_tells_the_pause_of_a_project(machine: Machine) -> None:
    machine.publish("a", "vendor")
    done(machine, "pause", "--project", PROJECT)

    said = done(machine, "resume")

    assert said[0] == "was not paused: every project, every site"
    assert said[1].endswith(f"End it with: sitesync resume --project {PROJECT}")
    assert levels(machine) == [(PROJECT, None)]


def test_a_pause_of_something_else_is_not_told(machine: Machine) -> None:
    machine.publish("a", "vendor")
    machine.publish("b", "vendor", project="Bunny")
    done(machine, "pause", "--project", PROJECT)
    done(machine, "pause", "--project", "Bunny")

    assert len(done(machine, "resume", "--project", PROJECT)) == 1


def test_a_pause_that_another_tool_wrote_is_resumed(machine: Machine) -> None:
    machine.state["pauses"].insert_one({"site": "vendor", "by": 5, "at": "yesterday"})

    assert machine.answer("status")["pauses"][0]["by"] is None
    done(machine, "resume", "--site", "vendor")

    assert machine.state["pauses"].count_documents({}) == 0


def test_a_site_is_paused_with_its_alternatives(machine: Machine) -> None:
    machine.write_settings({"studio": {}, "vendor": {"alternative_sites": ["nas"]}, "nas": {}})

    done(machine, "pause", "--site", "nas")
    assert levels(machine) == [(None, "nas"), (None, "vendor")]

    done(machine, "resume", "--site", "vendor")
    assert levels(machine) == []


def test_what_is_gone_from_settings_and_database_can_still_be_resumed(machine: Machine) -> None:
    machine.state["pauses"].insert_one({"project": "Gone", "site": "old"})

    done(machine, "resume", "--project", "Gone", "--site", "old")

    assert machine.state["pauses"].count_documents({}) == 0


@pytest.mark.parametrize("command", ["pause", "resume"])
@pytest.mark.parametrize(
    ("options", "nearest"),
    [(("--project", "Shwo"), "'Show'"), (("--site", "vendro"), "'vendor'")],
    ids=["project", "site"],
)
def test_a_wrong_name_is_refused_with_the_nearest(
    machine: Machine, command: str, options: tuple[str, ...], nearest: str
) -> None:
    machine.publish("a", "vendor")

    called = machine.call(command, *options)

    assert called.exit_code == 2
    assert f"did you mean {nearest}?" in called.stderr
    assert levels(machine) == []


def test_a_representations_wanted_entries_are_paused_and_others_stay(machine: Machine) -> None:
    machine.write_settings({"studio": {}, "vendor": {}, "farm": {}})
    document = machine.publish("a", "vendor", "farm")
    other = machine.publish("b", "vendor")

    done(machine, "pause", "--representation", str(document))

    assert {name: "paused" in entry for name, entry in entries(machine, document).items()} == {
        "studio": False,
        "vendor": True,
        "farm": True,
    }
    assert "paused" not in entries(machine, other)["vendor"]


def test_resuming_a_representation_unsets_what_openpype_tests_for(machine: Machine) -> None:
    document = machine.publish("a", {"name": "vendor", "paused": True, "priority": 7})

    said = done(machine, "resume", "-r", str(document))

    assert entries(machine, document)["vendor"] == {"name": "vendor", "priority": 7}
    assert said == [f"resumed: 1 file of {document} for studio, vendor"]


def test_a_representation_is_paused_at_one_site_alone(machine: Machine) -> None:
    machine.write_settings({"studio": {}, "vendor": {}, "farm": {}})
    document = machine.publish("a", "vendor", "farm")

    done(machine, "pause", "-r", str(document), "--site", "farm")

    found = entries(machine, document)
    assert found["farm"]["paused"] is True
    assert "paused" not in found["vendor"]


def test_an_entry_of_a_site_that_no_setting_names_can_be_paused(machine: Machine) -> None:
    document = machine.publish("a", "laptop-7")

    done(machine, "pause", "-r", str(document), "--site", "laptop-7")

    assert entries(machine, document)["laptop-7"]["paused"] is True


def test_pausing_what_is_there_says_that_nothing_is_wanted(machine: Machine) -> None:
    document = machine.publish("a")

    [said] = done(machine, "pause", "-r", str(document))

    assert "nothing to pause" in said


def test_resuming_a_representation_tells_of_the_pause_of_its_project(machine: Machine) -> None:
    document = machine.publish("a", {"name": "vendor", "paused": True})
    done(machine, "pause", "--project", PROJECT)

    said = done(machine, "resume", "-r", str(document))

    assert said[1].endswith(f"End it with: sitesync resume --project {PROJECT}")


def test_a_document_that_refuses_the_change_is_told(machine: Machine) -> None:
    document = machine.publish("a", "vendor")
    validator = {"files.sites.paused": {"$exists": False}}
    machine.client[machine.database].command("collMod", PROJECT, validator=validator)

    called = machine.call("pause", "-r", str(document))

    assert called.exit_code == 1
    assert "stays as it is" in called.stderr
