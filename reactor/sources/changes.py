"""
What is asked of the database's change stream, and what its answers mean. Pure.

The server keeps back what is not about files, and the documents themselves: it tells the names
of the fields that an update touched, and what these mean is found out here. The server would
work through thousands of names several times slower, for each process that asks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Any

from bson import json_util

from reactor.events import Key, Notice, Origin, is_name

Document = dict[str, Any]

_TOUCHED: Document = {
    "$concatArrays": [
        {
            "$map": {
                "input": {"$objectToArray": {"$ifNull": ["$updateDescription.updatedFields", {}]}},
                "as": "u",
                "in": "$$u.k",
            }
        },
        {"$ifNull": ["$updateDescription.removedFields", []]},
        {
            "$map": {
                "input": {"$ifNull": ["$updateDescription.truncatedArrays", []]},
                "as": "t",
                "in": "$$t.field",
            }
        },
    ]
}
_ABOUT_FILES = r"^(type$|files$|files\.(?!\d+\.sites\.\d+\.progress$))"
_LARGE = 512 * 1024  # bytes of a file, on the average
_ABOUT_SITES = re.compile(r"files\.(\d{1,9})\.sites(?:\.|$)")

# A constant of the program: another pipeline would make the saved tokens unusable (error 280).
# Without the projection, events near 16 MB would kill the stream.
PIPELINE: list[Document] = [
    {
        "$match": {
            "$or": [
                {
                    "operationType": {"$in": ["insert", "replace"]},
                    "fullDocument.type": "representation",
                },
                {"operationType": {"$in": ["update", "delete", "drop", "rename", "dropDatabase"]}},
            ]
        }
    },
    {
        "$project": {
            "operationType": 1,
            "ns": 1,
            "to": 1,
            "documentKey._id": 1,
            "lsid.id": 1,
            "touched": {"$cond": [{"$eq": ["$operationType", "update"]}, _TOUCHED, []]},
            "size": {"$avg": "$fullDocument.files.size"},
        }
    },
    {
        "$match": {
            "$or": [{"operationType": {"$ne": "update"}}, {"touched": {"$regex": _ABOUT_FILES}}]
        }
    },
]

FINGERPRINT = hashlib.sha256(json_util.dumps(PIPELINE).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Change:
    """
    What the stream tells; `notice` where it is of a document.

    `author` is the session in which sites were recorded; None where something else has changed.
    Files are `large` where bringing them costs far more than looking at their document.
    """

    kind: str
    project: str
    notice: Notice | None = None
    author: object = None
    large: bool = False


def change_of(told: Document) -> Change:
    """Return what the database tells."""
    kind, project = told["operationType"], told.get("ns", {}).get("coll", "")
    name = told.get("documentKey", {}).get("_id")
    if "documentKey" not in told or (kind == "delete" and not is_name(name)):
        return Change(kind, project)  # what had such an id was never served
    positions: set[int] = set()
    thorough = kind != "update"
    for field in told["touched"]:
        if of_sites := _ABOUT_SITES.match(field):
            positions.add(int(of_sites[1]))
        elif field.partition(".")[0] in ("type", "files"):
            thorough = True
    key = Key(project, name)
    notice = Notice(key, Origin.STREAM, thorough, None if thorough else frozenset(positions))
    author = told["lsid"]["id"] if "lsid" in told and not thorough else None
    return Change(kind, project, notice, author, large=(told.get("size") or 0) > _LARGE)
