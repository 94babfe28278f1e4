"""
To and from Google Drive, beside rclone: the emulator, behind the proxy that both go through.

Neither is told that it is no real Drive: both ask `www.googleapis.com` over TLS, and come out
at the emulator. Ours is the whole program, which proves each file by its MD5 and records it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import anyio
import psutil

from benchmarks.rig import (
    Result,
    elements_of,
    emptied,
    large_file_at,
    make_files,
    medians,
    publish_and_wait,
    studio_and_uri,
    timed,
    timed_command,
    warmed_up,
)
from tests.path.program import environment, reactor_process
from tests.path.studio import Studio
from tests.servers.drive import GOOGLE_TOKENS, DriveEmulator, drive_emulator
from tests.servers.drive.rclone import Rclone
from tests.servers.drive.tls_proxy import TlsProxy, tls_proxy

COUNT = 1_000
SIZE = 64 * 1024
LARGE = 1024**3
ROUNDS = 2
MOST_MEMORY = 100 * 1000**2
# A small new file takes one request: its name and its bytes, under an id that was fetched with
# a thousand others. (An id can be used up, so this can be revoked before it is sent.) What a
# look at the target and folders cost is shared by many files, and counts as ours to spare.
LEAST_REQUESTS = 1


@dataclass
class _Rig:
    """A studio whose vendor is on a Drive, and rclone on the same Drive."""

    studio: Studio
    drive: DriveEmulator
    rclone: Rclone
    settings: Path
    variables: dict[str, str]


async def small_files(folder: Path) -> list[Result]:
    """Return files per second, beside rclone as it is by default, and requests a file."""
    async with _rig(folder) as rig:
        source = make_files(rig.studio, COUNT, SIZE)
        elements = elements_of(rig.studio, source, "studio", ["vendor"])
        theirs = _rclone(rig, "copy", str(source), "drive:rclone")
        with reactor_process(rig.settings, variables=rig.variables):
            await warmed_up(rig.studio)
            rig.drive.forget_requests()
            ours = await timed(lambda: publish_and_wait(rig.studio, elements, "vendor"))
            requests = rig.drive.requests
        replace(rig.rclone, defaults=False).check(source, "drive:Show/v001")  # with its brake off
    each = sum(requests.values()) / COUNT
    counted = ", ".join(f"{kind} {count}" for kind, count in sorted(requests.items()))
    return [
        _line(f"{COUNT:,} × 64 KiB to Drive", COUNT, (ours, theirs), 2.0),
        Result(
            f"requests a file ({counted})",
            f"{each:.2f}",
            f"least: {LEAST_REQUESTS}",
            each / LEAST_REQUESTS,
            "≤ 1.2×",
            each <= 1.2 * LEAST_REQUESTS,
        ),
    ]


async def large_file(folder: Path) -> list[Result]:
    """Return the rate of one large file, there and back, and the reactor's memory meanwhile."""
    up, down = list[tuple[float, float]](), list[tuple[float, float]]()
    async with _rig(folder) as rig:
        with reactor_process(rig.settings, variables=rig.variables) as process:
            await warmed_up(rig.studio)
            with _memory_of(process.pid) as memory:
                for version in range(1, 1 + ROUNDS):
                    up.append(await _up(rig, version))
                    down.append(await _down(rig, version))
    mib = LARGE // 1024**2
    return [
        _line("1 GiB to Drive, MD5 proved (MiB/s)", mib, medians(up), 0.8),
        _line("1 GiB from Drive, MD5 proved (MiB/s)", mib, medians(down), 0.8),
        Result(
            "memory of the reactor meanwhile",
            f"{memory.peak / 1000**2:.0f} MB at most",
            "",
            None,
            "< 100 MB",
            memory.peak < MOST_MEMORY,
        ),
    ]


async def _up(rig: _Rig, version: int) -> tuple[float, float]:
    source = large_file_at(rig.studio, "studio", LARGE, version=version)
    element = rig.studio.files_entry(f"Show/{source.name}", wanted=["vendor"])
    theirs = _rclone(rig, "copyto", str(source), f"drive:rclone/{source.name}")
    ours = await timed(lambda: publish_and_wait(rig.studio, [element], "vendor"))
    return ours, theirs


async def _down(rig: _Rig, version: int) -> tuple[float, float]:
    """
    Let the studio have lost what the vendor has, and want it back.

    It stays: a reactor that sees it gone brings it again, beside whatever is measured next.
    """
    name = f"Show/cache_v{version:03d}.abc"
    lost = rig.studio.path("studio", name)
    back = rig.studio.folder / "theirs.abc"
    theirs = _rclone(rig, "copyto", f"drive:{name}", str(back), to_disk=back)
    back.unlink()
    lost.unlink()
    ours = await timed(lambda: _wanted_back(rig.studio, name))
    return ours, theirs


async def _wanted_back(studio: Studio, name: str) -> None:
    """Reset the studio's entry, and return when the file is there again."""
    path = f"{{root[work]}}/{name}"
    wanted = {"files.0.sites.$[mine]": {"name": "studio"}}
    await studio.documents.update_one(
        {"files.path": path}, {"$set": wanted}, array_filters=[{"mine.name": "studio"}]
    )
    while True:
        found = await studio.documents.find_one({"files.path": path})
        (entry,) = (one for one in found["files"][0]["sites"] if one["name"] == "studio")
        if "created_dt" in entry:
            return
        await anyio.sleep(0.02)


@asynccontextmanager
async def _rig(folder: Path) -> AsyncGenerator[_Rig]:
    async with studio_and_uri(emptied(folder / "studio")) as (studio, uri):
        # Of one checksum only: rclone would ask for all that there are, and wait for them.
        with (
            drive_emulator(folder / "drive", checksums=("md5",)) as drive,
            tls_proxy(drive.port, folder / "ca.pem") as proxy,
        ):
            key_file = drive.key_file(folder / "key.json", token_uri=GOOGLE_TOKENS)
            shared = drive.shared_drive("Bench", fileOrganizer=drive.service_account())
            settings = _settings(studio, uri, key_file)
            variables = _through(proxy)
            _make_marker(settings, variables)
            rclone = Rclone(proxy, key_file, shared_drive=shared, defaults=True)
            yield _Rig(studio, drive, rclone, settings, variables)


def _through(proxy: TlsProxy) -> dict[str, str]:
    """Return what leads our requests to Google through the proxy."""
    return {"AIOGOOGLE_HTTP_PROXY": proxy.url, "SSL_CERT_FILE": str(proxy.ca_file)}


def _settings(studio: Studio, uri: str, key_file: Path) -> Path:
    file = studio.folder / "sitesync.toml"
    file.write_text(
        f"""
        [mongo]
        uri = {json.dumps(uri)}
        state_database = "{studio.database}_state"
        [sites.studio]
        root = {{ work = {json.dumps(str(studio.path("studio")))} }}
        [sites.vendor]
        provider = "gdrive"
        key_file = {json.dumps(str(key_file))}
        root = {{ work = "/Bench" }}
        [defaults]
        remote_site = "vendor"
        """
    )
    return file


def _make_marker(settings: Path, variables: dict[str, str]) -> None:
    command = [sys.executable, "-m", "reactor", "--config", str(settings), "site", "init", "vendor"]
    subprocess.run(
        command, check=True, capture_output=True, env={**environment(settings), **variables}
    )


def _rclone(rig: _Rig, *arguments: str, to_disk: Path | None = None) -> float:
    """Return the seconds that rclone takes, and the disk after it where ours waits for it, too."""
    synced = [] if to_disk is None else [("sync", str(to_disk))]
    command = rig.rclone.command(*arguments)
    return timed_command(command, *synced, environ=rig.rclone.environment)


@dataclass
class _Memory:
    """The most memory that a process has held."""

    peak: int = 0
    ended: Event = field(default_factory=Event)

    def watch(self, process: psutil.Process) -> None:
        """Look until told to end."""
        while not self.ended.wait(0.02):
            self.peak = max(self.peak, process.memory_info().rss)


@contextmanager
def _memory_of(pid: int) -> Generator[_Memory]:
    memory = _Memory()
    watching = Thread(target=memory.watch, args=[psutil.Process(pid)])
    watching.start()
    try:
        yield memory
    finally:
        memory.ended.set()
        watching.join()


def _line(name: str, amount: float, seconds: tuple[float, float], least: float) -> Result:
    ours, theirs = seconds
    ratio = theirs / ours
    return Result(
        name,
        f"{amount / ours:.0f} /s",
        f"rclone: {amount / theirs:.0f} /s",
        ratio,
        f"≥ {least}×",
        ratio >= least,
    )
