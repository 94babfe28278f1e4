"""The program with an rclone site, ended in the middle of an upload: what ends with it, what goes on."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import Popen

import psutil
import pytest
from bson import ObjectId

from tests.path.program import ended, reactor_process, write_vendor
from tests.path.rclone.conftest import PASSWORD
from tests.path.rclone.studio import RcloneStudio
from tests.path.studio import some_bytes
from tests.providers.rclone.processes import environment, is_gone, until

_MIB = 1024 * 1024
SIZE = 12 * _MIB
SLOW = 3 * _MIB  # four seconds to be ended in


def _settings(studio: RcloneStudio, uri: str, extra: str = "") -> Path:
    vendor = f"""
        provider = "rclone"
        remote = {json.dumps(studio.places["vendor"])}
        config_file = {json.dumps(str(studio.config))}
        root = {{ work = "vendor" }}
        {extra}
        """
    return write_vendor(studio, uri, vendor)


def _rclone_of(pid: int) -> psutil.Process:
    """The rclone that a program has started."""
    [rclone] = [one for one in psutil.Process(pid).children(recursive=True) if _is_rclone(one)]
    return rclone


def _is_rclone(process: psutil.Process) -> bool:
    return "rcd" in process.cmdline()


@pytest.fixture
def folder(studio: RcloneStudio, served: Path) -> Path:
    """Where the server keeps what it is sent; it tells nothing of a file while that is written."""
    return served / studio.places["vendor"].partition(":")[2] / "vendor"


@asynccontextmanager
async def _being_sent(
    settings: Path, folder: Path
) -> AsyncGenerator[tuple[Popen[bytes], psutil.Process]]:
    """Run the program, and its rclone; entered when some bytes of a file are there."""
    with reactor_process(settings) as process:
        await until(lambda: any(folder.glob(".sitesync-*.part")))
        yield process, _rclone_of(process.pid)


async def test_killed_in_the_middle_of_an_upload_it_takes_its_rclone_along_and_begins_anew(
    studio: RcloneStudio, mongo_uri: str, folder: Path
) -> None:
    content = some_bytes(SIZE)
    representation = await studio.publish_file("a.mov", content)
    slowly = _settings(studio, mongo_uri, f"bandwidth = {SLOW}")
    async with _being_sent(slowly, folder) as (process, rclone):
        process.kill()

        await until(lambda: is_gone(rclone.pid))
    assert "created_dt" not in await studio.entry(representation, "vendor")
    assert not (folder / "a.mov").exists()

    with reactor_process(_settings(studio, mongo_uri), "--until-idle") as process:
        code = await ended(process)

    [attempt] = await studio.attempts()
    assert (code, attempt["outcome"], attempt["sent"]) == (0, "available", SIZE)
    await _judge(studio, representation, content)


async def test_asked_to_end_in_the_middle_of_an_upload_it_brings_that_to_its_end(
    studio: RcloneStudio, mongo_uri: str, folder: Path
) -> None:
    content = some_bytes(SIZE)
    representation = await studio.publish_file("a.mov", content)
    slowly = _settings(studio, mongo_uri, f"bandwidth = {SLOW}")
    async with _being_sent(slowly, folder) as (process, rclone):
        process.terminate()

        await ended(process)
        assert is_gone(rclone.pid)
    await _judge(studio, representation, content)


async def _judge(studio: RcloneStudio, representation: ObjectId, content: bytes) -> None:
    """Say that the vendor has the file, the whole file, and nothing but the file."""
    assert "created_dt" in await studio.entry(representation, "vendor")
    assert studio.held("vendor", "a.mov") == content
    assert studio.names_held("vendor") == {"a.mov"}
    assert await studio.state["claims"].count_documents({}) == 0


async def test_rclone_shows_no_secret_to_others_on_the_machine(
    studio: RcloneStudio, mongo_uri: str
) -> None:
    representation = await studio.publish_file("a.mov", some_bytes())
    with reactor_process(_settings(studio, mongo_uri)) as process:
        await studio.until(representation, "vendor")
        told = environment(_rclone_of(process.pid).pid)
        shown = " ".join(word for one in psutil.process_iter(["cmdline"]) for word in _words(one))

    secrets = [
        line.partition("=")[2]
        for line in told.splitlines()
        if line.startswith(("RCLONE_RC_USER=", "RCLONE_RC_PASS="))
    ]
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in shown]
    assert PASSWORD in shown  # of the server that is told it so, by these tests: words are seen


def _words(process: psutil.Process) -> list[str]:
    words: list[str] = process.info["cmdline"] or []
    return words
