"""What a service has locked, or does not tell, for a moment: waited for, asked for again, told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from aiohttp import web

from providers.base import FileError, Handle, Location, Provider, RevokedError
from providers.rclone import jobs
from tests.servers.faulty import Call, Fault, Faulty, faulty
from tests.servers.rclone import configuration, serving, site

_FILE = Location("work", "shot/file.exr")
_EMPTY = (
    '<D:multistatus xmlns:D="DAV:"><D:response><D:href>/show/shot/</D:href><D:propstat><D:prop>'
    "<D:resourcetype><D:collection/></D:resourcetype></D:prop>"
    "<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>"
)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have rclone try once: what is tested is what we do when it has given up."""
    monkeypatch.setenv("RCLONE_LOW_LEVEL_RETRIES", "1")


@pytest.fixture
async def proxy(tmp_path: Path) -> AsyncIterator[Faulty]:
    """A WebDAV server with a marked root, and what stands in front of it."""
    (tmp_path / "served" / "show").mkdir(parents=True)
    (tmp_path / "served" / "show" / ".sitesync-root").write_text("0123456789abcdef\n")
    with serving("webdav", tmp_path / "served") as port:
        async with faulty(f"http://127.0.0.1:{port}") as proxy:
            yield proxy


@pytest.fixture
async def provider(proxy: Faulty, tmp_path: Path) -> AsyncIterator[Provider]:
    """That server as a site."""
    keys = {"type": "webdav", "url": proxy.endpoint, "vendor": "other"}
    async with site(
        "dav:", configuration(tmp_path / "c.conf", {"dav": keys}), {"work": "show"}
    ) as it:
        yield it


async def _staged(provider: Provider) -> Handle:
    handle = await provider.stage(_FILE, uuid4().hex, 1)
    async with provider.write(handle) as sink:
        await sink.write(b"x")
    return handle


def _lock(proxy: Faulty, method: str, times: int) -> None:
    def meets(call: Call) -> bool:
        return call.is_(method)

    proxy.faults += [Fault(meets, answers=web.Response(status=423)) for _ in range(times)]


async def test_what_is_locked_for_a_moment_is_published_all_the_same(
    provider: Provider, proxy: Faulty
) -> None:
    handle = await _staged(provider)
    _lock(proxy, "MOVE", 2)

    (facts,) = await provider.publish([(handle, None)])

    assert not isinstance(facts, Exception)
    assert facts.size == 1
    assert proxy.count("MOVE") == 3


async def test_what_stays_locked_is_told(
    provider: Provider, proxy: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "PATIENCE", 0.0)
    handle = await _staged(provider)
    _lock(proxy, "MOVE", 100)

    (told,) = await provider.publish([(handle, None)])

    assert isinstance(told, FileError)
    assert str(told).endswith(
        "has {root[work]}/shot/file.exr, or its folder, locked for somebody else; it is tried again"
    )


async def test_an_upload_into_a_folder_that_is_locked_for_a_moment_begins_again(
    provider: Provider, proxy: Faulty
) -> None:
    _lock(proxy, "MKCOL", 2)

    handle = await _staged(provider)

    assert await provider.staged_size(handle) == 1
    assert proxy.count("MKCOL") > 2


async def test_an_upload_that_is_revoked_while_it_waits_does_not_begin_again(
    provider: Provider, proxy: Faulty
) -> None:
    handle = await provider.stage(_FILE, uuid4().hex, 1)

    async def revoke() -> None:
        tasks.start_soon(provider.revoke, handle)

    proxy.faults.append(
        Fault(lambda call: call.is_("MKCOL"), first=revoke, answers=web.Response(status=423))
    )
    async with anyio.create_task_group() as tasks:
        with pytest.raises(RevokedError):
            async with provider.write(handle) as sink:
                await sink.write(b"x")

    assert not proxy.count("PUT")


async def test_a_folder_that_seems_empty_for_a_moment_is_asked_for_again(
    provider: Provider, proxy: Faulty
) -> None:
    await provider.publish([(await _staged(provider), None)])

    def meets(call: Call) -> bool:
        return call.is_("PROPFIND") and call.path == "/show/shot/"

    empty = web.Response(status=207, text=_EMPTY, content_type="text/xml")
    proxy.faults.append(Fault(meets, answers=empty))

    found = [file.where.path async for file in provider.listing("work")]

    assert not proxy.faults
    assert found == ["shot/file.exr"]
