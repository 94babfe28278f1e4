"""One 64 KiB file, publish to available, beside the least that the protocol can take."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, cast

import anyio
from bson import ObjectId
from pymongo import WriteConcern

from benchmarks.rig import Result, spread, studio_in, warmed_up
from providers.base import Handle, Location
from tests.path.studio import Studio

ROUNDS = 150
SIZE = 64 * 1024


async def latency(folder: Path) -> list[Result]:
    """Return publish → available, and its floor."""
    async with studio_in(folder) as studio:
        floor = [await _floor_once(studio, number) for number in range(ROUNDS)]
        async with studio.running():
            await warmed_up(studio)
            ours = [await _publish_once(studio, number) for number in range(ROUNDS)]
    middle, worst = spread(ours)
    floor_middle, floor_worst = spread(floor)
    ratio = middle / floor_middle
    return [
        Result("publish → available, median", f"{middle:.1f} ms", "", None, "< 40 ms", middle < 40),
        Result("publish → available, p99", f"{worst:.1f} ms", "", None, "< 150 ms", worst < 150),
        Result(
            "beside the floor (stream + claim + staged copy + transaction)",
            f"{middle:.1f} ms",
            f"{floor_middle:.1f} ms (p99 {floor_worst:.1f})",
            ratio,
            "≤ 3×",
            ratio <= 3,
        ),
    ]


async def _publish_once(studio: Studio, number: int) -> float:
    """Return the seconds from the publisher's insert to the change event of the record."""
    studio.file(f"Show/one.{number}.exr", os.urandom(SIZE))
    element = studio.files_entry(f"Show/one.{number}.exr")
    async with await studio.documents.watch([{"$match": {"operationType": "update"}}]) as stream:
        started = time.perf_counter()
        await studio.publish(element)
        while not _marks("vendor", (await stream.next())["updateDescription"]["updatedFields"]):
            pass
        took = time.perf_counter() - started
    await anyio.sleep(0.15)  # idle again: the echo of the record has been looked at
    return took


def _marks(site: str, changed: object) -> bool:
    """Return whether what an update changed makes an entry of a site available."""
    if isinstance(changed, list):
        return any(_marks(site, one) for one in cast("list[object]", changed))
    if not isinstance(changed, dict):
        return False
    fields = cast("dict[str, object]", changed)
    if fields.get("name") == site and "created_dt" in fields:
        return True
    return any(name.endswith(".created_dt") or _marks(site, fields[name]) for name in fields)


async def _floor_once(studio: Studio, number: int) -> float:
    """Do the bare steps one after the other, with nothing around them."""
    source = studio.file(f"Show/floor.{number}.exr", os.urandom(SIZE))
    claims = studio.state["floor"].with_options(write_concern=WriteConcern("majority"))
    provider = studio.provider("vendor")
    element = studio.files_entry(f"Show/floor.{number}.exr")
    async with await studio.documents.watch([{"$project": {"documentKey": 1}}]) as stream:
        started = time.perf_counter()
        identity = await studio.publish(element)
        await stream.next()
        claim = str(ObjectId())
        later: list[dict[str, Any]] = [{"$set": {"expires": {"$add": ["$$NOW", 30_000]}}}]
        await claims.update_one({"_id": claim}, later, upsert=True)
        handle = Handle(Location("work", f"Show/floor.{number}.exr"), claim)
        await provider.stage_from_disk(lambda: source, handle, lambda _: None)  # type: ignore[attr-defined]
        await provider.publish([(handle, None)])
        async with studio.client.start_session() as session, await session.start_transaction():
            done = {"$set": {"files.0.sites.1.created_dt": 1}}
            await studio.documents.update_one({"_id": identity}, done, session=session)
            await claims.delete_one({"_id": claim}, session=session)
        return time.perf_counter() - started
