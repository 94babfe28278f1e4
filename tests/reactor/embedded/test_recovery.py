"""What an end of any kind has left is good enough for the next start."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest

from reactor.embedded import embedded_mongod, find_mongod
from tests.reactor.embedded.processes import (
    connected,
    ended,
    keeper_of,
    left_behind,
    mongod_of,
    note,
    notes,
    port_of,
    somebody_at,
    until,
)


async def test_the_next_start_has_the_data_and_the_port(folder: Path) -> None:
    async with embedded_mongod(folder) as first:
        await note(first, "kept")

    async with embedded_mongod(folder) as second:
        assert second == first
        assert await notes(second) == ["kept"]


async def test_if_somebody_has_taken_the_port_the_next_start_has_the_data_at_another(
    folder: Path,
) -> None:
    async with embedded_mongod(folder) as first:
        await note(first, "kept")

    with somebody_at(port_of(first)):
        async with embedded_mongod(folder) as second:
            assert port_of(second) != port_of(first)
            assert await notes(second) == ["kept"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
async def test_the_server_goes_with_a_killed_keeper(folder: Path) -> None:
    async with embedded_mongod(folder) as address:
        await note(address, "kept")
        server = mongod_of(folder)

        keeper_of(folder).kill()

        await until(lambda: not server.is_running())

    async with embedded_mongod(folder) as address:
        assert await notes(address) == ["kept"]


async def test_a_server_that_outlived_its_keeper_is_ended_by_the_next_one(folder: Path) -> None:
    async with embedded_mongod(folder):
        command = mongod_of(folder).cmdline()

    async with left_behind(folder, command) as stale, embedded_mongod(folder) as address:
        with anyio.fail_after(20):
            assert await stale.wait() == 0
        await note(address, "usable")


async def test_a_keeper_that_is_told_to_end_ends_the_server_cleanly(folder: Path) -> None:
    async with embedded_mongod(folder):
        keeper_of(folder).terminate()
        await ended(folder)

    assert (folder / "data" / "mongod.lock").read_text() == ""


async def test_a_start_that_ended_before_there_was_a_user_is_made_up_for(folder: Path) -> None:
    async with embedded_mongod(folder) as address, connected(address) as client:
        await client.admin.command("dropUser", "sitesync")

    async with embedded_mongod(folder) as address:
        await note(address, "usable")


async def test_a_port_that_is_taken_in_the_last_moment_is_no_failure(
    folder: Path, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    mongod = tmp_path / "unlucky"
    mongod.write_text(
        f'#!/bin/sh\n[ -e {seen} ] && exec {find_mongod()} "$@"\ntouch {seen}; exit 48'
    )
    mongod.chmod(0o755)

    async with embedded_mongod(folder, mongod=mongod) as address:
        await note(address, "usable")
