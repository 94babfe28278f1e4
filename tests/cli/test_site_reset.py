from __future__ import annotations

from typing import Any

from tests.cli.machine import Machine
from tests.cli.published import available, entries, set_sites

PROOF = {"checksum": "xxh128:00", "verified": "checksum", "source_hash": "0" * 16, "id": "drive-id"}


def reset(machine: Machine, *arguments: object) -> Any:
    return machine.answer("site", "reset", *map(str, arguments))


def with_alternative(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"alternative_sites": ["web"]}, "web": {}}
    )


def test_an_available_entry_becomes_wanted_and_forgets_its_proof(machine: Machine) -> None:
    representation = machine.publish("a", available("vendor", priority=70, **PROOF))

    answer = reset(machine, "vendor", "--representation", representation)

    assert entries(machine, representation)["vendor"] == {"name": "vendor", "priority": 70}
    assert (answer["changed"], answer["already"], answer["refused"]) == (1, 0, 0)


def test_a_failed_entry_forgets_its_tries(machine: Machine) -> None:
    failed = {"name": "vendor", "tries": 3, "error": "gone", "retry_at": machine.retry_in(60)}
    representation = machine.publish("a", failed)

    reset(machine, "vendor", "--representation", representation)

    assert entries(machine, representation)["vendor"] == {"name": "vendor"}


def test_the_whole_group_of_alternatives_is_reset(machine: Machine) -> None:
    with_alternative(machine)
    representation = machine.publish("a", available("vendor"), available("web", **PROOF))

    reset(machine, "web", "--representation", representation)

    found = entries(machine, representation)
    assert (found["vendor"], found["web"]) == ({"name": "vendor"}, {"name": "web"})


def test_other_sites_stay_as_they_are(machine: Machine) -> None:
    representation = machine.publish("a", available("vendor"), available("artist-7"))
    before = entries(machine, representation)

    reset(machine, "vendor", "--project", "Show", "--all")

    after = entries(machine, representation)
    assert (after["studio"], after["artist-7"]) == (before["studio"], before["artist-7"])


def test_what_is_simply_wanted_has_nothing_to_reset(machine: Machine) -> None:
    machine.publish("a", "vendor")
    machine.publish("b")

    answer = reset(machine, "vendor", "--project", "Show", "--all")

    assert (answer["changed"], answer["already"], answer["refused"]) == (0, 2, 0)


def test_a_mapping_is_reset_and_becomes_a_list(machine: Machine) -> None:
    representation = machine.publish("a")
    set_sites(machine, representation, {"studio": {"created_dt": 1}, "vendor": {"created_dt": 1}})

    reset(machine, "vendor", "--project", "Show", "--all")

    assert entries(machine, representation)["vendor"] == {"name": "vendor"}


def test_the_only_known_copy_stays_and_validate_is_named(machine: Machine) -> None:
    representation = machine.publish("a", "vendor")

    called = machine.call("site", "reset", "studio", "--representation", str(representation))

    assert called.exit_code == 1
    assert "sitesync validate --site studio" in called.stdout
    assert "created_dt" in entries(machine, representation)["studio"]


def test_a_stale_copy_elsewhere_is_none(machine: Machine) -> None:
    representation = machine.publish("a", available("vendor", source_hash="0" * 16))

    answer = reset(machine, "studio", "--representation", representation)

    assert answer["refused"] == 1
    assert "created_dt" in entries(machine, representation)["studio"]


def test_people_are_told_what_comes_next(machine: Machine) -> None:
    representation = machine.publish("a", available("vendor"))

    called = machine.call("site", "reset", "vendor", "--representation", str(representation))

    assert called.exit_code == 0
    assert called.stdout == (
        "vendor: 1 file reset\n"
        "Reactors prove their bytes again, and send again what is not right.\n"
    )


def test_a_document_that_refuses_the_write_is_told(machine: Machine) -> None:
    kept = machine.publish("kept", available("vendor"))
    free = machine.publish("free", available("vendor"))
    there = {"files.sites": {"$elemMatch": {"name": "vendor", "created_dt": {"$exists": True}}}}
    machine.client[machine.database].command(
        "collMod", "Show", validator={"$or": [{"_id": {"$ne": kept}}, there]}
    )

    answer = reset(machine, "vendor", "--project", "Show", "--all")

    assert "created_dt" in entries(machine, kept)["vendor"]
    assert "created_dt" not in entries(machine, free)["vendor"]
    assert (answer["changed"], answer["refused"]) == (1, 1)
    assert "validation" in answer["reasons"][0]["why"]
