"""To and from `rclone serve s3` on loopback, beside rclone as the client in the same run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rig import (
    Result,
    elements_of,
    emptied,
    large_file_at,
    make_files,
    medians,
    publish_and_wait,
    studio_in,
    timed,
    timed_command,
    until_all_available,
    warmed_up,
)
from tests.path.studio import Studio
from tests.servers.s3 import ACCESS_KEY, BUCKET, SECRET_KEY, S3Server, rclone

COUNT = 1_000
SIZE = 64 * 1024
LARGE = 1024**3
LATENCY = 0.010
ROUNDS = 2
_MIB = 1024**2


@asynccontextmanager
async def _studio(folder: Path, server: S3Server, port: int) -> AsyncGenerator[Studio]:
    """Yield a studio whose vendor is a bucket."""
    async with studio_in(folder) as studio:
        roots, endpoint = {"work": f"/{folder.name}"}, f"http://127.0.0.1:{port}"
        async with server.provider(roots, endpoint=endpoint) as vendor:
            await vendor.make_marker("work")
        studio.providers["vendor"] = server.provider(roots, endpoint=endpoint)
        yield studio


@asynccontextmanager
async def _served(folder: Path) -> AsyncGenerator[S3Server]:
    with rclone(emptied(folder)) as server:
        await server.make_bucket()
        yield server


@contextmanager
def _far_away(server: S3Server) -> Generator[int]:
    """Yield the port of a proxy, in a process of its own, that delays each way."""
    command = [sys.executable, "-m", "tests.servers.proxy", str(server.port), str(LATENCY / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield int(proxy.stdout.readline())
        finally:
            proxy.kill()


async def small_files(folder: Path) -> list[Result]:
    """Return files per second where each answer takes 10 ms longer, and without."""
    async with _served(folder / "server") as server:
        with _far_away(server) as port:
            far_up, far_down = await _sequence(folder / "far", server, port)
        up, down = await _sequence(folder / "near", server, server.port)
    return [
        _line(f"{COUNT} × 64 KiB to S3, 10 ms away", COUNT, far_up, 0.8),
        _line(f"{COUNT} × 64 KiB from S3, 10 ms away", COUNT, far_down, 0.8),
        _line(f"{COUNT} × 64 KiB to S3 on this machine", COUNT, up, None),
        _line(f"{COUNT} × 64 KiB from S3 on this machine", COUNT, down, None),
    ]


async def large_file(folder: Path) -> list[Result]:
    """Return the rate of one large file, there and back."""
    async with _served(folder / "server") as server:
        up, down = await _large(folder / "large", server)
        most = _memory(folder / "memory", server)
    return [
        _line("1 GiB to S3 (MiB/s)", LARGE / _MIB, up, 0.8),
        _line("1 GiB from S3 (MiB/s)", LARGE / _MIB, down, 0.8),
        Result(
            "memory of a process for 1 GiB to S3 and back",
            f"{most:.0f} MiB at most",
            "",
            None,
            "< 100 MiB",
            most < 100,
        ),
    ]


async def _sequence(
    folder: Path, server: S3Server, port: int
) -> tuple[tuple[float, float], tuple[float, float]]:
    up: list[tuple[float, float]] = []
    down: list[tuple[float, float]] = []
    async with _studio(folder, server, port) as studio, studio.running():
        await warmed_up(studio)
        for version in range(1, 1 + ROUNDS):
            source = make_files(studio, COUNT, SIZE, version=version)
            elements = elements_of(studio, source, "studio", ["vendor"])
            theirs = _rclone(port, "copy", source, f":{folder.name}-rclone/v{version}")
            ours = await timed(lambda: publish_and_wait(studio, elements, "vendor"))  # noqa: B023 - awaited here
            up.append((ours, theirs))
            kept = f":{folder.name}/Show/{source.name}"
            theirs = _rclone(port, "copy", kept, emptied(folder / "theirs"), to_disk=True)
            shutil.rmtree(source)
            ours = await timed(lambda: _bring_back(studio, elements[0]))  # noqa: B023 - awaited here
            down.append((ours, theirs))
    return medians(up), medians(down)


async def _large(folder: Path, server: S3Server) -> tuple[tuple[float, float], tuple[float, float]]:
    up: list[tuple[float, float]] = []
    down: list[tuple[float, float]] = []
    async with _studio(folder, server, server.port) as studio, studio.running():
        await warmed_up(studio)
        for version in range(1, 1 + ROUNDS):
            source = large_file_at(studio, "studio", LARGE, version=version)
            element = studio.files_entry(f"Show/{source.name}")
            theirs = _rclone(server.port, "copyto", source, f":rclone/{source.name}")
            ours = await timed(lambda: publish_and_wait(studio, [element], "vendor"))  # noqa: B023 - awaited here
            up.append((ours, theirs))
            source.unlink()
            back = emptied(folder / "rclone") / source.name
            theirs = _rclone(server.port, "copyto", f":rclone/{source.name}", back, to_disk=True)
            back.unlink()
            ours = await timed(lambda: _bring_back(studio, element))  # noqa: B023 - awaited here
            down.append((ours, theirs))
            source.unlink()
    shutil.rmtree(folder)
    return medians(up), medians(down)


async def _bring_back(studio: Studio, element: dict[str, Any]) -> None:
    """Let the studio want what only the vendor has: all files of an element's document."""
    sites = [{"name": "vendor", "created_dt": datetime.now(UTC)}, {"name": "studio"}]
    change = {"$set": {"files.$[].sites": sites}}
    await studio.documents.update_one({"files._id": element["_id"]}, change)
    await until_all_available(studio, "studio")


def _rclone(
    port: int, verb: str, source: Path | str, target: Path | str, *, to_disk: bool = False
) -> float:
    """
    Return the seconds that rclone takes, with its defaults; `:` stands for the bucket.

    With `to_disk` those of the disk after it, too: ours waits for it before it records a file.
    """
    os.environ.update(
        RCLONE_CONFIG_BENCH_TYPE="s3",
        RCLONE_CONFIG_BENCH_PROVIDER="Other",
        RCLONE_CONFIG_BENCH_ENDPOINT=f"http://127.0.0.1:{port}",
        RCLONE_CONFIG_BENCH_ACCESS_KEY_ID=ACCESS_KEY,
        RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY=SECRET_KEY,
    )
    program = shutil.which("rclone", path=sysconfig.get_path("scripts")) or "rclone"
    places = [
        f"bench:{BUCKET}/{place[1:]}" if isinstance(place, str) else str(place)
        for place in (source, target)
    ]
    synced = [("sync", "-f", str(target))] if to_disk else []
    return timed_command([program, "--config", "", "-q", verb, *places], *synced)


def _memory(folder: Path, server: S3Server) -> float:
    """Return how many MiB a process needs that carries a large file there and back."""
    file = emptied(folder) / "large.abc"
    with file.open("wb") as writing:
        writing.truncate(LARGE)
    address = f"{server.endpoint}/{BUCKET}"
    command = [sys.executable, "-m", "benchmarks.s3_memory", address, str(file), str(LARGE)]
    keys = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    told = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **keys}
    )
    return float(told.stdout)


def _line(name: str, amount: float, seconds: tuple[float, float], least: float | None) -> Result:
    ours, theirs = seconds
    ratio = theirs / ours
    return Result(
        name,
        f"{amount / ours:.0f} /s",
        f"rclone: {amount / theirs:.0f} /s",
        ratio,
        f"≥ {least}×" if least else "",
        least is None or ratio >= least,
    )
