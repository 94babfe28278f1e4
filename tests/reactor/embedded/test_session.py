"""The embedded server is there while it is used, and not longer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from reactor.database import require_replica_set
from reactor.embedded import embedded_mongod
from tests.reactor.embedded.processes import (
    User,
    connected,
    content,
    ended,
    mongod_of,
    note,
    notes,
    running,
    until,
)


async def test_the_address_leads_to_a_replica_set_that_takes_our_login(folder: Path) -> None:
    async with embedded_mongod(folder) as address, connected(address) as client:
        await require_replica_set(client)


async def test_the_server_is_a_primary_when_the_address_is_handed_out(folder: Path) -> None:
    async with embedded_mongod(folder) as address, connected(address) as client:
        hello = await client.admin.command("hello")

    assert hello["isWritablePrimary"]


async def test_the_server_listens_on_loopback_only(folder: Path) -> None:
    async with embedded_mongod(folder):
        listening = mongod_of(folder).net_connections()

    assert {connection.laddr.ip for connection in listening} == {"127.0.0.1"}


async def test_all_processes_that_name_a_folder_share_one_server(
    folder: Path, users: Callable[..., User]
) -> None:
    both = users(folder), users(folder)

    addresses = {await user.address() for user in both}

    assert len(addresses) == 1
    assert len(running(folder)) == 2  # a keeper and a mongod


async def test_the_server_stays_when_the_one_who_started_it_leaves(
    folder: Path, users: Callable[..., User]
) -> None:
    first = users(folder)
    address = await first.address()

    async with embedded_mongod(folder) as same:
        await first.leave()

        assert same == address
        await note(same, "still here")


async def test_leaving_a_shared_server_does_not_wait_for_its_end(
    folder: Path, users: Callable[..., User]
) -> None:
    other = users(folder)
    await other.address()

    with anyio.fail_after(20):
        async with embedded_mongod(folder):
            pass

    assert len(running(folder)) == 2


async def test_the_server_is_not_of_the_users_session_where_ctrl_c_would_reach_it(
    folder: Path,
) -> None:
    async with embedded_mongod(folder):
        sessions = {os.getsid(process.pid) for process in running(folder)}

    assert os.getsid(0) not in sessions


async def test_when_the_last_user_has_left_nothing_runs(folder: Path) -> None:
    async with embedded_mongod(folder):
        assert len(running(folder)) == 2

    assert running(folder) == []


async def test_the_server_ends_cleanly(folder: Path) -> None:
    async with embedded_mongod(folder):
        pass

    assert (folder / "data" / "mongod.lock").read_text() == ""  # mongod's own sign of that


async def test_a_user_that_fails_has_left(folder: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        async with embedded_mongod(folder):
            _ = 1 / 0

    assert running(folder) == []


async def test_an_ephemeral_server_leaves_no_file(empty: Path) -> None:
    async with embedded_mongod(empty, ephemeral=True):
        assert content(empty)

    assert content(empty) == []


@pytest.mark.parametrize(
    "moment", ["users.lock", "keeper.lock", "port", "mongod.log", "data/WiredTiger"]
)
async def test_a_user_killed_while_it_starts_the_server_leaves_none_behind(
    folder: Path, users: Callable[..., User], moment: str
) -> None:
    user = users(folder)
    await until((folder / moment).exists)

    user.kill()
    await ended(folder)

    async with embedded_mongod(folder) as address:
        await note(address, "usable")


async def test_a_user_killed_while_it_uses_the_server_leaves_none_behind(
    folder: Path, users: Callable[..., User]
) -> None:
    user = users(folder)
    await note(await user.address(), "kept")

    user.kill()
    await ended(folder)

    async with embedded_mongod(folder) as address:
        assert await notes(address) == ["kept"]


async def test_a_killed_user_of_an_ephemeral_server_leaves_no_file(
    empty: Path, users: Callable[..., User]
) -> None:
    user = users(empty, "--ephemeral")
    await user.address()

    user.kill()

    await until(lambda: not content(empty))
    await ended(empty)


async def test_who_comes_while_the_server_ends_gets_a_new_one(
    folder: Path, users: Callable[..., User]
) -> None:
    user = users(folder)
    await note(await user.address(), "kept")
    ending = mongod_of(folder)
    user.kill()
    await until(lambda: "Received signal" in (folder / "mongod.log").read_text())

    async with embedded_mongod(folder) as address:
        assert await notes(address) == ["kept"]
        assert mongod_of(folder) != ending
