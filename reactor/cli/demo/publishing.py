"""
Publishing as OpenPype's integrator does it: the files first, then documents that name them.

The frame sequence and the cache are new versions each time; the workfile is a hero version,
which is published again and again under one path.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from anyio import to_thread
from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection

from reactor.cli.demo.layout import OWN_SITE, PROJECT, Layout
from reactor.cli.demo.pictures import png_of

Document = dict[str, Any]

FRAMES = 48
FIRST_FRAME = 1001
HERO = "sh010_workfile_hero.nk"

_MIB = 1024 * 1024
_SHOT = f"{PROJECT}/shots/sh010/publish"


@dataclass(frozen=True, slots=True)
class Item:
    """One representation to publish: its files are on the studio's disk."""

    extension: str
    subset: str
    version: int | None
    files: tuple[Path, ...]


@dataclass(slots=True)
class Publisher:
    """
    Publishes into a project's collection.

    `moments` tells for each representation when its document was about to be written, on
    this process's monotonic clock.
    """

    layout: Layout
    documents: AsyncCollection[Document]
    moments: dict[object, float] = field(default_factory=dict[object, float])

    async def publish(self, item: Item) -> object:
        """Write one item's documents (a hero version's is replaced); return the id of its own."""
        parent = await self._version(item)
        document = await to_thread.run_sync(_representation, self.layout, item, parent)
        same = {"type": "representation", "files.path": document["files"][0]["path"]}
        before = await self.documents.find_one(same, {"_id": 1})
        identity = before["_id"] if before else ObjectId()
        self.moments[identity] = time.monotonic()
        await self.documents.replace_one({"_id": identity}, document, upsert=True)
        return identity

    async def next_version(self) -> int:
        """Return the number of the next version."""
        newest = await self.documents.find_one({"type": "version"}, sort=[("name", -1)])
        return 1 + (newest["name"] if newest else 0)

    async def _version(self, item: Item) -> ObjectId:
        """Write the subset and version that stand above a representation; return the version."""
        subset = await self._document("subset", item.subset, parent=None)
        if item.version is None:
            return await self._document("hero_version", "hero", parent=subset)
        return await self._document("version", item.version, parent=subset)

    async def _document(self, kind: str, name: object, parent: ObjectId | None) -> ObjectId:
        """Return the id of a document, which is written if there is none like it."""
        named = {"type": kind, "name": name, "parent": parent}
        if found := await self.documents.find_one(named, {"_id": 1}):
            return ObjectId(found["_id"])
        identity = ObjectId()
        await self.documents.insert_one({"_id": identity, **named})
        return identity


def make_files(layout: Layout, version: int, cache_size: int) -> list[Item]:
    """Return what is to be published; its files are on the studio's disk."""
    studio = layout.site(OWN_SITE) / _SHOT
    frames = tuple(_frames(studio / "renderMain", version))
    cache = studio / "waterMain" / f"v{version:03}" / f"sh010_waterMain_v{version:03}.raw"
    _make_cache(cache, cache_size)
    return [
        make_workfile(layout, version),
        Item("png", "renderMain", version, frames),
        Item("raw", "waterMain", version, (cache,)),
    ]


def make_workfile(layout: Layout, version: int, saved: int = 1) -> Item:
    """Write the workfile under the hero's path; all that are ever saved have one size."""
    file = layout.site(OWN_SITE) / _SHOT / "workfileMain" / "hero" / HERO
    file.parent.mkdir(parents=True, exist_ok=True)
    frames = f"{_SHOT}/renderMain/v{version:03}/sh010_renderMain_v{version:03}.%04d.png"
    file.write_text(
        f"# saved {saved}\nRoot {{\n first_frame {FIRST_FRAME}\n last_frame {FIRST_FRAME + FRAMES - 1}\n}}\n"
        f"Read {{\n inputs 0\n file {frames}\n first {FIRST_FRAME}\n"
        f" last {FIRST_FRAME + FRAMES - 1}\n name Read1\n}}\n",
        encoding="utf-8",
    )
    return Item("nk", "workfileMain", None, (file,))


def _frames(folder: Path, version: int) -> Iterator[Path]:
    folder = folder / f"v{version:03}"
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(FRAMES):
        file = folder / f"sh010_renderMain_v{version:03}.{FIRST_FRAME + number}.png"
        file.write_bytes(png_of(number / (FRAMES - 1)))
        yield file


def _make_cache(file: Path, size: int) -> None:
    """Write a large file, random at first and then counted on: quick, and no two pieces alike."""
    block = os.urandom(_MIB)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as stream:
        for number, start in enumerate(range(0, size, _MIB)):
            piece = number.to_bytes(8, "big") + block[8:]
            stream.write(piece[: size - start])


def _representation(layout: Layout, item: Item, parent: ObjectId) -> Document:
    """Return the document, with the fields that OpenPype 3's integrator writes."""
    context: Document = {
        "project": {"name": PROJECT, "code": "demo"},
        "asset": "sh010",
        "subset": item.subset,
        "representation": item.extension,
        "ext": item.extension,
        "root": {"work": str(layout.site(OWN_SITE))},
    }
    if item.version is not None:
        context["version"] = item.version
    return {
        "schema": "openpype:representation-2.0",
        "type": "representation",
        "name": item.extension,
        "parent": parent,
        "data": {"path": str(item.files[0])},
        "context": context,
        "files": list(_files(layout, item.files)),
    }


def _files(layout: Layout, files: Iterable[Path]) -> Iterator[Document]:
    for file in files:
        below = file.relative_to(layout.site(OWN_SITE)).as_posix()
        yield {
            "_id": ObjectId(),
            "path": f"{{root[work]}}/{below}",
            "size": file.stat().st_size,
            "hash": _source_hash(file),
            "sites": [
                {"name": OWN_SITE, "created_dt": datetime.now()},  # noqa: DTZ005 - as OpenPype does
                {"name": "vendor"},
            ],
        }


def _source_hash(file: Path) -> str:
    """Return what OpenPype calls a hash: name, time and size, with commas for dots."""
    facts = file.stat()
    return "|".join((file.name, str(facts.st_mtime), str(facts.st_size))).replace(".", ",")
