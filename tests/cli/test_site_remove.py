from __future__ import annotations

from typing import Any

import pytest

from tests.cli.machine import Machine
from tests.cli.published import available, entries, set_sites


def remove(machine: Machine, *arguments: object) -> Any:
    return machine.answer("site", "remove", *map(str, arguments))


def with_alternative(machine: Machine, **defaults: Any) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"alternative_sites": ["web"]}, "web": {}},
        defaults=defaults,
    )


def test_an_entry_is_removed_and_the_bytes_stay(machine: Machine) -> None:
    representation = machine.publish("a", available("vendor"))
    (machine.root("vendor") / "a").write_bytes(b"x")

    called = machine.call("site", "remove", "vendor", "--representation", str(representation))

    assert called.exit_code == 0
    assert called.stdout == "vendor: 1 file removed\nTheir bytes stay where they are.\n"
    assert entries(machine, representation).keys() == {"studio"}
    assert (machine.root("vendor") / "a").exists()


def test_alternatives_go_with_it(machine: Machine) -> None:
    with_alternative(machine)
    representation = machine.publish("a", available("vendor"), available("web"))

    remove(machine, "web", "--representation", representation)

    assert entries(machine, representation).keys() == {"studio"}


def test_other_representations_stay(machine: Machine) -> None:
    representation, other = machine.publish("a", "vendor"), machine.publish("b", "vendor")

    remove(machine, "vendor", "--representation", representation)

    assert "vendor" in entries(machine, other)


def test_an_entry_of_a_mapping_is_removed(machine: Machine) -> None:
    representation = machine.publish("a")
    set_sites(machine, representation, {"studio": {"created_dt": 1}, "vendor": {}})

    remove(machine, "vendor", "--project", "Show", "--all", "--yes")

    assert entries(machine, representation).keys() == {"studio"}


def test_an_entry_of_a_site_that_left_the_settings_is_removed(machine: Machine) -> None:
    representation = machine.publish("a", available("artist-7"))

    remove(machine, "artist-7", "--representation", representation)

    assert entries(machine, representation).keys() == {"studio"}


def test_the_only_known_copy_is_never_removed(machine: Machine) -> None:
    representation = machine.publish("a", "vendor")

    called = machine.call("site", "remove", "studio", "--representation", str(representation))

    assert called.exit_code == 1
    assert "the only copy that documents know of is at 'studio'" in called.stdout
    assert "created_dt" in entries(machine, representation)["studio"]


def test_what_is_available_nowhere_may_go(machine: Machine) -> None:
    representation = machine.publish("a")
    set_sites(machine, representation, [{"name": "studio"}, {"name": "vendor"}])

    remove(machine, "vendor", "--representation", representation)

    assert entries(machine, representation).keys() == {"studio"}


@pytest.mark.parametrize("site", ["vendor", "web"])
def test_what_a_setting_would_bring_back_is_refused_and_the_setting_named(
    machine: Machine, site: str
) -> None:
    with_alternative(machine, always_accessible_on=["vendor"])
    representation = machine.publish("a", available("vendor"), available("web"))

    called = machine.call("site", "remove", site, "--representation", str(representation))

    assert called.exit_code == 2
    assert "'vendor'" in called.stderr
    assert "always_accessible_on of project 'Show'" in called.stderr
    assert "vendor" in entries(machine, representation)


def test_a_whole_project_is_not_removed_unless_somebody_is_sure(machine: Machine) -> None:
    machine.publish("a", "vendor")
    machine.publish("b", "vendor")
    machine.publish("c")

    called = machine.call("site", "remove", "vendor", "--project", "Show", "--all")

    assert called.exit_code == 2
    assert "add --yes to remove 2 files from vendor" in called.stderr
    assert machine.documents.count_documents({"files.sites.name": "vendor"}) == 2


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_on_a_terminal_it_is_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("reactor.cli.shell._is_terminal", lambda: True)
    representation = machine.publish("a", "vendor")

    called = machine.call(
        "site", "remove", "vendor", "--project", "Show", "--all", input=f"{answer}\n"
    )

    assert "Remove 1 file of project Show from vendor?" in called.stderr
    assert ("vendor" in entries(machine, representation)) is (answer != "y")


def test_a_whole_project_is_removed_with_yes(machine: Machine) -> None:
    machine.publish("a", "vendor")
    kept = machine.publish("only", available("vendor"))
    set_sites(machine, kept, [available("vendor")])

    answer = remove(machine, "vendor", "--project", "Show", "--all", "--yes")

    assert (answer["changed"], answer["refused"]) == (1, 1)
    assert answer["reasons"][0]["path"] == "{root[work]}/only"
    assert machine.documents.count_documents({"files.sites.name": "vendor"}) == 1


def test_where_nothing_is_to_be_removed_nobody_is_asked(machine: Machine) -> None:
    machine.publish("a")

    called = machine.call("site", "remove", "vendor", "--project", "Show", "--all")

    assert called.exit_code == 0
    assert called.stdout == "vendor: 1 file had no entry there\n"


def test_a_wrong_site_is_answered_with_the_nearest(machine: Machine) -> None:
    called = machine.call("site", "remove", "vendro", "--project", "Show", "--all")

    assert called.exit_code == 2
