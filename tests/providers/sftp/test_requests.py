"""What a small file costs, and in which order it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest

from providers.base import Location
from providers.sftp.channel import Channel, Pending
from providers.sftp.connecting import connect
from providers.sftp.packets import Cursor, Kind, Mode
from providers.sftp.provider import SftpProvider
from providers.sftp.requests import Request, lstat, open_file
from tests.servers.sftp import SftpServer


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of all requests, in the order in which they are sent."""
    names: list[str] = []
    send = Channel.send

    def noted(self: Channel, request: Request[Any]) -> Pending[Any]:
        extended = request.kind is Kind.EXTENDED
        names.append(
            Cursor(request.body).string().decode() if extended else request.kind.name.lower()
        )
        return send(self, request)

    monkeypatch.setattr(Channel, "send", noted)
    return names


async def _put(provider: SftpProvider, name: str) -> None:
    handle = await provider.stage(Location("work", f"shot/{name}"), uuid4().hex, 4)
    async with provider.write(handle) as sink:
        await sink.write(b"good")
        await sink.flush()
    await provider.publish([(handle, 10**18)])


async def test_a_small_file_is_durable_and_dated_before_it_gets_its_name(
    server: SftpServer, root: Path, sent: list[str]
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        await _put(provider, "first")
        sent.clear()

        await _put(provider, "second")

    file = ["lstat", "open", "write", "fsync@openssh.com", "close"]
    name = ["realpath", "setstat", "lstat", "posix-rename@openssh.com"]
    folder = ["open", "fsync@openssh.com", "close"]
    assert sent == file + name + folder


async def test_files_published_together_share_the_look_at_their_folder(
    server: SftpServer, root: Path, sent: list[str]
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        wheres = [Location("work", f"shot/{n}") for n in range(20)]
        handles = [await provider.stage(where, uuid4().hex, 0) for where in wheres]
        sent.clear()

        await provider.publish([(handle, None) for handle in handles])

    assert sent.count("realpath") == 1
    assert sent.count("fsync@openssh.com") == 1


async def test_facts_of_a_file_in_a_folder_that_was_seen_are_one_request(
    server: SftpServer, root: Path, sent: list[str]
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        await _put(provider, "file")
        sent.clear()

        await provider.facts(Location("work", "shot/file"))

    assert sent == ["lstat"]


async def test_a_file_whose_opening_was_not_awaited_is_closed_again(
    server: SftpServer, root: Path, sent: list[str]
) -> None:
    link = await connect("vendor", server.options())
    path = str(root / "file").encode()
    sent.clear()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(link.channel.open, open_file(path, Mode.WRITE | Mode.CREATE))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    await link.channel.ask(lstat(path))

    assert sent == ["open", "lstat", "close"]
    link.close()
    await link.closed()
