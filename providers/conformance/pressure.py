"""Many at once, and stopped in the middle."""

from __future__ import annotations

import anyio
import pytest
from anyio.abc import TaskStatus

from providers.base import CHUNK, Handle, Provider
from providers.conformance.moves import (
    Conformance,
    at,
    content_at,
    difference,
    listed,
    new_claim,
    payload,
    publish,
    put,
    stage,
)
from providers.conformance.needs import needs


async def _write_without_end(
    provider: Provider, handle: Handle, *, task_status: TaskStatus[None]
) -> None:
    async with provider.write(handle) as sink:
        for _ in range(3):
            await sink.write(payload(CHUNK))
        task_status.started()
        while True:
            await sink.write(payload(CHUNK))


class PressureConformance(Conformance):
    """One provider is used by many tasks, each of which may be cancelled anywhere."""

    async def test_64_transfers_at_once_keep_their_bytes_apart(self, provider: Provider) -> None:
        contents = {f"shot/{n}.exr": payload(64 * 1024 + n) for n in range(64)}

        async with anyio.create_task_group() as tasks:
            for path, content in contents.items():
                tasks.start_soon(put, provider, path, content)

        for path, content in contents.items():
            assert not difference(await content_at(provider, path), content)

    async def test_cancelled_in_mid_write_nothing_is_published(self, provider: Provider) -> None:
        handle = await provider.stage(at("file.exr"), new_claim(), 100 * CHUNK)

        async with anyio.create_task_group() as tasks:
            await tasks.start(_write_without_end, provider, handle)
            tasks.cancel_scope.cancel()

        assert await provider.facts(at("file.exr")) is None

    async def test_after_a_cancelled_write_nobody_writes_on(self, provider: Provider) -> None:
        handle = await provider.stage(at("file.exr"), new_claim(), 100 * CHUNK)
        async with anyio.create_task_group() as tasks:
            await tasks.start(_write_without_end, provider, handle)
            tasks.cancel_scope.cancel()
        size = await provider.staged_size(handle)

        await put(provider, "other.exr", payload(CHUNK))

        assert await provider.staged_size(handle) == size

    async def test_the_provider_serves_on_after_a_cancelled_read(self, provider: Provider) -> None:
        content = payload(5 * CHUNK)
        await put(provider, "file.exr", content)

        with anyio.CancelScope() as scope:
            async with provider.read(at("file.exr")) as reader:
                async for _ in reader:
                    scope.cancel()

        assert not difference(await content_at(provider, "file.exr"), content)

    @pytest.mark.parametrize("readers", [8])
    async def test_one_file_is_read_by_many_at_once(self, provider: Provider, readers: int) -> None:
        content = payload(2 * CHUNK)
        await put(provider, "file.exr", content)
        found: list[bytes] = []

        async def read() -> None:
            found.append(await content_at(provider, "file.exr"))

        async with anyio.create_task_group() as tasks:
            for _ in range(readers):
                tasks.start_soon(read)

        assert len(found) == readers
        assert not any(difference(content, each) for each in found)

    async def test_of_two_claims_that_publish_one_place_at_once_one_stands_whole(
        self, provider: Provider, other: Provider
    ) -> None:
        needs(provider, "atomic_replace")
        contents = [payload(CHUNK + n) for n in range(4)]
        owners = [(provider, other)[n % 2] for n in range(4)]
        staged = zip(owners, contents, strict=True)
        handles = [await stage(owner, "file.exr", content) for owner, content in staged]

        async with anyio.create_task_group() as tasks:
            for owner, handle in zip(owners, handles, strict=True):
                tasks.start_soon(publish, owner, handle)

        assert await content_at(provider, "file.exr") in contents
        assert set(await listed(other)) == {"file.exr"}

    async def test_staging_many_files_in_one_new_folder_at_once(self, provider: Provider) -> None:
        async with anyio.create_task_group() as tasks:
            for n in range(32):
                tasks.start_soon(stage, provider, f"new/folder/{n}.exr", b"")
