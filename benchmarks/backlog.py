"""A hundred thousand representations at once: nothing lost, in bounded memory."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import psutil

from benchmarks.rig import Result, elements_of, make_files, settings_of, studio_and_uri
from reactor.queries import wanted_at
from tests.path.program import reactor_process

COUNT = 100_000


async def backlog(folder: Path) -> list[Result]:
    """Return what a reactor makes of so many publishes, and its memory at the worst moment."""
    async with studio_and_uri(folder) as (studio, uri):
        settings = settings_of(studio, uri)
        make_files(studio, COUNT, 1024)
        elements = elements_of(studio, studio.path("studio", "Show/v001"), "studio", ["vendor"])
        peak = 0
        with reactor_process(settings) as process:
            memory = psutil.Process(process.pid)
            while not await studio.state["reactors"].find_one():
                await anyio.sleep(0.05)
            started = time.perf_counter()
            for start in range(0, COUNT, 2_000):
                batch = elements[start : start + 2_000]
                documents = [{"type": "representation", "files": [one]} for one in batch]
                await studio.documents.insert_many(documents, ordered=False)
            inserted = time.perf_counter() - started
            wanted = wanted_at("vendor")
            while await studio.documents.find_one(wanted, {"_id": 1}):
                peak = max(peak, memory.memory_info().rss)
                await anyio.sleep(0.1)
            took = time.perf_counter() - started
        there = sum(1 for _ in studio.path("vendor", "Show/v001").iterdir())
    mib = peak / 1024**2
    return [
        Result(
            f"{COUNT:,} representations at once",
            f"{there:,} there after {took:.0f} s ({COUNT / took:.0f}/s; inserting took "
            f"{inserted:.0f} s), {mib:.0f} MiB at most",
            "",
            None,
            "none lost, < 300 MiB",
            there == COUNT and mib < 300,
        )
    ]
