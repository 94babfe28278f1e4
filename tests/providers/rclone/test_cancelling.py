"""Cancelled means stopped: in rclone, too, and before the one who cancelled goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import uuid4

import anyio
import pytest
from anyio.abc import TaskStatus

from providers.base import CHUNK, ChangedFileError, Handle, Location, RevokedError
from providers.rclone.provider import RcloneProvider
from tests.providers.rclone.processes import until

_FILE = Location("work", "shot/file.exr")
_SIZE = 64 * CHUNK


async def _staged(provider: RcloneProvider, size: int = _SIZE) -> Handle:
    return await provider.stage(_FILE, uuid4().hex, size, None)


async def _write(
    provider: RcloneProvider,
    handle: Handle,
    then: Callable[[], Awaitable[object]],
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Write a part, then do something else while the upload is under way."""
    async with provider.write(handle) as sink:
        await sink.write(bytes(8 * CHUNK))
        task_status.started()
        await then()


async def _jobs(provider: RcloneProvider) -> list[int]:
    """The jobs that rclone works on, but for the one that asks."""
    answer = await provider._remote.call("job/list")
    return sorted(answer["runningIds"])[:-1]


async def test_an_upload_is_one_job_of_rclone_s(provider: RcloneProvider) -> None:
    handle, seen = await _staged(provider), list[int]()

    async def look() -> None:
        seen.extend(await _jobs(provider))

    with pytest.raises(ChangedFileError, match="became shorter"):
        await _write(provider, handle, look)

    assert len(seen) == 1


async def test_when_a_cancelled_write_returns_rclone_has_stopped(
    provider: RcloneProvider, root: Path
) -> None:
    handle = await _staged(provider)

    async with anyio.create_task_group() as tasks:
        await tasks.start(_write, provider, handle, anyio.sleep_forever)
        tasks.cancel_scope.cancel()

    assert await _jobs(provider) == []
    assert list((root / "shot").iterdir()) == []


async def test_a_writer_that_fails_stops_it_too(provider: RcloneProvider, root: Path) -> None:
    handle = await _staged(provider)

    async def fail() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await _write(provider, handle, fail)

    assert await _jobs(provider) == []
    assert list((root / "shot").iterdir()) == []


async def test_revoking_stops_an_upload_that_is_under_way(
    provider: RcloneProvider, root: Path
) -> None:
    handle = await _staged(provider)

    async def revoke() -> None:
        await provider.revoke(handle)
        assert await _jobs(provider) == []

    with pytest.raises(RevokedError):
        await _write(provider, handle, revoke)

    assert list((root / "shot").iterdir()) == []


async def test_a_reader_that_goes_away_lets_rclone_go(provider: RcloneProvider, root: Path) -> None:
    (root / "large").write_bytes(bytes(_SIZE))
    async with provider.read(Location("work", "large")) as reader:
        async for _ in reader:
            break

    async def transfers() -> int:
        stats = await provider._remote.call("core/stats")
        return len(stats.get("transferring") or ())

    with anyio.fail_after(20):
        while await transfers():
            await anyio.sleep(0.01)


async def test_a_file_that_grows_while_it_is_sent_is_not_staged(
    provider: RcloneProvider, root: Path
) -> None:
    handle = await _staged(provider, 10)

    with pytest.raises(ChangedFileError, match="became longer"):
        await _write(provider, handle, anyio.sleep_forever)

    assert await provider.facts(_FILE) is None


async def test_what_is_staged_is_there_once_it_is_flushed(
    provider: RcloneProvider, root: Path
) -> None:
    handle = await _staged(provider, 10)
    staged = root / f"shot/.sitesync-{handle.claim}.part"

    async with provider.write(handle) as sink:
        await sink.write(b"01234")
        await sink.flush()  # there is more to come
        await sink.write(b"56789")
        await sink.flush()
        assert staged.read_bytes() == b"0123456789"

    await until(staged.exists)
