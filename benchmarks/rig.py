"""A reactor on real parts, as the benchmarks drive it, and the clocks they read."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import anyio
from pymongo import AsyncMongoClient

from reactor.embedded import embedded_mongod
from reactor.queries import wanted_at
from tests.path.studio import Studio, studio_of

Document = dict[str, Any]
RENDERED_SECONDS = 1.5  # frames come one by one: watches have seen them when they are published
_LOOK_SECONDS = 0.05  # each look has the server go through a document of thousands of files
# Of ext4: where it is set, each folder below is placed as if nothing was related (`chattr +T`).
_GET_FLAGS, _SET_FLAGS = 0x8008_6601, 0x4008_6602
_TOP_OF_HIERARCHY = 0x0002_0000


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table. `ratio` is ours to theirs, `target` what it has to reach."""

    name: str
    ours: str
    theirs: str
    ratio: float | None
    target: str
    met: bool


@asynccontextmanager
async def studio_and_uri(folder: Path) -> AsyncGenerator[tuple[Studio, str]]:
    """Yield a studio on an embedded MongoDB of its own, and where that is."""
    async with embedded_mongod(ephemeral=True) as uri:
        client: AsyncMongoClient[Document] = AsyncMongoClient(uri, tz_aware=True, w="majority")
        async with client, studio_of(client, "avalon", folder) as studio:
            yield studio, uri


@asynccontextmanager
async def studio_in(folder: Path) -> AsyncGenerator[Studio]:
    """Yield a studio on an embedded MongoDB of its own."""
    async with studio_and_uri(folder) as (studio, _):
        yield studio


def spread_out(folder: Path) -> None:
    """
    Let what is made in a folder lie apart on an ext4 disk, where that is to be had.

    ext4 does not take the inodes of files that were deleted in the last minutes, and looks at each
    of them for each file that is made beside them: with some thousands, `cp` is slower by five
    times. Whoever measures has just deleted files.
    """
    if sys.platform != "linux":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        flags = array("l", [0])
        fcntl.ioctl(opened, _GET_FLAGS, flags)
        fcntl.ioctl(opened, _SET_FLAGS, array("l", [flags[0] | _TOP_OF_HIERARCHY]))
    except OSError:  # another file system: it has no such flag
        return
    finally:
        os.close(opened)


async def until_all_available(studio: Studio, *sites: str) -> None:
    """Return when nothing is wanted any more at some sites."""
    for site in sites:
        wanted = wanted_at(site)
        while await studio.documents.find_one(wanted, {"_id": 1}):
            await anyio.sleep(_LOOK_SECONDS)


def make_files(studio: Studio, count: int, size: int, *, version: int = 1) -> Path:
    """Write so many files of random bytes at the studio, and return their folder."""
    for number in range(count):
        studio.file(f"Show/v{version:03d}/x.{number:05d}.exr", os.urandom(size))
    return studio.path("studio", f"Show/v{version:03d}")


def large_file_at(studio: Studio, at: str, size: int, *, version: int = 1) -> Path:
    """Write one file of random bytes, repeated, and return it."""
    file = studio.file(f"Show/cache_v{version:03d}.abc", b"", at=at)
    block = os.urandom(16 * 1024 * 1024)
    with file.open("wb") as writing:
        for _ in range(size // len(block)):
            writing.write(block)
    return file


def elements_of(studio: Studio, folder: Path, at: str, wanted: Sequence[str]) -> list[Document]:
    """Return the elements of a representation of all files of a folder."""
    root = studio.path(at)
    names = sorted(file.relative_to(root).as_posix() for file in folder.iterdir())
    return [studio.files_entry(name, at=at, wanted=wanted) for name in names]


async def timed(act: Callable[[], Any]) -> float:
    """Return the seconds that something takes; what others left unwritten is written first."""
    os.sync()
    started = time.perf_counter()
    await act()
    return time.perf_counter() - started


def timed_command(*commands: Sequence[str], environ: Mapping[str, str] | None = None) -> float:
    """Return the seconds that some commands take, one after the other."""
    os.sync()
    started = time.perf_counter()
    for command in commands:
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return time.perf_counter() - started


async def side_by_side(
    turn: int, act: Callable[[], Any], *commands: Sequence[str]
) -> tuple[float, float]:
    """
    Return the seconds of ours and of theirs; in every other turn theirs come first.

    Memory that the host has not given yet, and a disk that is allowed a burst, make whoever
    comes first slower or faster by half.
    """
    if turn % 2:
        theirs = timed_command(*commands)
        return await timed(act), theirs
    ours = await timed(act)
    return ours, timed_command(*commands)


async def publish_and_wait(studio: Studio, elements: Sequence[Document], site: str) -> None:
    """Publish one representation, and return when all of it is available at a site."""
    await studio.publish(*elements)
    await until_all_available(studio, site)


async def warmed_up(studio: Studio, at: str = "studio", wanted: str = "vendor") -> None:
    """Publish one small file and wait for it, so that connections and folders are there."""
    studio.file("Show/warm.exr", os.urandom(1000), at=at)
    await publish_and_wait(
        studio, [studio.files_entry("Show/warm.exr", at=at, wanted=[wanted])], wanted
    )


def spread(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile, in milliseconds."""
    return median(seconds) * 1000, quantiles(seconds, n=100)[98] * 1000


def emptied(folder: Path) -> Path:
    """Return a folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def medians(rounds: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the median seconds of ours and of theirs."""
    return median(ours for ours, _ in rounds), median(theirs for _, theirs in rounds)


def beside(
    name: str, amount: float, seconds: tuple[float, float], whose: str, least: float = 0.0
) -> Result:
    """Return the line of a rate: so much in our seconds, and in those of somebody else."""
    ours, theirs = seconds
    ratio = theirs / ours
    return Result(
        name,
        f"{amount / ours:.0f} /s",
        f"{whose}: {amount / theirs:.0f} /s",
        ratio,
        f"≥ {least}×" if least else "",
        ratio >= least,
    )


def settings_of(studio: Studio, uri: str) -> Path:
    """Write the settings of two disks, and return the file."""
    roots = {name: json.dumps(str(studio.path(name))) for name in studio.names}
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {json.dumps(uri)}
        state_database = "{studio.database}_state"
        [sites.studio]
        root = {{ work = {roots["studio"]} }}
        [sites.vendor]
        provider = "local_drive"
        root = {{ work = {roots["vendor"]} }}
        [defaults]
        remote_site = "vendor"
        """
    )
    return file
