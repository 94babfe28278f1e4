"""The program as a process: killed in the middle, stopped politely, run for cron."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from reactor.leases import LEASE_SECONDS
from tests.path.program import (
    ended,
    reactor_process,
    several_hosts,
    until_journalled,
    write_settings,
)
from tests.path.studio import PATIENCE, Studio, some_bytes
from tests.servers.sftp import SftpServer, sshd

LARGE = 400 * 1024 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def settings(studio: Studio, mongo_uri: str, server: SftpServer) -> Path:
    return write_settings(studio, mongo_uri, server)


def _large(studio: Studio) -> bytes:
    content = some_bytes(1024 * 1024) * (LARGE // 1024**2)
    studio.file("cache.abc", content)
    return content


async def test_a_publish_reaches_an_sftp_site_and_the_program_ends_with_0(
    studio: Studio, settings: Path
) -> None:
    content = some_bytes()
    representation = await studio.publish_file("a.exr", content)

    with reactor_process(settings, "--until-idle") as process:
        code = await ended(process)

    assert code == 0
    assert studio.path("vendor", "a.exr").read_bytes() == content
    assert "created_dt" in await studio.entry(representation, "vendor")


async def test_killed_in_mid_file_it_goes_on_from_there(studio: Studio, settings: Path) -> None:
    content = _large(studio)
    representation = await studio.publish(studio.files_entry("cache.abc"))
    with reactor_process(settings) as process:
        await until_journalled(studio)
        process.kill()
        await ended(process)
    assert "created_dt" not in await studio.entry(representation, "vendor")

    with reactor_process(settings, "--until-idle") as process:
        code = await ended(process)

    (attempt,) = await studio.until_attempts(1)
    assert code == 0
    assert studio.path("vendor", "cache.abc").read_bytes() == content
    assert attempt["sent"] < attempt["bytes"]
    assert not list(studio.folder.rglob(".sitesync-*.part"))


async def _until_taken_over(studio: Studio, claim: str) -> timedelta:
    """Return what was left of a claim's lease when somebody else took its place."""
    expires = datetime.now(UTC)
    with anyio.fail_after(LEASE_SECONDS + PATIENCE):
        while found := await studio.state["claims"].find_one({"claim": claim}):
            expires = max(expires, found["expires"])
            await anyio.sleep(0.05)
    return expires - datetime.now(UTC)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("hosts", [(None, None), ("render1", "render2")], ids=["one host", "two"])
async def test_killed_in_mid_file_another_beside_it_goes_on_from_there_within_the_lease(
    studio: Studio, settings: Path, hosts: tuple[str | None, str | None]
) -> None:
    if any(hosts) and not several_hosts():
        pytest.skip("a machine of another name takes root on Linux")
    content = _large(studio)
    with (
        reactor_process(settings, host=hosts[0]) as one,
        reactor_process(settings, host=hosts[1]) as other,
    ):
        with anyio.fail_after(2 * PATIENCE):
            while await studio.state["reactors"].count_documents({}) < 2:
                await anyio.sleep(0.05)
        representation = await studio.publish(studio.files_entry("cache.abc"))
        claim = await until_journalled(studio)
        owner = await studio.state["reactors"].find_one({"_id": claim["process"]})
        (one if one.pid == owner["pid"] else other).kill()
        assert "created_dt" not in await studio.entry(representation, "vendor")

        left = await _until_taken_over(studio, claim["claim"])
        assert left <= timedelta() if any(hosts) else left > timedelta()
        with anyio.fail_after(2 * PATIENCE):
            while "created_dt" not in await studio.entry(representation, "vendor"):
                await anyio.sleep(0.05)

    (attempt,) = await studio.until_attempts(1)
    assert studio.path("vendor", "cache.abc").read_bytes() == content
    assert attempt["claim"] != claim["claim"]
    assert attempt["sent"] < attempt["bytes"]
    assert not list(studio.folder.rglob(".sitesync-*.part"))


async def test_stopped_by_sigterm_it_gives_up_its_claims_and_ends_with_0(
    studio: Studio, settings: Path
) -> None:
    studio.file("cache.abc", some_bytes(1024 * 1024) * (LARGE // 1024**2))
    await studio.publish(studio.files_entry("cache.abc"))

    with reactor_process(settings) as process:
        await until_journalled(studio)
        process.send_signal(signal.SIGTERM)
        code = await ended(process)

    assert code == 0
    assert await studio.state["reactors"].count_documents({}) == 0
    assert await studio.state["claims"].count_documents({"over": {"$ne": True}}) == 0


async def test_interrupted_it_ends_with_130(studio: Studio, settings: Path) -> None:
    with reactor_process(settings) as process:
        representation = await studio.publish_file("a.exr", some_bytes())
        await studio.until(representation, "vendor")
        process.send_signal(signal.SIGINT)
        code = await ended(process)

    assert code == 130


async def test_what_failed_makes_until_idle_end_with_1(studio: Studio, settings: Path) -> None:
    element: dict[str, Any] = {
        "path": "{root[work]}/../a.exr",
        "size": 1,
        "hash": "a|1,0|1",
        "sites": [],
    }
    studio.file("gone.exr", some_bytes())
    gone = studio.files_entry("gone.exr")
    gone["sites"][1] |= {"tries": 2}
    studio.path("studio", "gone.exr").unlink()
    await studio.publish(gone, element)

    with reactor_process(settings, "--until-idle") as process:
        code = await ended(process)

    assert code == 1
