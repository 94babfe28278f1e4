"""What publishers have published: representations, and the files that they hold."""

from __future__ import annotations

import hashlib
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import xxhash
from bson import ObjectId

from tests.faults.ledger import Line

Document = dict[str, Any]

BIG = 40 * 1024 * 1024  # more than what is sent between two notes in a journal


@dataclass
class PublishedFile:
    """One file: `below` its root, and what was last written under that name."""

    below: str
    size: int
    id: ObjectId = field(default_factory=ObjectId)
    hash: str = ""
    mtime_ns: int = 0

    @property
    def path(self) -> str:
        """The path as documents have it."""
        return f"{{root[work]}}/{self.below}"

    def renew(self, content: bytes, site: str) -> Line:
        """Decide what `hash` these bytes will have, and return the ledger's line for them."""
        self.mtime_ns = max(self.mtime_ns + 2_000_000, time.time_ns() // 1000 * 1000)
        facts = (Path(self.below).name, str(self.mtime_ns / 1e9), str(self.size))
        self.hash = "|".join(facts).replace(".", ",")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        fast = f"xxh128:{xxhash.xxh3_128_hexdigest(content)}"
        return Line(self.path, site, self.hash, self.size, (digest, fast))

    def put(self, root: Path, content: bytes, *, in_place: bool) -> None:
        """Write the bytes: into the file that is there, or beside it and then under its name."""
        file = root / self.below
        file.parent.mkdir(parents=True, exist_ok=True)
        target = file if in_place else file.with_name(f"{file.name}.tmp")
        target.write_bytes(content)
        os.utime(target, ns=(self.mtime_ns, self.mtime_ns))
        if target != file:
            target.replace(file)

    def element(self, home: str, wanted: Sequence[str]) -> Document:
        """Return the element of `files`, available at home."""
        return {"_id": self.id, "path": self.path, **self.meaning(home, wanted)}

    def meaning(self, home: str, wanted: Sequence[str]) -> Document:
        """Return what a republish changes of the element."""
        here = {"name": home, "created_dt": datetime.now()}  # noqa: DTZ005 - so does OpenPype
        sites = [here, *({"name": name} for name in wanted)]
        return {"size": self.size, "hash": self.hash, "sites": sites}


@dataclass
class Item:
    """
    A representation of these files, published at one site; `ids` where several name them.

    Of the sites where it is wanted the first is the remote one.
    """

    project: str
    home: str
    wanted: tuple[str, ...]
    files: list[PublishedFile]
    ids: list[ObjectId]


def some_size(rng: random.Random) -> int:
    """Return a size as publishes have them: mostly small, now and then a large one."""
    dice = rng.random()
    if dice < 0.004:
        return BIG + rng.randrange(1024)
    if dice < 0.03:
        return rng.randrange(1, 6) * 1024 * 1024
    return int(rng.lognormvariate(8.5, 1.2)) + 1


def document_of(item: Item, identity: ObjectId) -> Document:
    """Return the representation, as OpenPype's integrator writes it."""
    return {
        "_id": identity,
        "type": "representation",
        "name": "exr",
        "parent": ObjectId(),
        "context": {"project": {"name": item.project}},
        "data": {},
        "files": [file.element(item.home, item.wanted) for file in item.files],
    }
