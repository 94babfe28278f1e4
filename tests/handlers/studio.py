"""A small studio for tables of what a change means: its sites, and changes in few words."""

from __future__ import annotations

from typing import Any

from reactor.commands import Command
from reactor.documents import parse_representation
from reactor.events import ChangeEvent, Key, Origin
from reactor.model import FileRef, Topology, Work
from reactor.router import Handler

PATH = "{root[work]}/shots/x.exr"
HASH = "x,exr|1709641800,25|64"
KEY = Key("Bunny", "r1")
REF = FileRef("Bunny", "r1", 0, "f1", HASH)

STUDIO = Topology(
    project="Bunny",
    own="studio",
    served=("studio", "vendor", "archive"),
    alternatives={
        "studio": [],
        "vendor": ["vendor_web"],
        "vendor_web": [],
        "archive": [],
        "drive": [],
    },
    reachable=frozenset({"studio", "vendor", "archive", "drive"}),
    always=("archive",),
)


def held(name: str, **fields: Any) -> dict[str, Any]:
    """Return an available entry."""
    return {"name": name, "created_dt": "a date", **fields}


def wanted(name: str, **fields: Any) -> dict[str, Any]:
    """Return a wanted entry."""
    return {"name": name, **fields}


def file(*sites: object, **fields: Any) -> dict[str, Any]:
    """Return a file with entries."""
    return {"_id": "f1", "path": PATH, "hash": HASH, "size": 64, "sites": [*sites], **fields}


def change(*files: object, **fields: Any) -> ChangeEvent:
    """Return the event of a document that has these files now."""
    document = {"_id": KEY.representation, "files": [*files], **fields}
    return ChangeEvent(KEY, Origin.STREAM, parse_representation(KEY.project, document))


def removed() -> ChangeEvent:
    """Return the event of a document that is gone."""
    return ChangeEvent(KEY, Origin.STREAM, None)


def said(handler: Handler, event: ChangeEvent, topology: Topology = STUDIO) -> list[Command]:
    """Return what a handler asks for."""
    return list(handler(event, topology))


def work(site: str, path: str = PATH) -> Work:
    """Return the name of the work to bring a file to a site."""
    return Work(KEY.project, site, path)
