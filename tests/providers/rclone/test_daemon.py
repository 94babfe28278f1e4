"""One rclone for all sites of a process and a configuration, and none that is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import anyio
import psutil
import pytest

from providers.base import Location, SiteError
from providers.rclone.provider import RcloneProvider
from tests.providers.rclone.processes import (
    children,
    daemon_of,
    environment,
    is_gone,
    pid_of,
    until,
)
from tests.servers.rclone import configuration, site

_FILE = Location("work", "file.exr")
_OURS = """
import asyncio, os, sys
from pathlib import Path
from tests.servers.rclone import site
from tests.providers.rclone.processes import pid_of

async def main() -> None:
    async with site("disk", Path(sys.argv[1]), {"work": sys.argv[2]}) as provider:
        print(await pid_of(provider), flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def _listening(process: psutil.Process) -> list[str]:
    """The addresses that a process listens on."""
    return [c.laddr.ip for c in process.net_connections() if c.status == psutil.CONN_LISTEN]


async def _password(provider: RcloneProvider) -> str:
    found = re.search("^RCLONE_RC_PASS=(.+)$", environment(await pid_of(provider)), re.MULTILINE)
    assert found
    return found[1]


async def test_sites_of_one_configuration_share_one_rclone(
    provider: RcloneProvider, config: Path, root: Path
) -> None:
    async with site("disk:", config, {"work": str(root)}) as other:
        assert isinstance(other, RcloneProvider)
        assert await pid_of(other) == await pid_of(provider)
        assert len(children()) == 1


async def test_it_ends_with_the_last_site(
    provider: RcloneProvider, config: Path, root: Path
) -> None:
    async with site("disk", config, {"work": str(root)}):
        pass
    pid = await pid_of(provider)

    await provider.facts(_FILE)
    await provider.__aexit__(None, None, None)

    assert is_gone(pid)


async def test_nothing_of_ours_listens_when_all_have_left(config: Path, root: Path) -> None:
    async with site("disk", config, {"work": str(root)}):
        assert len(_listening(psutil.Process())) == 1

    assert _listening(psutil.Process()) == []


async def test_none_is_started_before_a_site_is_entered(config: Path, root: Path) -> None:
    site("disk", config, {"work": str(root)})

    assert children() == []


async def test_another_configuration_has_another_rclone(
    provider: RcloneProvider, tmp_path: Path, root: Path
) -> None:
    other = configuration(tmp_path / "other.conf", {"disk": {"type": "local"}})
    async with site("disk", other, {"work": str(root)}):
        assert len(children()) == 2


async def test_nothing_but_the_program_is_in_the_process_list(provider: RcloneProvider) -> None:
    command = psutil.Process(await pid_of(provider)).cmdline()

    assert [Path(command[0]).name, *command[1:]] == ["rclone", "rcd"]


async def test_whoever_does_not_know_the_password_is_kept_out(provider: RcloneProvider) -> None:
    address = (await daemon_of(provider)).address
    async with aiohttp.ClientSession() as stranger:
        for headers in ({}, {"Authorization": "Basic dTpw"}):
            async with stranger.post(f"{address}config/dump", headers=headers) as answer:
                assert answer.status == 401


async def test_it_listens_on_loopback_only(provider: RcloneProvider) -> None:
    assert _listening(psutil.Process(await pid_of(provider))) == ["127.0.0.1"]


async def test_each_has_a_password_of_its_own(
    provider: RcloneProvider, tmp_path: Path, root: Path
) -> None:
    other = configuration(tmp_path / "other.conf", {"disk": {"type": "local"}})
    async with site("disk", other, {"work": str(root)}) as second:
        assert isinstance(second, RcloneProvider)
        passwords = {await _password(provider), await _password(second)}

    assert len(passwords) == 2
    assert all(len(password) >= 32 for password in passwords)


async def test_others_settings_for_rclones_server_do_not_count(
    config: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCLONE_RC_NO_AUTH", "true")
    monkeypatch.setenv("RCLONE_RC_BASEURL", "/elsewhere")

    async with site("disk", config, {"work": str(root)}) as provider:
        assert await provider.facts(_FILE) is None


async def test_one_that_died_is_started_again(provider: RcloneProvider, root: Path) -> None:
    (root / "file.exr").write_bytes(b"x")
    before = await pid_of(provider)
    os.kill(before, signal.SIGKILL)
    await until(lambda: is_gone(before))

    facts = await _once_more(provider)

    assert facts == 1
    assert await pid_of(provider) != before


async def test_what_runs_while_it_dies_is_told_that_the_site_is_out_of_reach(
    provider: RcloneProvider, root: Path
) -> None:
    (root / "large").write_bytes(bytes(64 * 1024 * 1024))
    pid = await pid_of(provider)
    async with provider.read(Location("work", "large")) as reader:
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(SiteError) as lost:
            async for _ in reader:
                pass

    assert lost.value.kind == "unreachable"


async def test_ctrl_c_does_not_reach_it(provider: RcloneProvider) -> None:
    assert os.getpgid(await pid_of(provider)) != os.getpgid(0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_it_ends_with_us_however_we_end(
    config: Path, root: Path, number: signal.Signals
) -> None:
    command = [sys.executable, "-c", _OURS, str(config), str(root)]
    async with await anyio.open_process(command, stderr=subprocess.DEVNULL) as ours:
        assert ours.stdout is not None
        rclone = int(await ours.stdout.receive())
        assert not is_gone(rclone)

        ours.send_signal(number)
        await ours.wait()

        await until(lambda: is_gone(rclone))


async def _once_more(provider: RcloneProvider) -> int:
    """Return a file's size; the call that meets the loss may still fail by it."""
    try:
        found = await provider.facts(_FILE)
    except SiteError:
        found = await provider.facts(_FILE)
    return found.size if found else -1
