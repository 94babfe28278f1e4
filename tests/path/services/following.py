"""A reactor that follows a service, and the hands that change what lies there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from bson import ObjectId

from providers.conformance.moves import at, put
from reactor.app import Reactor
from reactor.model import OnMissing, Policy
from tests.path.remotes import Remote
from tests.path.studio import PATIENCE, Studio, some_bytes

Document = dict[str, Any]
TOKENS: Document = {"_id": {"$regex": "^changes of"}}
BY_HAND_NS = 1_600_000_000_000_000_000


def policy(on_missing: OnMissing = "restore", grace: float = 0.2, limit: int = 500) -> Policy:
    return Policy(on_missing, grace, limit)


def modes(reactor: Reactor) -> list[str]:
    return [one["mode"] for one in reactor.watches.as_documents() if one["site"] == "drive"]


async def until(holds: Callable[[], bool]) -> None:
    with anyio.fail_after(PATIENCE):
        while not holds():
            await anyio.sleep(0.02)


@asynccontextmanager
async def following(studio: Studio) -> AsyncGenerator[Reactor]:
    """A reactor that follows the service, and has surveyed what it had to."""
    async with studio.running() as reactor:
        await until(lambda: modes(reactor) == ["live"])
        await until(lambda: reactor.watches.surveyed)
        yield reactor


async def until_entry(
    studio: Studio, representation: ObjectId, holds: Callable[[Document], bool], site: str = "drive"
) -> Document:
    with anyio.fail_after(PATIENCE):
        while not holds(entry := await studio.entry(representation, site)):
            await anyio.sleep(0.02)
    return entry


async def until_kept(studio: Studio) -> str:
    """Wait until the token for all that has happened is kept, and return it."""
    drive = studio.provider("drive")
    assert isinstance(drive, Remote)
    with anyio.fail_after(PATIENCE):
        while True:
            kept: Document | None = await studio.state["cursors"].find_one(TOKENS)
            if kept is not None and kept["token"] == await drive.changes_now("work"):
                token: str = kept["token"]
                return token
            await anyio.sleep(0.02)


async def synced(studio: Studio, *names: str) -> list[ObjectId]:
    """Publish files, and return when they have come to the drive."""
    published = [await studio.publish_file(name, some_bytes(), wanted=["drive"]) for name in names]
    for representation in published:
        await studio.until(representation, "drive")
    return published


def available(entry: Document) -> bool:
    return "created_dt" in entry


def wanted(entry: Document) -> bool:
    return bool(entry) and "created_dt" not in entry


async def left_alone(studio: Studio, representation: ObjectId) -> None:
    """Assert that an entry stays as it is for as long as it takes to see another change."""
    before = await studio.entry(representation, "drive")
    [other] = await synced(studio, f"other-{ObjectId()}.exr")
    document = await studio.documents.find_one({"_id": other})
    await take_away(studio, document["files"][0]["path"].partition("/")[2])
    await until_entry(studio, other, lambda entry: entry != {} and not available(entry))
    assert await studio.entry(representation, "drive") == before


def by_hand(studio: Studio) -> Any:
    drive = studio.provider("drive")
    assert isinstance(drive, Remote)
    return drive.by_hand


async def put_there(studio: Studio, name: str, content: bytes) -> None:
    await put(by_hand(studio), name, content, BY_HAND_NS)


async def take_away(studio: Studio, name: str) -> None:
    await by_hand(studio).remove(at(name))
