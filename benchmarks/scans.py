"""
A million representations: what scans, `status` and `queue` take when all is well, and when not.

`python -m benchmarks.scans 50000` tries it with fewer.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
import psutil
from bson import ObjectId

from benchmarks.rig import Document, Result, medians, settings_of, studio_and_uri
from reactor.logs import configure_logs
from reactor.model import Topology, source_hash
from reactor.queries import START
from reactor.reader import Reader
from tests.path.program import environment
from tests.path.studio import PROJECT, Studio

COUNT = 1_000_000
FILES = 5
WANTED = 1_000
_TOGETHER = 2_000

TOPOLOGY = Topology(
    project=PROJECT,
    own="studio",
    served=("studio", "vendor"),
    alternatives={"studio": [], "vendor": []},
    reachable=frozenset({"studio", "vendor"}),
)


async def scans(folder: Path, count: int = COUNT) -> list[Result]:
    """Return the times of scans of so many representations, and what the program takes there."""
    async with studio_and_uri(folder) as (studio, uri):
        settings = settings_of(studio, uri)
        reader = Reader(studio.client[studio.database])
        await reader.make_indexes(PROJECT)
        spread = await _fill(studio, count)
        what = f"{count:,} × {FILES} files"
        results = [
            await _unfinished(studio, f"unfinished scan of {what}, all done", 0, 20),
            await _full(studio, reader, f"full scan of {what}, all done"),
            _reconcile(settings, f"reconcile of {what}, all done"),
        ]
        await _let_want(studio, spread)
        results += [
            await _unfinished(studio, f"unfinished scan of {what}, {WANTED:,} wanted", WANTED, 500),
            *(_shown(settings, name, f"{name}, {what}, {WANTED:,} wanted") for name in _SHOWING),
        ]
    return results


_SHOWING = ("status", "queue")


def _document(number: int) -> Document:
    """Return a representation of five frames that are where they should be."""
    folder = f"{{root[work]}}/Show/shots/sq01/sh{number:07d}/publish/comp/v001"
    return {
        "_id": ObjectId(),
        "type": "representation",
        "name": "exr",
        "parent": ObjectId(),
        "context": {"project": {"name": PROJECT}, "asset": f"sh{number:07d}", "subset": "comp"},
        "data": {"path": f"{folder}/sh{number:07d}.1001.exr"},
        "files": [_file(f"{folder}/sh{number:07d}.{1001 + frame}.exr") for frame in range(FILES)],
    }


def _file(path: str) -> Document:
    size = 12_345_678
    name = path.rpartition("/")[2]
    file_hash = f"{name}|1700000000.25|{size}".replace(".", ",")
    proof = {"checksum": f"xxh128:{'0' * 32}", "verified": "checksum"}
    at = datetime(2024, 3, 5, tzinfo=UTC)
    return {
        "_id": ObjectId(),
        "path": path,
        "size": size,
        "hash": file_hash,
        "sites": [
            {"name": "studio", "created_dt": at},
            {"name": "vendor", "created_dt": at, **proof, "source_hash": source_hash(file_hash)},
        ],
    }


async def _fill(studio: Studio, count: int) -> list[ObjectId]:
    """Insert the representations, and return ids of some, evenly spread."""
    spread: list[ObjectId] = []
    for start in range(0, count, _TOGETHER):
        documents = [_document(n) for n in range(start, min(count, start + _TOGETHER))]
        await studio.documents.insert_many(documents, ordered=False)
        spread += [one["_id"] for one in documents[:: max(1, count // WANTED)]]
    return spread[:WANTED]


async def _let_want(studio: Studio, ids: Sequence[ObjectId]) -> None:
    """Let some documents want one of their files at the vendor."""
    unset = {"$unset": {f"files.2.sites.1.{key}": 1 for key in ("created_dt", "source_hash")}}
    await studio.documents.update_many({"_id": {"$in": ids}}, unset)


async def _unfinished(studio: Studio, name: str, wanted: int, most: int) -> Result:
    """Measure the scan of a fresh reactor, from its query to a queue that holds what is wanted."""
    times: list[float] = []
    reactor = studio.reactor()
    for _ in range(10):
        reactor = studio.reactor()
        started = time.perf_counter()
        await reactor.scans.unfinished(TOPOLOGY)
        times.append(time.perf_counter() - started)
    found = len(reactor.scheduler.queue)
    took = median(times) * 1000
    met = took < most and found == wanted
    return Result(name, f"{took:.1f} ms, {found:,} queued", "", None, f"< {most} ms", met)


async def _full(studio: Studio, reader: Reader, name: str) -> Result:
    """Measure a full scan beside the same cursor, drained without a look at what it brings."""
    rounds: list[tuple[float, float]] = []
    reactor = studio.reactor()
    for _ in range(3):
        started = time.perf_counter()
        async with await reader.overlooked(TOPOLOGY, START) as batches:
            async for _batch in batches:
                pass
        drained = time.perf_counter()
        await reactor.scans.full(TOPOLOGY)
        rounds.append((time.perf_counter() - drained, drained - started))
    ours, theirs = medians(rounds)
    ratio = ours / theirs
    return Result(name, f"{ours:.1f} s", f"server {theirs:.1f} s", ratio, "≤ 2×", ratio <= 2)


def _reconcile(settings: Path, name: str) -> Result:
    """Measure the program's whole pass, and its memory at the worst moment."""
    started, peak = time.perf_counter(), 0
    with _start(settings, "reconcile") as process:
        memory = psutil.Process(process.pid)
        while process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                peak = max(peak, memory.memory_info().rss)
            time.sleep(0.05)
    took, mib = time.perf_counter() - started, peak / 1024**2
    met = mib < 150 and process.returncode == 0
    return Result(name, f"{took:.1f} s, {mib:.0f} MiB at most", "", None, "< 150 MiB", met)


def _shown(settings: Path, command: str, name: str) -> Result:
    """Measure a whole command, from the shell to its last line."""
    times: list[float] = []
    code = 0
    for _ in range(3):
        started = time.perf_counter()
        with _start(settings, command) as process:
            code = process.wait()
        times.append(time.perf_counter() - started)
    took = median(times)
    return Result(name, f"{took:.2f} s", "", None, "< 2 s", took < 2 and code == 0)


def _start(settings: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start the program as the studio; what it says is of no interest."""
    command = [sys.executable, "-m", "reactor", "--config", str(settings), *arguments]
    nowhere = subprocess.DEVNULL
    environ = {**environment(settings), "SITESYNC_SITE_ID": "studio"}
    return subprocess.Popen(command, stdout=nowhere, stderr=nowhere, env=environ)


def main(count: int) -> None:
    """Print what it takes with so many representations."""
    configure_logs(quiet=True)
    with TemporaryDirectory(prefix="sitesync-bench-", dir="/var/tmp") as folder:
        for result in anyio.run(scans, Path(folder), count):
            told = f"{result.ours} {result.theirs} {result.ratio or ''} ({result.target})"
            print(f"{'met   ' if result.met else 'MISSED'} {result.name}: {told}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else COUNT)
