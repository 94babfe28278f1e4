"""Real runs of `sitesync demo`, each a process with a folder of its own."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import psutil
from anyio import to_thread
from pymongo import AsyncMongoClient

from reactor.embedded import embedded_mongod

PATIENCE = 100.0
SITESYNC = (sys.executable, "-P", "-m", "reactor")
FRAMES = 48
SITES = ("vendor", "backup")


@dataclass(frozen=True)
class Demo:
    """One run: its folder, its process, and where its output goes."""

    folder: Path
    process: subprocess.Popen[bytes]
    printed: Path

    @property
    def output(self) -> str:
        return self.printed.read_text()

    async def until(self, pattern: str) -> re.Match[str]:
        """Wait until a pattern is printed."""
        with anyio.fail_after(PATIENCE):
            while not (found := re.search(pattern, self.output)):
                assert self.process.poll() is None, self.output
                await anyio.sleep(0.02)
        return found

    async def end(self) -> int:
        """Wait until the run ends, and return its exit code."""
        with anyio.fail_after(PATIENCE):
            return await to_thread.run_sync(self.process.wait, abandon_on_cancel=True)

    async def until_cache_is_under_way(self) -> None:
        """Wait until a journal allows the large file to be resumed at the vendor."""
        await self.until("Publishing")
        async with database_of(self.folder) as client:
            with anyio.fail_after(PATIENCE):
                while not await client["sitesync"]["claims"].find_one(_JOURNALLED):
                    await anyio.sleep(0.01)

    def kill_reactor(self) -> None:
        """Kill the reactor that runs now, as `kill -9` does."""
        pids = re.findall(r"kill -9 (\d+)", self.output)
        psutil.Process(int(pids[-1])).send_signal(signal.SIGKILL)


_JOURNALLED = {"site": "vendor", "journal.offset": {"$gt": 0}}


@contextmanager
def started(folder: Path, *options: str) -> Generator[Demo]:
    """Start a demo; whatever is left of it is ended with the block."""
    printed = folder.with_suffix(".txt")
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [*SITESYNC, "demo", "--folder", str(folder), *options],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        yield Demo(folder, process, printed)
    finally:
        process.kill()
        process.wait()
        for left in processes_of(folder):
            left.kill()


@asynccontextmanager
async def database_of(folder: Path) -> AsyncGenerator[AsyncMongoClient[dict[str, Any]]]:
    """The demo's own server, shared with it."""
    async with (
        embedded_mongod(folder / "mongod") as uri,
        AsyncMongoClient[dict[str, Any]](uri, serverMonitoringMode="poll") as client,
    ):
        yield client


def processes_of(folder: Path) -> Iterator[psutil.Process]:
    """Processes that name a demo's folder: its reactor, its SFTP server, its mongod."""
    for process in psutil.process_iter():
        try:
            if any(str(folder) in word for word in process.cmdline()):
                yield process
        except psutil.Error:
            continue  # gone, or another user's


async def until_nothing_runs(folder: Path) -> None:
    """Wait until no process of a demo is left."""
    with anyio.fail_after(PATIENCE):
        while list(processes_of(folder)):
            await anyio.sleep(0.05)


def published(folder: Path, pattern: str) -> list[Path]:
    """The published files of a name, relative to any site's root."""
    studio = folder / "studio"
    return sorted(file.relative_to(studio) for file in (studio / "Demo").rglob(pattern))


def staged(folder: Path) -> list[Path]:
    """Staged files that were left at any site."""
    return list(folder.rglob(".sitesync-*.part"))


def is_copied(folder: Path, file: Path) -> bool:
    """Whether each site holds the bytes that were published."""
    content = (folder / "studio" / file).read_bytes()
    return all((folder / site / file).read_bytes() == content for site in SITES)


def sitesync(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Call the program as a user does."""
    return subprocess.run([*SITESYNC, *arguments], check=False, capture_output=True)
