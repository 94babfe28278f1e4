"""Stage, publish, revoke, adopt: bytes are visible through publish alone, whole or not at all."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import cast

import anyio
import pytest

from providers.base import (
    CHUNK,
    DiskProvider,
    Facts,
    Handle,
    Provider,
    ProviderError,
    RevokedError,
)
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
    write,
)
from providers.conformance.needs import needs
from providers.services import StagedCopyProvider


class StagingConformance(Conformance):
    """The steps of a transfer (DESIGN §4.4 and §5)."""

    async def test_staged_bytes_are_not_visible(self, provider: Provider) -> None:
        await stage(provider, "shot/file.exr", payload(10))

        assert await provider.facts(at("shot/file.exr")) is None
        assert await listed(provider) == {}

    async def test_one_claim_cannot_stage_a_place_twice(self, provider: Provider) -> None:
        first = await stage(provider, "file.exr", b"first")

        with pytest.raises(ProviderError):
            await provider.stage(first.where, first.claim, 5)

        await publish(provider, first)
        assert await content_at(provider, "file.exr") == b"first"

    async def test_a_derived_handle_is_the_one_that_staging_returned(
        self, provider: Provider
    ) -> None:
        needs(provider, "derived_handles")
        claim = new_claim()

        assert await provider.stage(at("file.exr"), claim, 1) == Handle(at("file.exr"), claim)

    async def test_publishing_replaces_what_stood_there(self, provider: Provider) -> None:
        await put(provider, "file.exr", b"old and longer")

        await put(provider, "file.exr", b"new")

        assert await content_at(provider, "file.exr") == b"new"

    async def test_at_every_moment_of_a_replacement_a_whole_file_stands_there(
        self, provider: Provider
    ) -> None:
        needs(provider, "atomic_replace")
        await put(provider, "file.exr", payload(1))
        handles = [await stage(provider, "file.exr", payload(1 + n % 2)) for n in range(20)]
        seen: list[Facts | None] = []

        async def look() -> None:
            while True:
                seen.append(await provider.facts(at("file.exr")))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(look)
            for handle in handles:
                await publish(provider, handle)
            tasks.cancel_scope.cancel()

        assert {facts and facts.size for facts in seen} <= {1, 2}

    async def test_revoked_bytes_cannot_be_published(self, provider: Provider) -> None:
        await put(provider, "file.exr", b"good")
        handle = await stage(provider, "file.exr", b"stale")

        await provider.revoke(handle)

        with pytest.raises(RevokedError):
            await publish(provider, handle)
        assert await content_at(provider, "file.exr") == b"good"

    async def test_bytes_revoked_while_they_are_written_cannot_be_published(
        self, provider: Provider
    ) -> None:
        handle = await provider.stage(at("file.exr"), new_claim(), CHUNK)

        with suppress(RevokedError):  # some servers notice it while writing
            async with provider.write(handle) as sink:
                await sink.write(payload(CHUNK))
                await provider.revoke(handle)
                await sink.write(payload(CHUNK))

        with pytest.raises(RevokedError):
            await publish(provider, handle)
        assert await provider.facts(at("file.exr")) is None

    async def test_revoked_bytes_cannot_be_written_to(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", b"stale")
        await provider.revoke(handle)

        with pytest.raises(RevokedError):
            await write(provider, handle, b"more")

        assert await provider.staged_size(handle) is None

    async def test_revoking_nothing_is_no_error(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", b"stale")

        await provider.revoke(handle)
        await provider.revoke(handle)
        await provider.revoke(Handle(at("no/such/file.exr"), new_claim()))

    async def test_revoking_a_published_handle_leaves_the_file(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", b"good")
        await publish(provider, handle)

        await provider.revoke(handle)

        assert await content_at(provider, "file.exr") == b"good"

    async def test_a_handle_is_published_once(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", b"good")
        await publish(provider, handle)

        with pytest.raises(RevokedError):
            await publish(provider, handle)

    async def test_two_claims_on_one_place_do_not_touch_each_other(
        self, provider: Provider
    ) -> None:
        one = await stage(provider, "file.exr", b"one")
        two = await stage(provider, "file.exr", b"two")

        await provider.revoke(one)
        await publish(provider, two)

        assert await content_at(provider, "file.exr") == b"two"

    async def test_adopted_bytes_are_published_by_the_new_claim(self, provider: Provider) -> None:
        dead = await stage(provider, "file.exr", b"nearly done")

        handle = await provider.adopt(dead, new_claim())
        await publish(provider, handle)

        assert await content_at(provider, "file.exr") == b"nearly done"

    async def test_adopting_revokes_the_old_handle(self, provider: Provider) -> None:
        dead = await stage(provider, "file.exr", b"nearly done")
        handle = await provider.adopt(dead, new_claim())

        with pytest.raises(RevokedError):
            await publish(provider, dead)

        assert await provider.facts(at("file.exr")) is None
        await publish(provider, handle)
        assert await content_at(provider, "file.exr") == b"nearly done"

    async def test_there_is_nothing_to_adopt_once_it_is_revoked(self, provider: Provider) -> None:
        dead = await stage(provider, "file.exr", b"stale")
        await provider.revoke(dead)

        with pytest.raises(RevokedError):
            await provider.adopt(dead, new_claim())

    async def test_a_copy_of_staged_bytes_is_gone_on_with_while_their_owner_goes_on(
        self, provider: Provider
    ) -> None:
        needs(provider, "copies_staged")
        assert isinstance(provider, StagedCopyProvider)
        content, other = payload(2 * CHUNK), payload(2 * CHUNK)
        slow = await stage(provider, "file.exr", content[: CHUNK + 7])

        copy = await provider.copy_staged(slow, new_claim(), CHUNK)
        await write(provider, slow, other[CHUNK:], offset=CHUNK)

        assert await provider.staged_size(copy) == CHUNK
        await provider.revoke(slow)
        await write(provider, copy, content[CHUNK:], offset=CHUNK)
        await publish(provider, copy)
        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_what_is_not_staged_is_not_copied_and_leaves_nothing(
        self, provider: Provider
    ) -> None:
        needs(provider, "copies_staged")
        assert isinstance(provider, StagedCopyProvider)
        short = await stage(provider, "file.exr", payload(10))
        gone = await stage(provider, "gone.exr", payload(10))
        await provider.revoke(gone)

        for handle, size in ((short, 11), (gone, 10)):
            claim = new_claim()
            with pytest.raises(RevokedError):
                await provider.copy_staged(handle, claim, size)
            assert await provider.staged_size(Handle(handle.where, claim)) is None

    async def test_the_staged_size_is_what_was_flushed(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", payload(CHUNK + 3))

        assert await provider.staged_size(handle) == CHUNK + 3

    async def test_writing_goes_on_at_an_offset_and_cuts_what_lay_beyond(
        self, provider: Provider
    ) -> None:
        needs(provider, "resume", "cuts_staged")
        first, rest = payload(3 * CHUNK), payload(100)
        handle = await stage(provider, "file.exr", first)

        await write(provider, handle, rest, offset=CHUNK)
        await publish(provider, handle)

        assert not difference(await content_at(provider, "file.exr"), first[:CHUNK] + rest)

    async def test_writing_goes_on_where_staged_bytes_end(self, provider: Provider) -> None:
        needs(provider, "resume")
        content = payload(3 * CHUNK)
        handle = await provider.stage(at("file.exr"), new_claim(), len(content))
        await write(provider, handle, content[:CHUNK])
        staged = await provider.staged_size(handle)
        assert staged is not None

        await write(provider, handle, content[staged:], offset=staged)
        await publish(provider, handle)

        assert not difference(await content_at(provider, "file.exr"), content)

    async def test_writing_leaves_no_gap(self, provider: Provider) -> None:
        handle = await stage(provider, "file.exr", b"short")

        with pytest.raises(ProviderError):
            await write(provider, handle, b"far away", offset=100)

    async def test_of_many_handles_the_revoked_ones_alone_are_not_published(
        self, provider: Provider
    ) -> None:
        handles = [await stage(provider, f"v1/{n}.exr", payload(n)) for n in range(50)]
        for handle in handles[::7]:
            await provider.revoke(handle)

        outcomes = await provider.publish([(handle, None) for handle in handles])

        sizes = [outcome.size if isinstance(outcome, Facts) else None for outcome in outcomes]
        assert sizes == [n if n % 7 else None for n in range(50)]
        assert all(isinstance(outcome, RevokedError) for outcome in outcomes[::7])
        assert {facts.size for facts in (await listed(provider)).values()} == set(sizes) - {None}

    async def test_staged_files_are_listed_with_what_revokes_them(self, provider: Provider) -> None:
        needs(provider, "local_paths")
        disk = cast("DiskProvider", provider)
        handles = [await stage(provider, path, payload(3)) for path in ("a/b/x.exr", "y.exr")]
        await put(provider, "a/z.exr", b"published")
        before = time.time_ns()

        found = [file async for file in disk.staged("work")]

        assert {file.handle.claim for file in found} == {handle.claim for handle in handles}
        assert all(abs(before - file.touched_ns) < 3_600 * 10**9 for file in found)
        for file in found:
            await provider.revoke(file.handle)
        assert [file async for file in disk.staged("work")] == []
        assert await content_at(provider, "a/z.exr") == b"published"

    async def test_publishing_nothing_is_no_error(self, provider: Provider) -> None:
        assert list(await provider.publish([])) == []
