"""
From one remote site to another, through a process that keeps no copy: SFTP to Google Drive.

rclone copies between the same two in the same run: the same sshd, and the emulator behind the
proxy that both go through. Ours is the whole program, which proves the file and records it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rig import (
    Result,
    beside,
    emptied,
    large_file_at,
    medians,
    publish_and_wait,
    studio_and_uri,
    timed,
    timed_command,
    warmed_up,
)
from tests.path.program import add_drive, reactor_process, write_settings
from tests.path.studio import Studio
from tests.servers.drive import GOOGLE_TOKENS, drive_emulator
from tests.servers.drive.rclone import Rclone
from tests.servers.drive.tls_proxy import tls_proxy
from tests.servers.sftp import SftpServer, sshd

LARGE = 1024**3
ROUNDS = 2
LEAST = 0.8
MOST_MEMORY = 100 * 1000**2
# What a log takes; a copy would be a hundred times that.
MOST_WRITTEN = 16 * 1024**2
_MIB = 1024**2


@dataclass(frozen=True)
class _Rig:
    """A studio with two remote sites, and rclone with the same two: `ssh:` and `drive:`."""

    studio: Studio
    settings: Path
    variables: dict[str, str]
    rclone: Rclone
    environ: dict[str, str]


@dataclass(frozen=True)
class _Taken:
    """The most memory that a process has held, and what it has written to files."""

    memory: int
    written: int


async def sftp_to_drive(folder: Path) -> list[Result]:
    """Return the rate of one large file between two remote sites, and what the process takes for it."""
    async with _rig(folder) as rig:
        with reactor_process(rig.settings, "--relay", variables=rig.variables) as process:
            await warmed_up(rig.studio, "vendor", "archive")
            rounds = [await _relay(rig, version) for version in range(1, 1 + ROUNDS)]
            taken = _taken(process.pid)
        attempts = await rig.studio.attempts(site="archive", bytes=LARGE)
    in_one_pass = [(one["how"], one["sent"]) for one in attempts] == [("stream", LARGE)] * ROUNDS
    return [
        beside(
            "1 GiB relayed from SFTP to Drive, proved (MiB/s)",
            LARGE / _MIB,
            medians(rounds),
            "rclone",
            LEAST,
        ),
        *_lines(taken, in_one_pass=in_one_pass),
    ]


async def _relay(rig: _Rig, version: int) -> tuple[float, float]:
    """Return the seconds of ours and of rclone's for one file."""
    file = large_file_at(rig.studio, "vendor", LARGE, version=version)
    element = rig.studio.files_entry(f"Show/{file.name}", at="vendor", wanted=["archive"])
    command = rig.rclone.command("copyto", f"ssh:{file}", f"drive:rclone/{file.name}")
    theirs = timed_command(command, environ=rig.environ)
    ours = await timed(lambda: publish_and_wait(rig.studio, [element], "archive"))
    file.unlink()
    return ours, theirs


@asynccontextmanager
async def _rig(folder: Path) -> AsyncGenerator[_Rig]:
    async with studio_and_uri(emptied(folder / "studio")) as (studio, uri):
        with (
            sshd(emptied(folder / "sshd")) as server,
            # Of one checksum only: rclone would ask for all that there are, and wait for them.
            drive_emulator(folder / "drive", checksums=("md5",)) as drive,
            tls_proxy(drive.port, folder / "ca.pem") as proxy,
        ):
            shared = drive.shared_drive("Bench", fileOrganizer=drive.service_account())
            key_file = drive.key_file(folder / "key.json", token_uri=GOOGLE_TOKENS)
            through = {"AIOGOOGLE_HTTP_PROXY": proxy.url, "SSL_CERT_FILE": str(proxy.ca_file)}
            settings = write_settings(studio, uri, server)
            add_drive(settings, key_file, "Bench", variables=through)
            rclone = Rclone(proxy, key_file, shared_drive=shared)
            environ = {**rclone.environment, **_as_remote(server)}
            yield _Rig(studio, settings, through, rclone, environ)


def _as_remote(server: SftpServer) -> dict[str, str]:
    """Return what makes a server the remote `ssh:` of an rclone."""
    keys = {
        "type": "sftp",
        "host": "127.0.0.1",
        "port": str(server.port),
        "user": server.options().user,
        "key_file": str(server.user_key),
        "known_hosts_file": str(server.folder / "known_hosts"),
        "shell_type": "unix",
    }
    return {f"RCLONE_CONFIG_SSH_{key.upper()}": value for key, value in keys.items()}


def _taken(pid: int) -> _Taken:
    """Return what Linux has counted of a process."""
    status, io = (_counted(Path(f"/proc/{pid}/{name}")) for name in ("status", "io"))
    return _Taken(int(status["VmHWM"].split()[0]) * 1024, int(io["wchar"]))


def _counted(file: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in file.read_text().splitlines())
    return {key: value.strip() for key, _, value in lines}


def _lines(taken: _Taken, *, in_one_pass: bool) -> list[Result]:
    return [
        Result(
            "resident memory of the process that relays",
            f"{taken.memory / 1000**2:.0f} MB at most",
            "",
            None,
            "< 100 MB",
            taken.memory < MOST_MEMORY,
        ),
        Result(
            "what it writes to files meanwhile",
            f"{taken.written / _MIB:.1f} MiB",
            "",
            None,
            "no copy",
            in_one_pass and taken.written < MOST_WRITTEN,
        ),
    ]
