"""
A site held against its documents, beside listing its files and reading the documents.

`python -m benchmarks.validate 20000` tries it with fewer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from benchmarks.rig import Document, Result, medians, settings_of, studio_and_uri, timed_command
from reactor.logs import configure_logs
from tests.path.program import environment
from tests.path.studio import PROJECT, Studio

COUNT = 100_000
FILES = 5  # in each representation
ROUNDS = 3
_FRAMES = 100  # in each folder
_TOGETHER = 2_000


async def validate(folder: Path, count: int = COUNT) -> list[Result]:
    """Return how long the program takes to find so many files right, start and end included."""
    async with studio_and_uri(folder) as (studio, uri):
        settings = settings_of(studio, uri)
        await _publish(studio, count)
        root, documents = studio.path("studio"), studio.database
        rounds = [(_validated(settings, count), _read(root, uri, documents)) for _ in range(ROUNDS)]
    ours, theirs = medians(rounds)
    ratio = ours / theirs
    return [
        Result(
            f"validate {count:,} files",
            f"{ours:.2f} s ({count / ours:.0f} files/s)",
            f"find -printf, and draining the documents: {theirs:.2f} s",
            ratio,
            "≤ 2×",
            ratio <= 2,
        )
    ]


async def _publish(studio: Studio, count: int) -> None:
    """Write files in folders of a sequence each, and documents of some of its frames each."""
    elements: list[Document] = []
    for number in range(count):
        name = f"Show/shots/sh{number // _FRAMES:04d}/publish/v001/sh.{number % _FRAMES:04d}.exr"
        studio.file(name, number.to_bytes(8, "big") * 64)
        elements.append(studio.files_entry(name))
        if len(elements) == _TOGETHER or number == count - 1:
            groups = [elements[start : start + FILES] for start in range(0, len(elements), FILES)]
            documents = [{"type": "representation", "name": "exr", "files": one} for one in groups]
            await studio.documents.insert_many(documents, ordered=False)
            elements = []


def _validated(settings: Path, count: int) -> float:
    """Return the seconds of the whole program; all files must have been found right."""
    command = [sys.executable, "-m", "reactor", "--config", str(settings)]
    started = time.perf_counter()
    done = subprocess.run(
        [*command, "validate", "--site", "studio", "--json"],
        check=True,
        capture_output=True,
        env=environment(settings),
    )
    seconds = time.perf_counter() - started
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["right"] == answer["files"] == count, answer["counts"]
    return seconds


_DRAIN = """
import sys
from pymongo import MongoClient
with MongoClient(sys.argv[1]) as client:
    for document in client[sys.argv[2]][sys.argv[3]].find({"type": "representation"}):
        pass
"""


def _read(root: Path, uri: str, database: str) -> float:
    """Return the seconds of two programs: one lists files and sizes, one reads the documents."""
    find = ["find", str(root), "-type", "f", "-printf", "%s %p\\n"]
    drain = [sys.executable, "-c", _DRAIN, uri, database, PROJECT]
    return timed_command(find, drain)


if __name__ == "__main__":
    configure_logs(quiet=True)
    with TemporaryDirectory(prefix="sitesync-bench-", dir="/var/tmp") as place:
        most = int(sys.argv[1]) if sys.argv[1:] else COUNT
        for result in anyio.run(validate, Path(place), most):
            print(result)
