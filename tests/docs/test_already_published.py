"""docs/already-published.md: the commands for what is published, on documents of every shape."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import WriteError

from tests.docs.office import PROJECT, Office, until
from tests.docs.pages import block

_SHAPES = ("mapping", "missing", "list")


def publish(office: Office) -> dict[str, ObjectId]:
    """Publish a file for each shape that `sites` may have."""
    published = {shape: office.publish(f"Bunny/{shape}.exr") for shape in _SHAPES}
    created = office.sites(published["list"])[0]["created_dt"]
    mapping = {"studio": {"created_dt": created}}
    documents = office.documents
    documents.update_one({"_id": published["mapping"]}, {"$set": {"files.0.sites": mapping}})
    documents.update_one({"_id": published["missing"]}, {"$unset": {"files.0.sites": ""}})
    return published


def run_in_mongodb(office: Office, name: str, only: dict[str, Any] | None = None) -> None:
    """Carry out a block of MongoDB's shell: an update of many by filter, update and options."""
    text = block(name)
    assert f'getCollection("{PROJECT}")' in text.replace("'", '"')
    call = re.search(r"\.(update|updateMany)\((.*)\)\s*$", text, re.DOTALL)
    assert call is not None
    plain = re.sub(r"([{,]\s*)(\$?[A-Za-z]\w*)\s*:", r'\1"\2":', call[2])
    condition, update, *options = json.loads(f"[{plain}]")
    filters: Any = options[0]["arrayFilters"] if name == "published: push" else None
    office.documents.update_many({**condition, **(only or {})}, update, array_filters=filters)


def test_one_command_asks_for_all_that_is_published(disks: Office) -> None:
    published = disks.publish("Bunny/a.exr")

    said = disks.call(block("published: add"))
    assert said == block("published: add says")
    disks.call("sitesync reconcile")

    assert disks.is_available(published, "vendor")


def test_it_takes_documents_of_every_shape_and_may_be_run_again(disks: Office) -> None:
    published = publish(disks)

    disks.call(block("published: add"))
    disks.call(block("published: add"))

    for shape, identity in published.items():
        names = [entry["name"] for entry in disks.sites(identity)]
        assert names.count("vendor") == 1, shape


def test_the_predecessors_command_is_refused_for_a_list_and_changes_nothing(
    disks: Office,
) -> None:
    published = publish(disks)
    before = disks.sites(published["list"])

    with pytest.raises(WriteError, match="Cannot create field 'vendor' in element"):
        run_in_mongodb(disks, "published: the predecessor's command", {"_id": published["list"]})

    assert disks.sites(published["list"]) == before


def test_the_predecessors_command_stops_at_the_first_list(disks: Office) -> None:
    lists, later = disks.publish("Bunny/a.exr"), disks.publish("Bunny/b.exr")
    disks.documents.update_one({"_id": later}, {"$unset": {"files.0.sites": ""}})

    with pytest.raises(WriteError):
        run_in_mongodb(
            disks, "published: the predecessor's command", {"_id": {"$in": [lists, later]}}
        )

    assert disks.sites(later) is None


def test_what_the_predecessors_command_leaves_behind_is_migrated_and_completed(
    disks: Office,
) -> None:
    published = publish(disks)
    others = {"_id": {"$in": [published["mapping"], published["missing"]]}}
    run_in_mongodb(disks, "published: the predecessor's command", others)
    assert disks.sites(published["mapping"]).keys() == {"studio", "vendor"}
    assert disks.sites(published["missing"]) == {"vendor": {}}

    disks.call("sitesync reconcile", code=1)

    assert disks.is_available(published["mapping"], "vendor")
    assert disks.sites(published["missing"]) == [{"name": "vendor"}]


@pytest.mark.parametrize("way", ["a look at the disk", "the start of a reactor"])
def test_where_no_entry_says_where_the_file_is_its_bytes_are_found(disks: Office, way: str) -> None:
    published = publish(disks)["missing"]
    run_in_mongodb(disks, "published: the predecessor's command", {"_id": published})
    disks.call("sitesync reconcile", code=1)
    said = disks.call(f"sitesync why {published} vendor", code=1)
    assert "It is available nowhere." in said

    if way == "a look at the disk":
        dry, really = block("published: validate").splitlines()
        disks.call(dry, code=1)
        disks.call(really)
        disks.call("sitesync reconcile")
    else:
        with disks.serving("sitesync run"):
            disks.until_available(published, "vendor")

    assert disks.is_available(published, "studio")
    assert disks.is_available(published, "vendor")


def test_a_running_reactor_sees_the_change_at_once(disks: Office) -> None:
    published = publish(disks)["mapping"]

    with disks.serving("sitesync run"):
        until(lambda: "serving" in disks.log.read_text())
        run_in_mongodb(disks, "published: the predecessor's command", {"_id": published})
        until(lambda: isinstance(disks.sites(published), list))
        disks.until_available(published, "vendor")


def test_push_does_it_for_lists_and_for_files_without_sites(disks: Office) -> None:
    published = publish(disks)
    mapping = disks.sites(published["mapping"])
    disks.documents.insert_one({"type": "representation", "name": "without files"})

    run_in_mongodb(disks, "published: push")
    run_in_mongodb(disks, "published: push")

    names = [entry["name"] for entry in disks.sites(published["list"])]
    assert names == ["studio", "vendor"]
    assert disks.sites(published["missing"]) == [{"name": "vendor"}]
    assert disks.sites(published["mapping"]) == mapping
    disks.call("sitesync reconcile", code=1)
    assert disks.is_available(published["list"], "vendor")
