from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from providers.base import CHUNK, Handle, Location, SiteError
from providers.sftp.provider import SftpProvider
from tests.servers.proxy import Proxy, proxied
from tests.servers.sftp import SftpServer

_FILE = Location("work", "shot/file.exr")


@pytest.fixture
async def proxy(server: SftpServer) -> AsyncIterator[Proxy]:
    async with proxied(server.port) as running:
        yield running


@pytest.fixture
async def provider(server: SftpServer, proxy: Proxy, root: Path) -> AsyncIterator[SftpProvider]:
    pin = server.host_key.read_text().strip()
    async with server.provider({"work": str(root)}, port=proxy.port, host_key=pin) as entered:
        yield entered


async def _write(provider: SftpProvider, handle: Handle, content: bytes, offset: int = 0) -> None:
    async with provider.write(handle, offset) as sink:
        await sink.write(content)
        await sink.flush()


async def _write_and_cut(
    provider: SftpProvider, handle: Handle, content: bytes, proxy: Proxy
) -> None:
    """Write, and lose the connection when the first chunk has been flushed."""
    async with provider.write(handle) as sink:
        await sink.write(content[:CHUNK])
        await sink.flush()
        proxy.cut()
        await sink.write(content[CHUNK:])
        await sink.flush()


async def _read_and_cut(provider: SftpProvider, where: Location, proxy: Proxy) -> None:
    async with provider.read(where) as reader:
        async for _ in reader:
            proxy.cut()


async def test_entering_logs_in_once(provider: SftpProvider, proxy: Proxy) -> None:
    assert proxy.accepted == 1


async def test_one_task_uses_one_connection(provider: SftpProvider, proxy: Proxy) -> None:
    for _ in range(10):
        await provider.facts(_FILE)

    assert proxy.accepted == 1


async def test_many_tasks_share_a_few_connections(provider: SftpProvider, proxy: Proxy) -> None:
    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(provider.facts, _FILE)

    assert proxy.accepted == 3


async def test_a_connection_lost_in_mid_write_is_a_failure_of_the_site(
    provider: SftpProvider, proxy: Proxy
) -> None:
    handle = await provider.stage(_FILE, uuid4().hex, 0)

    with pytest.raises(SiteError) as lost:
        await _write_and_cut(provider, handle, bytes(64 * CHUNK), proxy)

    assert lost.value.kind == "unreachable"


async def test_a_connection_lost_in_mid_read_is_a_failure_of_the_site(
    provider: SftpProvider, proxy: Proxy, root: Path
) -> None:
    (root / "big").write_bytes(bytes(64 * CHUNK))

    with pytest.raises(SiteError) as lost:
        await _read_and_cut(provider, Location("work", "big"), proxy)

    assert lost.value.kind == "unreachable"


async def test_after_a_loss_the_next_call_connects_again(
    provider: SftpProvider, proxy: Proxy, root: Path
) -> None:
    (root / "file").write_bytes(b"x")
    proxy.cut()

    found = await _when_back(provider, Location("work", "file"))

    assert found == 1


async def test_a_write_that_was_cut_off_goes_on_where_it_was_flushed(
    provider: SftpProvider, proxy: Proxy, root: Path
) -> None:
    content = uuid4().bytes * (3 * CHUNK // 16)
    handle = await provider.stage(_FILE, uuid4().hex, len(content))
    with pytest.raises(SiteError):
        await _write_and_cut(provider, handle, content, proxy)

    await _write(provider, handle, content[CHUNK:], CHUNK)
    await provider.publish([(handle, None)])

    assert (root / "shot/file.exr").read_bytes() == content


async def test_tasks_that_wait_for_one_attempt_share_its_failure(
    provider: SftpProvider, proxy: Proxy
) -> None:
    proxy.refusing = True
    proxy.cut()
    await anyio.wait_all_tasks_blocked()
    before, kinds = proxy.accepted, list[str]()

    async def fail() -> None:
        try:
            await provider.facts(_FILE)
        except SiteError as error:
            kinds.append(error.kind)

    async with anyio.create_task_group() as tasks:
        for _ in range(30):
            tasks.start_soon(fail)

    assert kinds == ["unreachable"] * 30
    assert proxy.accepted - before <= 3


async def test_a_server_that_takes_no_more_logins_is_used_with_those_it_took(
    provider: SftpProvider, proxy: Proxy
) -> None:
    proxy.refusing = True
    found: list[object] = []

    async def look() -> None:
        found.append(await provider.facts(_FILE))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(look)

    assert found == [None] * 20


async def test_after_closing_nothing_is_left_open(server: SftpServer, root: Path) -> None:
    async with server.provider({"work": str(root)}) as provider:
        handle = await provider.stage(_FILE, uuid4().hex, 0)

    with pytest.raises(SiteError):
        await _write(provider, handle, b"late")


async def _when_back(provider: SftpProvider, where: Location) -> int:
    """Return a file's size; the call that meets the loss may still fail by it."""
    try:
        found = await provider.facts(where)
    except SiteError:
        found = await provider.facts(where)
    return found.size if found else -1


async def test_a_connection_reset_before_it_serves_is_a_site_out_of_reach(
    server: SftpServer, root: Path
) -> None:
    pin = server.host_key.read_text().strip()
    kinds: list[str] = []
    for after in range(0, 20_000, 200):
        async with proxied(server.port) as proxy:
            proxy.resets_after = after
            provider = server.provider({"work": str(root)}, port=proxy.port, host_key=pin)
            try:
                async with provider:
                    break
            except SiteError as error:
                kinds.append(error.kind)

    assert len(kinds) > 5
    assert set(kinds) == {"unreachable"}
