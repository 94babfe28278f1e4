"""Who may write settings and keys, who may read staged bytes, and what a crash leaves."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from pathlib import Path

import asyncssh
import pytest

from providers.base import Handle, Location, Setup, SiteError
from providers.local_drive import LocalDrive, LocalDriveOptions
from providers.sftp import SftpOptions
from providers.sftp.credentials import load_key
from tests.cli.machine import Machine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="rights are no bits there")


@pytest.fixture
async def drive(tmp_path: Path) -> AsyncGenerator[LocalDrive]:
    setup = Setup("studio", {"work": str(tmp_path / "root")}, LocalDriveOptions())
    async with LocalDrive(setup) as entered:
        await entered.make_marker("work")
        yield entered


@contextmanager
def _umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _told(machine: Machine) -> list[str]:
    return [one["text"] for one in machine.findings("rights") if one["level"] == "warning"]


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_settings_that_others_may_write_are_told_by_doctor(machine: Machine, mode: int) -> None:
    file = machine.folder / "sitesync.toml"
    assert _told(machine) == []

    file.chmod(mode)

    assert _told(machine) == [
        f"{file} may be written by others than its owner; it decides where files go"
    ]


def test_a_folder_where_anybody_may_exchange_settings_is_told(machine: Machine) -> None:
    machine.folder.chmod(0o777)
    assert "anybody may put another file in the place" in _told(machine)[0]

    machine.folder.chmod(0o1777)
    assert _told(machine) == []


def test_settings_that_others_may_write_are_told_at_the_start(machine: Machine) -> None:
    (machine.folder / "sitesync.toml").chmod(0o666)

    called = machine.run("run", "--until-idle")

    assert called.returncode == 0, called.stderr
    assert "may be written by others than its owner" in called.stderr


def test_a_secret_file_that_all_may_read_or_some_may_write_is_told(machine: Machine) -> None:
    secret = machine.folder / "password"
    secret.write_text("correct horse")
    login = {"provider": "sftp", "host": "127.0.0.1", "port": 1, "user": "studio"}
    vendor = {**login, "root": "/x", "password_file": str(secret)}
    machine.write_settings(sites={"studio": {}, "vendor": vendor})
    secret.chmod(0o600)
    assert _told(machine) == []

    secret.chmod(0o664)

    written, read = _told(machine)
    assert f"{secret} may be written" in written
    assert f"{secret} holds a secret that everybody" in read


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602])
def test_a_private_key_that_others_may_use_is_refused_as_ssh_does(
    tmp_path: Path, mode: int
) -> None:
    file = tmp_path / "key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(file)
    options = SftpOptions.model_validate({"host": "h", "user": "u", "key_file": file})
    file.chmod(0o600)
    assert load_key("vendor", options)

    file.chmod(mode)

    with pytest.raises(SiteError, match=f"run: chmod 600 {file}") as told:
        load_key("vendor", options)
    assert told.value.kind == "settings"


@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077])
async def test_staged_bytes_are_never_open_to_more_people_than_the_published_file(
    drive: LocalDrive, tmp_path: Path, mask: int
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"x")
    source.chmod(0o666)  # the source's rights are not taken over
    with _umask(mask):
        streamed = await drive.stage(Location("work", "a/streamed"), "c1", 1)
        copied = Handle(Location("work", "a/copied"), "c2")
        await drive.stage_from_disk(lambda: source, copied, lambda _: None)
        staged = {_rights(path) for path in (tmp_path / "root/a").iterdir()}
        await drive.publish([(streamed, 1), (copied, 1)])

    assert staged == {0o666 & ~mask}
    assert {_rights(path) for path in (tmp_path / "root/a").iterdir()} == staged


def _rights(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows another process's limits")
def test_a_reactor_leaves_no_core(machine: Machine) -> None:
    with machine.serving():
        while not (started := list(machine.state["reactors"].find())):
            time.sleep(0.05)
        limits = Path(f"/proc/{started[0]['pid']}/limits").read_text()

    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4] == "0"
