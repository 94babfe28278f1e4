"""Which bytes `site remove --delete-files` deletes, and which it never does."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.cli.deleting import delete, stays
from tests.cli.machine import Machine
from tests.cli.published import available, entries, file_of, publish_everywhere, set_sites


def test_bytes_go_where_another_site_has_them(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")

    answer = delete(machine, "vendor", representation)

    assert not (machine.root("vendor") / "a.exr").exists()
    assert (machine.root("studio") / "a.exr").exists()
    assert entries(machine, representation).keys() == {"studio"}
    assert (answer["changed"], answer["deleted"], answer["deleted_bytes"]) == (1, 1, 1000)
    assert answer["reasons"] == []


def test_no_claim_and_no_process_is_left_behind(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")

    delete(machine, "vendor", representation)

    assert machine.state["claims"].count_documents({}) == 0
    assert machine.state["reactors"].count_documents({}) == 0


def test_the_log_of_attempts_tells_of_it(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")

    delete(machine, "vendor", representation)

    attempt = machine.state["attempts"].find_one()
    assert (attempt["outcome"], attempt["site"], attempt["path"], attempt["bytes"]) == (
        *("removed", "vendor"),
        *("{root[work]}/a.exr", 1000),
    )


def test_the_originals_go_where_the_brought_ones_are_right(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")

    delete(machine, "studio", representation)

    assert not (machine.root("studio") / "a.exr").exists()
    assert entries(machine, representation).keys() == {"vendor"}


def test_of_the_alternatives_no_entry_is_left(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"alternative_sites": ["web"]}, "web": {}}
    )
    representation = publish_everywhere(machine, "a.exr", "vendor")
    machine.documents.update_one(
        {"_id": representation}, {"$push": {"files.0.sites": available("web")}}
    )

    delete(machine, "vendor", representation)

    assert entries(machine, representation).keys() == {"studio"}
    assert not (machine.root("vendor") / "a.exr").exists()


def test_without_any_bytes_the_entry_goes_alone(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    answer = delete(machine, "vendor", representation)

    assert entries(machine, representation).keys() == {"studio"}
    assert (answer["changed"], answer["deleted"], answer["refused"]) == (1, 0, 0)


def test_bytes_that_no_document_means_stay(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").write_bytes(b"what a publisher wrote just now")

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert "the bytes there are not those of any document" in answer["reasons"][0]["why"]


@pytest.mark.parametrize("path", ["{root[work]}/a.exr", "{root}/a.exr"])
def test_bytes_stay_that_another_representation_names(machine: Machine, path: str) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    hero = machine.publish("a.exr", "vendor")
    machine.documents.update_one({"_id": hero}, {"$set": {"files.0.path": path}})

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert f"representation {hero} has the same file there" in answer["reasons"][0]["why"]


def test_another_representation_of_the_file_elsewhere_does_no_harm(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    machine.publish("a.exr")

    delete(machine, "vendor", representation)

    assert not (machine.root("vendor") / "a.exr").exists()


def test_of_a_whole_project_shared_files_go_once(machine: Machine) -> None:
    hero = publish_everywhere(machine, "a.exr", "vendor")
    element = file_of(machine, hero)
    machine.documents.insert_one({"_id": "v1", "type": "representation", "files": [element]})
    others = [publish_everywhere(machine, f"{n}.exr", "vendor") for n in range(3)]

    answer = machine.answer(
        *("site", "remove", "vendor", "--project", "Show", "--all", "--yes", "--delete-files")
    )

    assert not list(machine.root("vendor").glob("*.exr"))
    assert all(entries(machine, one).keys() == {"studio"} for one in (hero, "v1", *others))
    assert (answer["changed"], answer["deleted"], answer["refused"]) == (5, 4, 0)


def test_more_files_than_go_together_all_go(machine: Machine) -> None:
    for number in range(130):
        publish_everywhere(machine, f"{number}.exr", "vendor")

    answer = machine.answer(
        *("site", "remove", "vendor", "--project", "Show", "--all", "--yes", "--delete-files")
    )

    assert (answer["changed"], answer["deleted"], answer["reasons"]) == (130, 130, [])
    assert not list(machine.root("vendor").glob("*.exr"))


def claim_on(machine: Machine, name: str, process: str, **more: Any) -> str:
    marker = (machine.root("vendor") / ".sitesync-root").read_text().strip()
    claim = machine.claim(name, process, **more)
    found = machine.state["claims"].find_one_and_delete({"claim": claim})
    machine.state["claims"].insert_one({**found, "_id": f"{marker}/{name}"})
    return claim


def test_what_another_process_works_on_is_busy(machine: Machine) -> None:
    machine.register("p1")
    representation = publish_everywhere(machine, "a.exr", "vendor")
    claim = claim_on(machine, "a.exr", "p1")

    called = machine.call(
        *("site", "remove", "vendor", "--representation", str(representation), "--delete-files")
    )

    assert called.exit_code == 1
    assert "busy" in called.stdout
    assert "try again" in called.stdout
    assert stays(machine, "vendor", representation)
    assert machine.state["claims"].find_one()["claim"] == claim


def test_what_a_lost_process_staged_is_removed_first(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    claim = claim_on(machine, "a.exr", "p1", lease=-1)
    staged = machine.root("vendor") / f".sitesync-{claim}.part"
    staged.write_bytes(b"half of it")

    delete(machine, "vendor", representation)

    assert not staged.exists()
    assert machine.state["claims"].count_documents({}) == 0


def test_a_site_without_its_marker_is_left_alone(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / ".sitesync-root").unlink()

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert "sitesync site init vendor" in answer["error"]


def test_a_site_out_of_reach_is_said_so(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio"), available("artist-7")])

    called = machine.call(
        *("site", "remove", "artist-7", "--representation", str(representation), "--delete-files")
    )

    assert called.exit_code == 1
    assert "this machine does not reach 'artist-7'" in called.stderr
    assert "artist-7" in entries(machine, representation)


def test_a_file_that_cannot_be_deleted_is_unmarked_and_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    folder = machine.root("vendor")

    def refuse(path: Any, *_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "unlink", refuse)
    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    answer = delete(machine, "vendor", representation)

    assert (folder / "a.exr").exists()
    assert entries(machine, representation).keys() == {"studio"}
    assert "its entry is gone, but its bytes stay" in answer["reasons"][0]["why"]
    assert machine.state["claims"].count_documents({}) == 0


def test_bad_paths_stay(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    machine.documents.update_one(
        {"_id": representation}, {"$set": {"files.0.path": "{root[work]}/../a.exr"}}
    )

    answer = delete(machine, "vendor", representation)

    assert answer["refused"] == 1
    assert "leaves its root" in answer["reasons"][0]["why"]


def test_a_process_that_only_claims_is_no_reactor_and_its_claims_are_not_orphaned(
    machine: Machine,
) -> None:
    machine.register("p1", serves=False)
    machine.claim("a.exr", "p1", held=True)

    assert machine.answer("status")["reactors"] == []
    assert machine.finding("claims")["level"] == "ok"
