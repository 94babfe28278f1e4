"""A file copied by hand to the own site's disk, until its document says that it is there."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import anyio
from bson import ObjectId

from benchmarks.rig import Result, spread, studio_in, warmed_up
from tests.path.studio import Studio

ROUNDS = 60
SIZE = 64 * 1024


async def by_hand(folder: Path) -> list[Result]:
    """Return copied → marked; the proof is the checksum of the copy at the vendor."""
    async with studio_in(folder) as studio, studio.running() as reactor:
        await warmed_up(studio)
        while not reactor.watches.surveyed:
            await anyio.sleep(0.05)
        seconds = [await _copy_once(studio, number) for number in range(ROUNDS)]
    middle, worst = spread(seconds)
    return [
        Result(
            "copied by hand → marked, median",
            f"{middle:.0f} ms (p99 {worst:.0f})",
            "",
            None,
            "< 300 ms",
            middle < 300,
        )
    ]


async def _copy_once(studio: Studio, number: int) -> float:
    """Return the seconds from the end of `cp` to the change event of the mark."""
    name = f"Show/hand.{number}.exr"
    identity = await studio.publish_file(name, os.urandom(SIZE))
    await studio.until(identity, "vendor")
    file, kept = studio.path("studio", name), studio.folder / "kept.exr"
    shutil.move(file, kept)
    await _forget(studio, identity)
    await anyio.sleep(0.3)  # what was done so far has been looked at
    async with await studio.documents.watch([{"$project": {"documentKey": 1}}]) as stream:
        shutil.copyfile(kept, file)
        started = time.perf_counter()
        while "created_dt" not in await studio.entry(identity, "studio"):
            await stream.next()
        return time.perf_counter() - started


async def _forget(studio: Studio, identity: ObjectId) -> None:
    here = {"files.0.sites": {"name": "studio"}}
    await studio.documents.update_one({"_id": identity}, {"$pull": here})
