"""`sitesync validate` holds a site against the documents, both ways."""

from __future__ import annotations

import os
from typing import Any

import pytest
from bson import ObjectId

from reactor.model import source_hash
from tests.cli.machine import Machine
from tests.cli.published import available, entries, file_of, publish_everywhere, set_sites
from tests.cli.validating import AT_ONCE, counts, validate, whats


@pytest.fixture(autouse=True)
def _patient_no_longer(machine: Machine) -> None:
    """What is gone is believed at once, except where a test is about just that."""
    machine.write_settings(sites={"studio": {**AT_ONCE}, "vendor": {**AT_ONCE}})


def untouched(machine: Machine) -> Any:
    """All that the databases hold, except what a bookmark or a process leaves for a moment."""
    databases = (machine.client[machine.database], machine.client[machine.state_database])
    return [
        (name, list(database[name].find(sort=[("_id", 1)])))
        for database in databases
        for name in sorted(database.list_collection_names())
    ]


def test_a_site_as_its_documents_say_is_right(machine: Machine) -> None:
    publish_everywhere(machine, "a/b.exr", "vendor")
    publish_everywhere(machine, "a.exr", "vendor")

    called = machine.call("validate", "--site", "vendor")

    assert called.exit_code == 0, called.output
    assert "2 files looked at" in called.stdout
    assert "2 right" in called.stdout


def test_a_file_that_is_there_and_proved_is_marked(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio"), {"name": "vendor"}])

    answer = validate(machine)

    assert entries(machine, representation)["vendor"]["verified"] == "size"
    assert "created_dt" in entries(machine, representation)["vendor"]
    assert (counts(answer), answer["marked"]) == ({"found": 1}, 1)


def test_a_file_that_no_document_wanted_there_is_marked_with_the_alternatives(
    machine: Machine,
) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"alternative_sites": ["web"]}, "web": {}}
    )
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio")])

    validate(machine)

    assert entries(machine, representation).keys() == {"studio", "vendor", "web"}
    assert all("created_dt" in entry for entry in entries(machine, representation).values())


def test_having_marked_all_is_success_and_planning_to_is_not(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio"), {"name": "vendor"}])

    assert machine.call("validate", "--site", "vendor", "--dry-run").exit_code == 1
    assert machine.call("validate", "--site", "vendor").exit_code == 0


def test_a_file_that_nothing_proves_is_told_and_not_marked(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    set_sites(machine, representation, [available("studio"), {"name": "vendor"}])
    (machine.root("vendor") / "a.exr").write_bytes(os.urandom(1000))

    answer = validate(machine)

    assert whats(answer) == [("doubtful", "a.exr")]
    assert "created_dt" not in entries(machine, representation)["vendor"]


@pytest.mark.parametrize("policy", ["restore", "forget", "report"])
def test_a_file_that_is_gone_is_dealt_with_by_policy(machine: Machine, policy: str) -> None:
    machine.write_settings(
        sites={"studio": {}, "vendor": {"on_missing": policy, "vanish_grace": 0}}
    )
    representation = publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    answer = validate(machine)

    left = entries(machine, representation)
    assert whats(answer) == [("missing", "a.exr")]
    assert ("vendor" in left) == (policy != "forget")
    assert ("created_dt" in left.get("vendor", {})) == (policy == "report")
    assert answer["reset"] == (policy != "report")


def test_the_only_known_copy_is_wanted_again_and_never_forgotten(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {"on_missing": "forget", "vanish_grace": 0}, "vendor": {}}
    )
    representation = publish_everywhere(machine, "a.exr")
    (machine.root("studio") / "a.exr").unlink()

    validate(machine, site="studio")

    assert "created_dt" not in entries(machine, representation)["studio"]


def test_a_truncated_file_is_neither_a_copy_nor_sent_over(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    os.truncate(machine.root("vendor") / "a.exr", 10)

    answer = validate(machine)

    assert whats(answer) == [("truncated", "a.exr")]
    entry = entries(machine, representation)["vendor"]
    assert ("created_dt" in entry, entry["tries"]) == (False, 3)
    assert "10 bytes" in entry["error"]


def rotten(machine: Machine) -> ObjectId:
    """Publish a file whose copy at the vendor has the right size and time, and other bytes."""
    representation = publish_everywhere(machine, "a.exr", "vendor")
    digest = {"verified": "checksum", "checksum": "md5:" + "0" * 32}
    made = {"source_hash": source_hash(file_of(machine, representation)["hash"])}
    set_sites(machine, representation, [available("studio"), available("vendor", **digest, **made)])
    return representation


def test_rot_is_found_with_checksums_only(machine: Machine) -> None:
    representation = rotten(machine)

    assert whats(validate(machine)) == []
    answer = validate(machine, "--checksum")

    assert whats(answer) == [("rotten", "a.exr")]
    assert "created_dt" not in entries(machine, representation)["vendor"]


def test_with_checksums_other_copies_prove_a_file(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor", verified=False)

    answer = validate(machine, "--checksum")

    assert (answer["right"], answer["size_only"], counts(answer)) == (1, 0, {})
    assert answer["proved"] == 1
    entry = entries(machine, representation)["vendor"]
    assert ("created_dt" in entry, entry["verified"]) == (True, "checksum")
    assert entry["checksum"].startswith("xxh128:")
    assert validate(machine, "--checksum")["proved"] == 0


def test_files_that_no_document_knows_are_listed(machine: Machine) -> None:
    publish_everywhere(machine, "a.exr", "vendor")
    for name in ("z/work.ma", "b.txt", "c.exr.tmp", ".sitesync-0123.part"):
        (machine.root("vendor") / name).parent.mkdir(exist_ok=True)
        (machine.root("vendor") / name).write_bytes(b"12345")

    called = machine.call("validate", "--site", "vendor")
    answer = validate(machine)

    assert answer["unknown"] == {"files": 2, "bytes": 10, "paths": ["b.txt", "z/work.ma"]}
    assert "z/work.ma" in called.stdout
    assert called.exit_code == 0


def test_a_dry_run_tells_all_and_changes_nothing(machine: Machine) -> None:
    publish_everywhere(machine, "gone.exr", "vendor")
    (machine.root("vendor") / "gone.exr").unlink()
    found = publish_everywhere(machine, "found.exr", "vendor")
    set_sites(machine, found, [available("studio")])
    publish_everywhere(machine, "short.exr", "vendor")
    os.truncate(machine.root("vendor") / "short.exr", 1)
    before = untouched(machine)

    called = machine.call("validate", "--site", "vendor", "--dry-run")
    answer = validate(machine, "--dry-run")

    assert untouched(machine) == before
    assert called.exit_code == 1
    assert sorted(whats(answer)) == [
        ("found", "found.exr"),
        ("missing", "gone.exr"),
        ("truncated", "short.exr"),
    ]
    assert {one["then"] for one in answer["differences"]} == {
        *("mark it", "bring it back", "mark it as failed")
    }
    assert "bring it back" in called.stdout
    assert "Nothing was changed" in called.stderr
