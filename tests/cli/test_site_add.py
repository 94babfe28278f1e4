from __future__ import annotations

from typing import Any

import pytest

from tests.cli.machine import Machine
from tests.cli.published import available, entries, file_of, set_sites


def add(machine: Machine, *arguments: object) -> Any:
    return machine.answer("site", "add", *map(str, arguments))


def test_a_representation_becomes_wanted_where_it_had_no_entry(machine: Machine) -> None:
    representation = machine.publish("a")
    other = machine.publish("b")

    answer = add(machine, "vendor", "--representation", representation)

    assert entries(machine, representation)["vendor"] == {"name": "vendor"}
    assert "vendor" not in entries(machine, other)
    assert (answer["changed"], answer["already"], answer["refused"]) == (1, 0, 0)


def test_an_entry_that_is_there_stays_as_it_is(machine: Machine) -> None:
    failed = {"name": "vendor", "tries": 3, "error": "gone"}
    representation = machine.publish("a", failed)

    answer = add(machine, "vendor", "--representation", representation)

    assert entries(machine, representation)["vendor"] == failed
    assert (answer["changed"], answer["already"]) == (0, 1)


def test_alternatives_get_an_entry_in_the_same_write(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"alternative_sites": ["web"]}, "web": {}}
    )
    representation = machine.publish("a")

    answer = add(machine, "vendor", "--representation", representation)

    assert entries(machine, representation).keys() == {"studio", "vendor", "web"}
    assert answer["alternatives"] == ["web"]


def test_a_whole_project_is_added_whatever_shape_its_sites_have(machine: Machine) -> None:
    plain = machine.publish("plain")
    mapping, missing, there = machine.publish("m"), machine.publish("n"), machine.publish("t")
    set_sites(machine, mapping, {"studio": {"created_dt": "kept"}})
    set_sites(machine, missing, None)
    set_sites(machine, there, {"studio": {}, "vendor": {"tries": 1}})

    answer = add(machine, "vendor", "--project", "Show", "--all")

    assert entries(machine, plain)["vendor"] == {"name": "vendor"}
    assert file_of(machine, mapping)["sites"] == [
        {"name": "studio", "created_dt": "kept"},
        {"name": "vendor"},
    ]
    assert file_of(machine, missing)["sites"] == [{"name": "vendor"}]
    assert file_of(machine, there)["sites"] == {"studio": {}, "vendor": {"tries": 1}}
    assert (answer["representations"], answer["changed"], answer["already"]) == (4, 3, 1)


def test_a_project_larger_than_a_batch_is_added_whole(machine: Machine) -> None:
    files: list[dict[str, Any]] = [
        {"_id": n, "path": f"{{root}}/{n}", "hash": "h", "sites": []} for n in range(3)
    ]
    machine.documents.insert_many(
        [{"_id": n, "type": "representation", "files": files} for n in range(1203)]
    )
    machine.documents.insert_one({"_id": "x", "type": "version", "files": files})

    answer = add(machine, "vendor", "--project", "Show", "--all")

    assert (answer["representations"], answer["changed"]) == (1203, 3609)
    lacking = {
        "type": "representation",
        "files.sites": {"$not": {"$elemMatch": {"name": "vendor"}}},
    }
    assert machine.documents.count_documents(lacking) == 0
    assert machine.documents.find_one({"_id": "x"})["files"][0]["sites"] == []


def test_run_again_it_changes_nothing(machine: Machine) -> None:
    machine.publish("a")
    add(machine, "vendor", "--project", "Show", "--all")

    answer = add(machine, "vendor", "--project", "Show", "--all")

    assert (answer["changed"], answer["already"]) == (0, 1)


def test_what_cannot_be_served_is_refused_with_a_reason_and_exit_code_1(machine: Machine) -> None:
    machine.documents.insert_many(
        [
            {"_id": "none", "type": "representation"},
            {"_id": "bad", "type": "representation", "files": [{"path": "/etc/passwd"}]},
        ]
    )
    machine.publish("a")

    called = machine.call("site", "add", "vendor", "--project", "Show", "--all")

    assert called.exit_code == 1
    assert "1 file wanted there now, 2 files left as they are" in called.stdout
    assert "the document has no files" in called.stdout
    assert "/etc/passwd" in called.stdout


def test_a_document_that_refuses_the_write_is_told(machine: Machine) -> None:
    kept, free = machine.publish("kept"), machine.publish("free")
    lacking = {"files.sites.name": {"$ne": "vendor"}}
    machine.client[machine.database].command(
        "collMod", "Show", validator={"$or": [{"_id": {"$ne": kept}}, lacking]}
    )

    answer = add(machine, "vendor", "--project", "Show", "--all")

    assert "vendor" not in entries(machine, kept)
    assert "vendor" in entries(machine, free)
    assert (answer["changed"], answer["refused"]) == (1, 1)
    assert answer["reasons"][0]["representation"] == str(kept)
    assert "validation" in answer["reasons"][0]["why"]


def test_another_machines_own_site_can_be_named(machine: Machine) -> None:
    machine.register("p1", site="artist-7")
    representation = machine.publish("a")

    add(machine, "artist-7", "--representation", representation)

    assert "artist-7" in entries(machine, representation)


def test_a_site_that_only_documents_know_can_be_named(machine: Machine) -> None:
    machine.publish("a", available("artist-7"))
    representation = machine.publish("b")

    add(machine, "artist-7", "--representation", representation)

    assert "artist-7" in entries(machine, representation)


def test_local_means_this_machine(machine: Machine) -> None:
    representation = machine.publish("a")
    set_sites(machine, representation, [])

    add(machine, "local", "--representation", representation)

    assert entries(machine, representation).keys() == {"studio"}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("vendro", "--project", "Show", "--all"), "did you mean 'vendor'?"),
        (("vendor", "--project", "Shwo", "--all"), "did you mean 'Show'?"),
        (("vendor", "--representation", "65f0"), "there is no representation '65f0'"),
        (("vendor",), "--representation ID, or --project P --all"),
        (("vendor", "--project", "Show"), "--representation ID, or --project P --all"),
        (("vendor", "--all"), "--project P --all"),
        (("vendor", "--project", "Show", "--all", "--representation", "x"), "say which files"),
    ],
)
def test_wrong_names_end_with_2_and_what_was_meant(
    machine: Machine, arguments: tuple[str, ...], hint: str
) -> None:
    representation = machine.publish("a")

    called = machine.call("site", "add", *arguments)

    assert called.exit_code == 2
    assert hint in called.stderr
    assert "vendor" not in entries(machine, representation)


def test_a_project_that_is_turned_off_is_told(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={"Show": {"enabled": False}}
    )
    machine.publish("a")

    called = machine.call("site", "add", "vendor", "--project", "Show", "--all")

    assert called.exit_code == 0
    assert "not enabled" in called.stderr
