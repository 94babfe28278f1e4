"""Two and four reactors beside one: where the work waits on the far side, and where it does not."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import anyio

from benchmarks.rig import (
    Result,
    elements_of,
    emptied,
    make_files,
    publish_and_wait,
    settings_of,
    studio_and_uri,
    timed,
)
from benchmarks.sftp import far_away
from providers.small import SMALL
from tests.path.program import reactor_process, write_settings
from tests.path.studio import Studio
from tests.servers.sftp import SftpServer, sshd

FAR = 400
FAR_SIZE = SMALL + 1  # each a transfer of its own: smaller ones go together, and wait together
NEAR = 2_000
NEAR_SIZE = 64 * 1024
LATENCIES = {"20 ms there and back": 0.020, "20 ms each way": 0.040}
TRANSFERS = 4
PROCESSES = (1, 2, 4)
_TARGETS = {2: 1.6, 4: 2.5}


class Amount(NamedTuple):
    """So many files of so many bytes."""

    files: int
    size: int


async def far(folder: Path) -> list[Result]:
    """Return what more reactors bring to an sshd that is far away, four transfers at once each."""
    work, lines = Amount(FAR, FAR_SIZE), list[Result]()
    for name, latency in LATENCIES.items():
        with sshd(emptied(folder / "sshd")) as server, far_away(server, latency) as port:
            settings = _far_settings(server, port)
            seconds = [
                await _took(emptied(folder / f"far{n}"), n, work, settings) for n in PROCESSES
            ]
        lines += _lines(f"{FAR} × 1 MiB to SFTP, {name}", FAR, seconds, _TARGETS)
    return lines


async def near(folder: Path) -> list[Result]:
    """Return what more reactors bring from disk to disk, where one is as fast as the disk."""
    work = Amount(NEAR, NEAR_SIZE)
    seconds = [await _took(folder / f"near{n}", n, work, settings_of) for n in PROCESSES]
    return _lines(f"{NEAR} × 64 KiB, disk to disk", NEAR, seconds, dict.fromkeys(_TARGETS, 1.0))


def _far_settings(server: SftpServer, port: int) -> Callable[[Studio, str], Path]:
    def write(studio: Studio, uri: str) -> Path:
        file = write_settings(studio, uri, server)
        text = file.read_text().replace(
            f"port = {server.port}", f"port = {port}\n        transfers = {TRANSFERS}"
        )
        pinned = json.dumps(server.host_key.read_text().strip())
        lines = [line for line in text.splitlines() if "known_hosts" not in line]
        file.write_text("\n".join(lines).replace("[defaults]", f"host_key = {pinned}\n[defaults]"))
        return file

    return write


async def _took(
    folder: Path, processes: int, work: Amount, settings: Callable[[Studio, str], Path]
) -> float:
    """Return the seconds that so many reactors need for so many files."""
    async with studio_and_uri(folder) as (studio, uri):
        file = settings(studio, uri)
        async with _serving(studio, file, processes):
            elements = elements_of(
                studio, make_files(studio, work.files, work.size), "studio", ["vendor"]
            )
            await anyio.sleep(1.5)  # their watches have seen the files
            return await timed(lambda: publish_and_wait(studio, elements, "vendor"))


@asynccontextmanager
async def _serving(studio: Studio, settings: Path, processes: int) -> AsyncGenerator[None]:
    """Run so many reactors, each of which has served once."""
    with ExitStack() as stack:
        for _ in range(processes):
            stack.enter_context(reactor_process(settings))
        while (
            await studio.state["reactors"].count_documents({"running": {"$exists": True}})
            < processes
        ):
            await anyio.sleep(0.05)
        yield


def _lines(
    name: str, count: int, seconds: Sequence[float], targets: dict[int, float]
) -> list[Result]:
    one = seconds[0]
    return [
        Result(
            f"{name}, {processes} reactors",
            f"{count / took:.0f} /s",
            f"one reactor: {count / one:.0f} /s",
            one / took,
            f"≥ {targets[processes]}×",
            one / took >= targets[processes],
        )
        for processes, took in zip(PROCESSES[1:], seconds[1:], strict=True)
    ]
