"""`sitesync prioritise` puts what is wanted at a site in another order."""

from __future__ import annotations

from typing import Any

import pytest
from bson import ObjectId

from tests.cli.machine import Machine


def priorities(machine: Machine, document: ObjectId) -> dict[str, Any]:
    """Return the priority of each entry of a document's only file, by site."""
    found = machine.documents.find_one({"_id": document})
    return {entry["name"]: entry.get("priority") for entry in found["files"][0]["sites"]}


def test_a_wanted_entry_gets_the_priority_and_no_other_entry(machine: Machine) -> None:
    machine.write_settings({"studio": {}, "vendor": {}, "farm": {}})
    document = machine.publish("a", "vendor", "farm")

    called = machine.call("prioritise", str(document), "vendor", "90")

    assert called.exit_code == 0
    assert called.stdout == f"priority 90: 1 file of {document} at vendor\n"
    assert priorities(machine, document) == {"studio": None, "vendor": 90, "farm": None}


def test_alternatives_get_the_same_priority(machine: Machine) -> None:
    machine.write_settings({"studio": {}, "vendor": {"alternative_sites": ["nas"]}, "nas": {}})
    document = machine.publish("a", {"name": "vendor", "priority": 10}, "nas")

    machine.call("prioritise", str(document), "nas", "0")

    assert priorities(machine, document) == {"studio": None, "vendor": 0, "nas": 0}


def test_the_queue_shows_the_new_order(machine: Machine) -> None:
    machine.publish("first", {"name": "vendor", "priority": 60})
    document = machine.publish("second", "vendor")

    machine.call("prioritise", str(document), "vendor", "61")

    entries = machine.answer("queue")["entries"]
    assert [entry["path"].rpartition("/")[2] for entry in entries] == ["second", "first"]


def test_a_path_names_the_representation(machine: Machine) -> None:
    document = machine.publish("shots/a.exr", "vendor")

    machine.call("prioritise", "{root[work]}/shots/a.exr", "vendor", "70")

    assert priorities(machine, document)["vendor"] == 70


def test_what_is_there_cannot_be_put_in_order(machine: Machine) -> None:
    document = machine.publish("a")

    called = machine.call("prioritise", str(document), "studio", "90")

    assert called.exit_code == 1
    assert "no file" in called.stderr
    assert priorities(machine, document) == {"studio": None}


@pytest.mark.parametrize("wrong", ["1001", "high", "2.5"])
def test_a_priority_is_a_number_up_to_a_thousand(machine: Machine, wrong: str) -> None:
    document = machine.publish("a", "vendor")

    assert machine.call("prioritise", str(document), "vendor", wrong).exit_code == 2
    assert priorities(machine, document)["vendor"] is None
