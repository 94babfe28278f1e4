"""Disk to disk, beside `cp` and `sync`."""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median

import anyio

from benchmarks.floor import Floor
from benchmarks.rig import (
    RENDERED_SECONDS,
    Result,
    elements_of,
    emptied,
    large_file_at,
    make_files,
    medians,
    publish_and_wait,
    side_by_side,
    studio_in,
    warmed_up,
)
from providers.local_drive.hands import Hands
from tests.path.studio import Studio

COUNT = 2_000
SIZE = 64 * 1024
LARGE = 1024**3
ROUNDS = 4  # in turns: this disk's speed depends on what it had to write in the last minutes


async def small_files(folder: Path) -> list[Result]:
    """Return files per second for a sequence, against `cp -r` of the same folder, and the floor."""
    async with studio_in(folder) as studio:
        floor = [await _floor_round(studio, version) for version in range(1, 1 + ROUNDS)]
        async with studio.running():
            await warmed_up(studio)
            rounds = [
                await _small_round(studio, ROUNDS + version) for version in range(1, 1 + ROUNDS)
            ]
    ours, theirs = medians(rounds)
    least = median(floor)
    name = f"{COUNT} × 64 KiB, disk to disk"
    ratio = theirs / ours
    return [
        Result(
            name,
            f"{COUNT / ours:.0f} files/s",
            f"cp -r; sync: {COUNT / theirs:.0f} files/s",
            ratio,
            "≥ 0.5×",
            ratio >= 0.5,
        ),
        Result(
            f"{name}, beside the floor (claims + staged, synced copies + transactions)",
            f"{COUNT / ours:.0f} files/s",
            f"{COUNT / least:.0f} files/s: {theirs / least:.2f}× of cp",
            least / ours,
            "",
            met=True,
        ),
    ]


async def large_file(folder: Path) -> list[Result]:
    """Return the rate of one large file, against `cp` of it."""
    async with studio_in(folder) as studio, studio.running():
        await warmed_up(studio)
        rounds = [await _large_round(studio, version) for version in range(1, 1 + ROUNDS)]
    ours, theirs = medians(rounds)
    ratio = theirs / ours
    return [
        Result(
            "1 GiB, disk to disk, hashed",
            f"{1024 / ours:.0f} MiB/s",
            f"cp; sync: {1024 / theirs:.0f} MiB/s",
            ratio,
            "≥ 0.8×",
            ratio >= 0.8,
        )
    ]


async def _floor_round(studio: Studio, version: int) -> float:
    source = make_files(studio, COUNT, SIZE, version=version)
    elements = elements_of(studio, source, "studio", ["vendor"])
    os.sync()
    hands = Hands(2)
    try:
        return await Floor(studio, hands).seconds(elements)
    finally:
        await hands.close()


async def _small_round(studio: Studio, version: int) -> tuple[float, float]:
    source = make_files(studio, COUNT, SIZE, version=version)
    elements = elements_of(studio, source, "studio", ["vendor"])
    await anyio.sleep(RENDERED_SECONDS)
    target = studio.folder / f"cp{version}"  # a new one: see `spread_out`
    copying = ("cp", "-r", str(source), str(target)), ("sync",)
    return await side_by_side(
        version, lambda: publish_and_wait(studio, elements, "vendor"), *copying
    )


async def _large_round(studio: Studio, version: int) -> tuple[float, float]:
    source = large_file_at(studio, "studio", LARGE, version=version)
    element = studio.files_entry(f"Show/{source.name}")
    target = emptied(studio.folder / "cp") / source.name
    copying = ("cp", str(source), str(target)), ("sync", str(target))
    took = await side_by_side(
        version, lambda: publish_and_wait(studio, [element], "vendor"), *copying
    )
    await studio.documents.delete_many({})  # what is removed now shall not be brought back
    for file in (source, target, studio.path("vendor", f"Show/{source.name}")):
        file.unlink()
    return took
