"""`sitesync retry` forgets failed attempts, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId

from reactor.operators import steering
from tests.cli.machine import PROJECT, Machine

PAST = datetime(2024, 1, 1, tzinfo=UTC)


def tried(times: int = 3, site: str = "vendor", **fields: Any) -> dict[str, Any]:
    """An entry that was tried in vain."""
    told = {"tries": times, "error": "no space", "last_failed_dt": PAST, "retry_at": PAST}
    return {"name": site, **told, **fields}


def entry(
    machine: Machine, document: ObjectId, site: str = "vendor", project: str = PROJECT
) -> dict[str, Any]:
    found = machine.client[machine.database][project].find_one({"_id": document})
    assert found is not None
    [only] = [one for one in found["files"][0]["sites"] if one["name"] == site]
    return dict(only)


def retried(machine: Machine, *arguments: str) -> str:
    """Try again, and return what is said of how many."""
    called = machine.call("retry", *arguments)
    assert called.exit_code == 0, called.output
    return called.stdout.splitlines()[0]


@pytest.mark.parametrize("times", [1, 3], ids=["retrying", "failed"])
def test_the_failure_is_forgotten_and_the_rest_stays(machine: Machine, times: int) -> None:
    document = machine.publish("a", tried(times, priority=70, paused=True, note="x"))

    assert retried(machine) == "1 file to be tried again"
    kept = {"name": "vendor", "priority": 70, "paused": True, "note": "x"}
    assert entry(machine, document) == kept


def test_nothing_else_is_touched(machine: Machine) -> None:
    tried_once = {"created_dt": PAST, "tries": 1}
    documents = [
        machine.publish("wanted", "vendor"),
        machine.publish("available", {"name": "vendor", **tried_once}),
    ]
    before = [machine.documents.find_one({"_id": document}) for document in documents]

    assert retried(machine) == "nothing has failed there"
    assert [machine.documents.find_one({"_id": one}) for one in documents] == before


def test_only_the_named_project_is_tried_again(machine: Machine) -> None:
    here = machine.publish("a", tried())
    there = machine.publish("a", tried(), project="Bunny")

    retried(machine, "--project", "Bunny")

    assert "tries" not in entry(machine, there, project="Bunny")
    assert "tries" in entry(machine, here)


def test_only_the_named_site_and_its_alternatives_are_tried_again(machine: Machine) -> None:
    vendor = {"alternative_sites": ["nas"]}
    machine.write_settings({"studio": {}, "vendor": vendor, "nas": {}, "farm": {}})
    document = machine.publish("a", tried(), tried(site="nas"), tried(site="farm"))

    retried(machine, "--site", "nas")

    tries = {site: "tries" in entry(machine, document, site) for site in ("vendor", "nas", "farm")}
    assert tries == {"vendor": False, "nas": False, "farm": True}


def test_one_representation_is_tried_again_wherever_it_failed(machine: Machine) -> None:
    document = machine.publish("a", tried(), tried(site="laptop-7"))
    other = machine.publish("b", tried())

    retried(machine, "--representation", str(document))

    assert "tries" not in entry(machine, document)
    assert "tries" not in entry(machine, document, "laptop-7")
    assert "tries" in entry(machine, other)


def test_each_file_is_counted_in_however_many_batches(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steering, "_FILES_TOGETHER", 2)
    documents = [machine.publish(f"{number}", tried()) for number in range(5)]

    assert retried(machine) == "5 files to be tried again"
    assert all("tries" not in entry(machine, document) for document in documents)


def test_a_second_operator_finds_nothing_left(machine: Machine) -> None:
    machine.publish("a", tried())

    retried(machine)

    assert retried(machine) == "nothing has failed there"


def test_it_is_said_when_no_reactor_runs(machine: Machine) -> None:
    machine.publish("a", tried())
    assert "No reactor runs" in machine.call("retry").stdout

    machine.publish("b", tried())
    machine.register("p1")
    assert "No reactor runs" not in machine.call("retry").stdout


def test_a_wrong_site_is_refused_with_the_nearest(machine: Machine) -> None:
    document = machine.publish("a", tried())

    for options in (("--site", "vendro"), ("--site", "vendro", "-r", str(document))):
        called = machine.call("retry", *options)

        assert called.exit_code == 2
        assert "did you mean 'vendor'?" in called.stderr


def test_a_file_is_counted_once_at_however_many_sites_it_failed(machine: Machine) -> None:
    vendor = {"alternative_sites": ["nas"]}
    machine.write_settings({"studio": {}, "vendor": vendor, "nas": {}, "farm": {}})
    document = machine.publish("a", tried(), tried(site="nas"), tried(site="farm"))
    machine.publish("b", tried(site="farm"))

    assert retried(machine, "--project", PROJECT) == "2 files to be tried again"
    assert not any("tries" in entry(machine, document, site) for site in ("vendor", "nas", "farm"))
