"""Projects that share a site: a large backlog of one does not keep another's only file waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Handle, Location, Setup
from providers.memory import Memory, MemoryOptions
from tests.path.studio import PATIENCE, PROJECT, Studio, some_bytes, studio_of

OTHER = "Spot"
FRAMES = 2_000


class Slow(Memory):
    """A site far away: each file takes its time. It remembers in which order they came."""

    def __init__(self) -> None:
        super().__init__(Setup("vendor", {"work": "/work"}, MemoryOptions(store=uuid4().hex)))
        self.came: list[str] = []
        self.begun = anyio.Event()

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        self.came.append(where.path)
        self.begun.set()
        await anyio.sleep(0.005)
        return await super().stage(where, claim, size, mtime_ns)


@pytest.fixture
async def studio(
    client: AsyncMongoClient[dict[str, Any]],
    database: AsyncDatabase[dict[str, Any]],
    tmp_path: Path,
) -> AsyncIterator[Studio]:
    settings: dict[str, Any] = {"providers": {"vendor": Slow()}, "projects": (PROJECT, OTHER)}
    async with studio_of(client, database.name, tmp_path, **settings) as made:
        yield made


@pytest.mark.parametrize("found_by", ["stream", "scan"])
async def test_one_workfile_does_not_wait_for_the_frames_of_another_project(
    studio: Studio, found_by: str
) -> None:
    frame = studio.file("frame.exr", some_bytes(16))
    elements = [studio.files_entry("frame.exr") for _ in range(FRAMES)]
    for number, element in enumerate(elements):
        studio.path("studio", f"frame.{number}.exr").hardlink_to(frame)
        element["path"] = f"{{root[work]}}/frame.{number}.exr"
    studio.file("scene.ma", some_bytes())
    others = studio.client[studio.database][OTHER]
    workfile = {"type": "representation", "files": [studio.files_entry("scene.ma")]}
    if found_by == "scan":
        await studio.publish(*elements)
        await others.insert_one(workfile)

    site = studio.providers["vendor"]
    assert isinstance(site, Slow)
    async with studio.running():
        if found_by == "stream":
            await studio.publish(*elements)
            with anyio.fail_after(PATIENCE):
                await site.begun.wait()
            await others.insert_one(workfile)
        await studio.until_attempts(1, project=OTHER)

    assert site.came.index("scene.ma") < FRAMES * 2 // 3
