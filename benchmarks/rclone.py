"""Through rclone to a disk and to WebDAV, beside `rclone copy`, and a process a file, in the same run."""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks.rig import (
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
from tests.servers.rclone import RCLONE, configuration, serving, site

COUNT = 1_000
SIZE = 64 * 1024
LARGE = 1024**3
ROUNDS = 2
# Of a process a file so many are enough to know what one takes.
PROCESSES = 40


@contextmanager
def _remotes(folder: Path, *options: str) -> Generator[tuple[Path, Path]]:
    """Yield a configuration of two remotes, `disk` and `dav`, and the folder that both lead to."""
    files = emptied(folder / "files")
    with serving("webdav", files, *options) as port:
        url = f"http://127.0.0.1:{port}/"
        remotes = {
            "disk": {"type": "alias", "remote": str(files)},
            "dav": {"type": "webdav", "url": url, "vendor": "rclone"},
        }
        yield configuration(folder / "rclone.conf", remotes), files


@asynccontextmanager
async def _studio(folder: Path, config: Path, remote: str) -> AsyncGenerator[Studio]:
    """Yield a studio whose vendor is on a remote."""
    async with studio_in(folder) as studio:
        vendor = site(f"{remote}:", config, {"work": folder.name})
        async with vendor:
            await vendor.make_marker("work")
        studio.providers["vendor"] = vendor = site(f"{remote}:", config, {"work": folder.name})
        yield studio
        await vendor.__aexit__(None, None, None)  # a reactor closes only what it was composed with


async def small_files(folder: Path) -> list[Result]:
    """Return files per second, against one `rclone copy`, and against one for each file."""
    results: list[Result] = []
    with _remotes(folder) as (config, _):
        for remote in ("disk", "dav"):
            ours, theirs, each = await _sequence(folder / remote, config, remote)
            name = f"{COUNT} × 64 KiB by rclone to {remote}"
            results += [
                beside(name, COUNT, (ours, theirs), "rclone copy"),
                beside(name, COUNT, (ours, each), "a process a file", 1.0),
            ]
    return results


async def large_file(folder: Path) -> list[Result]:
    """Return the rate of one large file, there and back, against `rclone copy` of it."""
    results: list[Result] = []
    mib = LARGE // 1024**2
    # What is put into the folder behind the server's back is to be seen at once.
    with _remotes(folder, "--dir-cache-time", "0s") as (config, files):
        for remote in ("disk", "dav"):
            for at, wanted in (("studio", "vendor"), ("vendor", "studio")):
                pair = await _large(folder / f"{remote}-{at}", config, files, (at, wanted))
                name = f"1 GiB by rclone {'to' if at == 'studio' else 'from'} {remote} (MiB/s)"
                results.append(beside(name, mib, pair, "rclone copy", 0.8))
    return results


async def _sequence(folder: Path, config: Path, remote: str) -> tuple[float, float, float]:
    async with _studio(folder, config, remote) as studio, studio.running():
        await warmed_up(studio)
        rounds: list[tuple[float, float]] = []
        source = studio.path("studio")
        for version in range(1, 1 + ROUNDS):
            source = make_files(studio, COUNT, SIZE, version=version)
            elements = elements_of(studio, source, "studio", ["vendor"])
            target = f"{remote}:theirs/{version}"
            theirs = timed_command(_rclone(config, "copy", str(source), target))
            ours = await timed(lambda: publish_and_wait(studio, elements, "vendor"))  # noqa: B023 - awaited here
            rounds.append((ours, theirs))
        one_by_one = [
            _rclone(config, "copyto", str(file), f"{remote}:each/{file.name}")
            for file in sorted(source.iterdir())[:PROCESSES]
        ]
        each = timed_command(*one_by_one) * COUNT / PROCESSES
    return *medians(rounds), each


async def _large(
    folder: Path, config: Path, files: Path, ends: tuple[str, str]
) -> tuple[float, float]:
    (at, wanted), remote = ends, folder.name.partition("-")[0]
    async with _studio(folder, config, remote) as studio, studio.running():
        await warmed_up(studio)
        rounds: list[tuple[float, float]] = []
        for version in range(1, 1 + ROUNDS):
            source = large_file_at(studio, "studio", LARGE, version=version)
            element = studio.files_entry(f"Show/{source.name}", at="studio", wanted=["vendor"])
            there = files / folder.name / "Show" / source.name
            if at == "vendor":
                element["sites"][0]["name"] = "vendor"
                element["sites"][1]["name"] = "studio"
                there.parent.mkdir(exist_ok=True)
                source.replace(there)
            target = emptied(folder / "theirs")
            command = (
                ("copy", str(source), f"{remote}:theirs")
                if at == "studio"
                else ("copy", f"{remote}:{folder.name}/Show/{source.name}", str(target))
            )
            theirs = timed_command(_rclone(config, *command))
            ours = await timed(lambda: publish_and_wait(studio, [element], wanted))  # noqa: B023 - awaited here
            rounds.append((ours, theirs))
            for file in (source, there):
                file.unlink()
            for left in (target, files / "theirs"):
                shutil.rmtree(left, ignore_errors=True)
    shutil.rmtree(folder)
    return medians(rounds)


def _rclone(config: Path, *arguments: str) -> list[str]:
    return [str(RCLONE), "--config", str(config), *arguments]
