"""To and from a real sshd on loopback, beside OpenSSH's own `sftp` in the same run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio

from benchmarks.rig import (
    RENDERED_SECONDS,
    Result,
    beside,
    elements_of,
    emptied,
    large_file_at,
    make_files,
    medians,
    publish_and_wait,
    studio_in,
    timed,
    timed_command,
    warmed_up,
)
from tests.path.studio import Studio
from tests.servers.sftp import SftpServer, sshd

COUNT = 2_000
SIZE = 64 * 1024
LARGE = 1024**3
LATENCY = 0.010
ROUNDS = 2


@asynccontextmanager
async def _studio(
    folder: Path, server: SftpServer, port: int, checksum: str = "auto"
) -> AsyncGenerator[Studio]:
    """Yield a studio whose vendor is on a server."""
    async with studio_in(folder) as studio:
        roots = {"work": str(studio.path("vendor"))}
        pinned = server.host_key.read_text().strip()
        studio.providers["vendor"] = server.provider(
            roots, port=port, known_hosts=None, host_key=pinned, checksum=checksum
        )
        yield studio


@contextmanager
def far_away(server: SftpServer, latency: float) -> Generator[int]:
    """Yield the port of a proxy, in a process of its own, that delays each way by half of it."""
    command = [sys.executable, "-m", "tests.servers.proxy", str(server.port), str(latency / 2)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as proxy:
        assert proxy.stdout is not None
        try:
            yield int(proxy.stdout.readline())
        finally:
            proxy.kill()


async def small_files(folder: Path) -> list[Result]:
    """Return files per second, against a batch of `put`."""
    with sshd(emptied(folder / "sshd")) as server:
        seconds = await _sequence(folder / "near", server, server.port, COUNT)
    return [beside(f"{COUNT} × 64 KiB to SFTP", COUNT, seconds, "sftp", 0.5)]


async def small_files_far_away(folder: Path) -> list[Result]:
    """Return files per second where each answer takes 10 ms longer, against a batch of `put`."""
    count = COUNT // 8  # at 10 ms a step, sftp needs a minute for all of them
    with sshd(emptied(folder / "sshd")) as server, far_away(server, LATENCY) as port:
        seconds = await _sequence(folder / "far", server, port, count)
    return [beside(f"{count} × 64 KiB to SFTP, 10 ms away", count, seconds, "sftp", 3.0)]


async def large_file(folder: Path) -> list[Result]:
    """Return the rate of one large file, there and back, against `put` and `get` of it."""
    with sshd(emptied(folder / "sshd")) as server:
        up = await _large(folder / "up", server, "studio", "vendor", "off")
        proved, _ = await _large(folder / "proved", server, "studio", "vendor", "auto")
        down = await _large(folder / "down", server, "vendor", "studio", "off")
    mib = LARGE // 1024**2
    return [
        beside("1 GiB to SFTP (MiB/s)", mib, up, "sftp", 0.8),
        Result(
            "1 GiB to SFTP, proved by the server's own checksum",
            f"{mib / proved:.0f} /s",
            f"sftp, unproved: {mib / up[1]:.0f} /s",
            up[1] / proved,
            "",
            met=True,
        ),
        beside("1 GiB from SFTP (MiB/s)", mib, down, "sftp", 0.8),
    ]


async def _sequence(folder: Path, server: SftpServer, port: int, count: int) -> tuple[float, float]:
    async with _studio(folder, server, port) as studio, studio.running():
        await warmed_up(studio)
        rounds: list[tuple[float, float]] = []
        for version in range(1, 1 + ROUNDS):
            source = make_files(studio, count, SIZE, version=version)
            elements = elements_of(studio, source, "studio", ["vendor"])
            await anyio.sleep(RENDERED_SECONDS)
            target = emptied(folder / f"sftp{version}")
            puts = [f"put {file} {target}/{file.name}" for file in sorted(source.iterdir())]
            theirs = timed_command(_batch(server, port, folder, puts))
            ours = await timed(lambda: publish_and_wait(studio, elements, "vendor"))  # noqa: B023 - awaited here
            rounds.append((ours, theirs))
    return medians(rounds)


async def _large(
    folder: Path, server: SftpServer, at: str, wanted: str, checksum: str
) -> tuple[float, float]:
    async with _studio(folder, server, server.port, checksum) as studio, studio.running():
        await warmed_up(studio, at, wanted)
        rounds: list[tuple[float, float]] = []
        for version in range(1, 1 + ROUNDS):
            source = large_file_at(studio, at, LARGE, version=version)
            element = studio.files_entry(f"Show/{source.name}", at=at, wanted=[wanted])
            target = emptied(folder / "sftp") / source.name
            verb = "put" if at == "studio" else "get"
            batch = _batch(server, server.port, folder, [f"{verb} {source} {target}"])
            theirs = timed_command(batch)
            ours = await timed(lambda: publish_and_wait(studio, [element], wanted))  # noqa: B023 - awaited here
            rounds.append((ours, theirs))
            await studio.documents.delete_many({})  # what is removed now shall not be brought back
            for file in (target, studio.path("studio", f"Show/{source.name}")):
                file.unlink()
            studio.path("vendor", f"Show/{source.name}").unlink()
    shutil.rmtree(folder)
    return medians(rounds)


def _batch(server: SftpServer, port: int, folder: Path, lines: list[str]) -> list[str]:
    batch = folder / "batch"
    batch.write_text("\n".join(lines))
    known = folder / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {server.host_key.read_text()}")
    options = {"UserKnownHostsFile": known, "IdentityFile": server.user_key, "BatchMode": "yes"}
    flags = [flag for key, value in options.items() for flag in ("-o", f"{key}={value}")]
    user = server.options().user
    return ["sftp", "-q", "-P", str(port), *flags, "-b", str(batch), f"{user}@127.0.0.1"]
