"""Which other copy of a file is reason enough to delete one."""

from __future__ import annotations

import os
from typing import Any

import pytest
from bson import ObjectId

from tests.cli.deleting import delete, stays
from tests.cli.machine import Machine
from tests.cli.published import available, publish_everywhere, set_sites

WIDE: dict[str, dict[str, Any]] = {"studio": {}, "vendor": {}, "archive": {}}


def gone(machine: Machine) -> None:
    (machine.root("studio") / "a.exr").unlink()


def truncated(machine: Machine) -> None:
    os.truncate(machine.root("studio") / "a.exr", 10)


def changed(machine: Machine) -> None:
    (machine.root("studio") / "a.exr").write_bytes(os.urandom(1000))


def unmounted(machine: Machine) -> None:
    (machine.root("studio") / ".sitesync-root").unlink()


def stale(machine: Machine) -> None:
    machine.documents.update_one({}, {"$set": {"files.0.sites.0.source_hash": "0" * 16}})


def the_same_place(machine: Machine) -> None:
    machine.make_markers("studio", "vendor", same="ab" * 16)


@pytest.mark.parametrize("trouble", [gone, truncated, changed, unmounted, stale, the_same_place])
def test_bytes_stay_where_the_other_copy_is_not_seen_to_be_right(
    machine: Machine, trouble: Any
) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    trouble(machine)

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert (answer["refused"], answer["deleted"]) == (1, 0)


@pytest.mark.parametrize("trouble", ["gone", "truncated", "changed"])
def test_bytes_stay_where_a_verified_copy_is_no_longer_right(
    machine: Machine, trouble: str
) -> None:
    machine.write_settings(sites=WIDE)
    machine.make_markers("archive")
    representation = publish_everywhere(machine, "a.exr", "vendor", "archive")
    machine.documents.update_one({}, {"$pull": {"files.0.sites": {"name": "studio"}}})
    copy = machine.root("archive") / "a.exr"
    copy.unlink() if trouble == "gone" else copy.write_bytes(
        os.urandom(10 if trouble == "truncated" else 1000)
    )

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert (answer["refused"], answer["deleted"]) == (1, 0)


def test_a_stale_copy_is_none_even_if_it_looks_right(machine: Machine) -> None:
    machine.write_settings(sites=WIDE)
    machine.make_markers("archive")
    representation = publish_everywhere(machine, "a.exr", "vendor", "archive")
    (machine.root("archive") / "a.exr").unlink()
    stale(machine)

    delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)


def test_bytes_stay_where_only_an_alternative_has_them(machine: Machine) -> None:
    machine.write_settings(
        sites={"studio": {"alternative_sites": ["vendor"]}, "vendor": {}, "archive": {}}
    )
    machine.make_markers("archive")
    representation = publish_everywhere(machine, "a.exr", "vendor")

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert answer["refused"] == 1


def test_bytes_stay_where_the_other_site_is_out_of_this_machines_reach(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    proof = {"verified": "checksum"}
    set_sites(machine, representation, [available("artist-7", **proof), available("vendor")])

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert "does not reach 'artist-7'" in answer["reasons"][0]["why"]


def test_a_copy_that_nobody_verified_counts_once_its_bytes_are_compared(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor", verified=False)

    delete(machine, "vendor", representation)

    assert not (machine.root("vendor") / "a.exr").exists()


def untimed(machine: Machine, representation: ObjectId, content: bytes) -> None:
    """Let the document tell no time, and the studio's unverified copy be of other bytes."""
    machine.documents.update_one({"_id": representation}, {"$set": {"files.0.hash": "plain"}})
    machine.documents.update_one(
        {"_id": representation}, {"$unset": {"files.0.sites.1.source_hash": 1}}
    )
    (machine.root("studio") / "a.exr").write_bytes(content)


def test_an_unverified_copy_of_other_bytes_is_none(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    untimed(machine, representation, os.urandom(1000))

    answer = delete(machine, "vendor", representation)

    assert stays(machine, "vendor", representation)
    assert "sitesync validate --checksum --site studio" in answer["reasons"][0]["why"]


def test_an_unverified_copy_of_the_same_bytes_is_one(machine: Machine) -> None:
    representation = publish_everywhere(machine, "a.exr", "vendor")
    untimed(machine, representation, (machine.root("vendor") / "a.exr").read_bytes())

    delete(machine, "vendor", representation)

    assert not (machine.root("vendor") / "a.exr").exists()
