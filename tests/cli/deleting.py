"""`site remove --delete-files` as it is called, and whether it left a file alone."""

from __future__ import annotations

from typing import Any

from bson import ObjectId

from tests.cli.machine import Machine
from tests.cli.published import entries


def delete(machine: Machine, site: str, representation: ObjectId, *more: str) -> Any:
    return machine.answer(
        *("site", "remove", site, "--representation", str(representation)), "--delete-files", *more
    )


def stays(machine: Machine, site: str, representation: ObjectId, name: str = "a.exr") -> bool:
    """Whether both the bytes and the mark of a file are as they were."""
    return (machine.root(site) / name).exists() and "created_dt" in entries(
        machine, representation
    )[site]
