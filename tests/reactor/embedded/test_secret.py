"""Nobody but the owner gets into the embedded server."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from reactor.embedded import embedded_mongod
from tests.reactor.embedded.processes import (
    connected,
    content,
    left_behind,
    mongod_of,
    note,
    port_of,
    running,
)


async def test_a_wrong_password_is_refused(folder: Path) -> None:
    async with embedded_mongod(folder) as address:
        wrong = address.replace((folder / "password").read_text(), "guessed")

        with pytest.raises(OperationFailure, match="Authentication failed"):
            await note(wrong, "intruder")


async def test_nobody_can_make_the_first_user_in_our_place(folder: Path) -> None:
    async with embedded_mongod(folder) as address, connected(address) as ours:
        await ours.admin.command("dropUser", "sitesync")
        command = mongod_of(folder).cmdline()
    stranger = f"mongodb://127.0.0.1:{port_of(address)}/?directConnection=true"

    async with left_behind(folder, command), connected(stranger) as client:
        with pytest.raises(OperationFailure, match="requires authentication"):
            await client.admin.command("createUser", "me", pwd="me", roles=["root"])


async def test_the_password_is_on_no_command_line_and_in_no_log(folder: Path) -> None:
    async with embedded_mongod(folder):
        password = (folder / "password").read_text()
        lines = " ".join(word for process in running(folder) for word in process.cmdline())
        logs = "".join(path.read_text() for path in content(folder) if path.suffix == ".log")

    assert password not in lines
    assert password not in logs


async def test_only_the_owner_may_read_what_is_in_the_folder(folder: Path) -> None:
    async with embedded_mongod(folder):
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, folder / "password")]

    assert modes == [0o700, 0o600]
