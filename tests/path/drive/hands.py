"""What people do in Drive with a client of their own, and what a studio sees of it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from bson import ObjectId

from reactor.app import Reactor
from tests.path.drive.studio import DriveStudio
from tests.path.studio import PATIENCE, Document, some_bytes
from tests.servers.drive.calls import FILES, UPLOAD
from tests.servers.drive.resources import told_time
from tests.servers.drive.running import StoredFile

TOKENS: Document = {"_id": {"$regex": "^changes of"}}
_NOW = "/drive/v3/changes/startPageToken"


class Hands:
    """Somebody who works in the vendor's Drive, as its owner."""

    def __init__(self, studio: DriveStudio) -> None:
        self._studio = studio
        self._drive = studio.drive

    def stored(self, path: str) -> StoredFile:
        """The file or folder at a path."""
        [found] = [one for one in self._drive.files(self._studio.shared) if one.path == path]
        return found

    def folder(self, path: str) -> str:
        """Return the id of a folder, made with those above it where they are not there."""
        parent, made = self._studio.shared, ""
        for name in filter(None, path.split("/")):
            made = f"{made}/{name}".lstrip("/")
            there = [one for one in self._drive.files(self._studio.shared) if one.path == made]
            parent = there[0].id if there else self._drive.folder_in(parent, name)
        return parent

    def put(self, path: str, content: bytes) -> str:
        folder, _, name = path.rpartition("/")
        return self._drive.put(self.folder(folder), name, content)

    def change(self, path: str, **body: Any) -> None:
        self._drive.call("PATCH", f"{FILES}/{self.stored(path).id}", body)

    def trash(self, path: str) -> None:
        self.change(path, trashed=True)

    def delete(self, path: str) -> None:
        """Delete for good."""
        self._drive.call("DELETE", f"{FILES}/{self.stored(path).id}")

    def move(self, path: str, folder: str) -> None:
        """Move into a folder, by its id."""
        now = self.stored(path)
        query = f"addParents={folder}&removeParents={now.parent}"
        self._drive.call("PATCH", f"{FILES}/{now.id}?{query}", {})

    def overwrite(self, path: str, content: bytes) -> None:
        """Give a file other bytes in place, and its old time, as programs that sync do."""
        now = self.stored(path)
        self._drive.call("PATCH", f"{UPLOAD}/{now.id}?uploadType=media", content)
        self._drive.call("PATCH", f"{FILES}/{now.id}", {"modifiedTime": told_time(now.modified)})

    def now(self) -> int:
        """Return the number of the change that comes next."""
        return int(self._drive.call("GET", _NOW)["startPageToken"])


@asynccontextmanager
async def following(studio: DriveStudio) -> AsyncGenerator[Reactor]:
    """A reactor that follows Drive, and has surveyed what it had to."""
    async with studio.running() as reactor:
        with anyio.fail_after(PATIENCE):
            while modes(reactor) != ["live"] or not reactor.watches.surveyed:
                await anyio.sleep(0.02)
        yield reactor


def modes(reactor: Reactor) -> list[str]:
    return [one["mode"] for one in reactor.watches.as_documents() if one["site"] == "vendor"]


async def until_entry(
    studio: DriveStudio, representation: ObjectId, holds: Callable[[Document], bool]
) -> Document:
    """Wait until the vendor's entry is so, and return it."""
    with anyio.fail_after(PATIENCE):
        while not holds(entry := await studio.entry(representation, "vendor")):
            await anyio.sleep(0.02)
    return entry


async def until_kept(studio: DriveStudio) -> None:
    """Wait until a token is kept for all that has happened by now."""
    now = Hands(studio).now()
    with anyio.fail_after(PATIENCE):
        while True:
            kept: Document | None = await studio.state["cursors"].find_one(TOKENS)
            number = kept["token"].partition("@")[0] if kept else ""
            if number.isdecimal() and int(number) >= now:
                return
            await anyio.sleep(0.02)


async def synced(studio: DriveStudio, *names: str) -> list[ObjectId]:
    """Publish files, and return when they have come to the vendor."""
    published = [await studio.publish_file(name, some_bytes()) for name in names]
    for representation in published:
        await studio.until(representation, "vendor")
    return published


def available(entry: Document) -> bool:
    return "created_dt" in entry


def gone(entry: Document) -> bool:
    return entry == {}


def told_changed(entry: Document) -> bool:
    return "changed after it was published" in entry.get("error", "")
