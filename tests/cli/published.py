"""What documents say after a command, and bytes at sites as publishers leave them."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from bson import ObjectId

from reactor.documents import published_mtime_ns
from reactor.model import source_hash
from tests.cli.machine import PROJECT, Machine

Document = dict[str, Any]


def entries(machine: Machine, representation: object, position: int = 0) -> dict[str, Document]:
    """The entries of one file, by site."""
    sites = file_of(machine, representation, position)["sites"]
    return {entry["name"]: entry for entry in sites}


def file_of(
    machine: Machine, representation: object, position: int = 0, project: str = PROJECT
) -> Document:
    document: Any = machine.client[machine.database][project].find_one({"_id": representation})
    found: Document = document["files"][position]
    return found


def set_sites(machine: Machine, representation: object, sites: Any) -> None:
    """Replace what the only file says of sites; None takes it away."""
    change = (
        {"$unset": {"files.0.sites": 1}} if sites is None else {"$set": {"files.0.sites": sites}}
    )
    machine.documents.update_one({"_id": representation}, change)


def available(name: str, **fields: Any) -> Document:
    return {"name": name, "created_dt": datetime.now(), **fields}  # noqa: DTZ005 - so does OpenPype


def publish_everywhere(
    machine: Machine, name: str, *sites: str, verified: bool = True, project: str = PROJECT
) -> ObjectId:
    """
    Publish a file that lies at the studio and at further sites, which have it available.

    Those that the reactor brought it to have it `verified`; the studio's is the publisher's.
    """
    content = os.urandom(1000)
    for site in ("studio", *sites):
        file = machine.root(site) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    representation = machine.publish(name, project=project)
    file_hash: str = file_of(machine, representation, project=project)["hash"]
    mtime = published_mtime_ns(file_hash)
    assert mtime is not None
    for site in ("studio", *sites):
        os.utime(machine.root(site) / name, ns=(mtime, mtime))
    proof = {"verified": "checksum", "source_hash": source_hash(file_hash)} if verified else {}
    more = [available(site, **proof) for site in sites]
    documents = machine.client[machine.database][project]
    documents.update_one({"_id": representation}, {"$push": {"files.0.sites": {"$each": more}}})
    return representation
