"""
An owner may be paused at any step, for any time, while another one takes its place over.

The next owner revokes what was staged, then publishes its own: whatever the first one does
after that, its bytes must not become visible.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from providers.base import CHUNK, Facts, Handle, Provider, ProviderError, RevokedError
from providers.conformance.moves import (
    MTIME_NS,
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

STEPS = ("staged", "opened", "partly written", "written", "flushed", "closed", "checked")
_UNFINISHED = STEPS[: STEPS.index("flushed")]
_ROUNDS = 12

Pause = Callable[[str, Handle], Awaitable[None]]


async def _transfer(provider: Provider, content: bytes, pause: Pause) -> Facts:
    """Bring a file as transfers do, and stop at each step for as long as `pause` takes."""
    half = len(content) // 2
    handle = await provider.stage(at("shot/file.exr"), new_claim(), len(content))
    await pause("staged", handle)
    async with provider.write(handle) as sink:
        await pause("opened", handle)
        await sink.write(content[:half])
        await pause("partly written", handle)
        await sink.write(content[half:])
        await pause("written", handle)
        await sink.flush()
        await pause("flushed", handle)
    await pause("closed", handle)
    if await provider.staged_size(handle) is None:
        raise RevokedError(f"{handle.where}: nothing is staged any more")
    for algorithm in provider.features.checksums:
        await provider.checksum(handle, algorithm)
    await pause("checked", handle)
    return await publish(provider, handle, MTIME_NS)


def _who_revokes(provider: Provider, other: Provider, step: str) -> Provider:
    """Return who can revoke at a step: anybody, unless `features` say that only the writer can."""
    alone = step in _UNFINISHED and not provider.features.revokes_unfinished
    return provider if alone else other


class PauseConformance(Conformance):
    """Publishing after a revocation fails, wherever the owner stood when it was revoked."""

    async def test_a_transfer_that_is_not_revoked_is_published(self, provider: Provider) -> None:
        content, seen = payload(2 * CHUNK), list[str]()

        async def pause(now: str, _: Handle) -> None:
            seen.append(now)

        await _transfer(provider, content, pause)

        assert tuple(seen) == STEPS
        assert not difference(await content_at(provider, "shot/file.exr"), content)

    @pytest.mark.parametrize("step", STEPS)
    async def test_an_owner_that_was_paused_and_revoked_publishes_nothing(
        self, provider: Provider, other: Provider, step: str
    ) -> None:
        async def pause(now: str, handle: Handle) -> None:
            if now == step:
                await _who_revokes(provider, other, step).revoke(handle)

        with pytest.raises(ProviderError):
            await _transfer(provider, payload(2 * CHUNK), pause)

        assert await provider.facts(at("shot/file.exr")) is None
        assert await listed(other) == {}

    @pytest.mark.parametrize("step", STEPS)
    async def test_what_the_next_owner_has_published_stays(
        self, provider: Provider, other: Provider, step: str
    ) -> None:
        newer = payload(CHUNK + 1)

        async def pause(now: str, handle: Handle) -> None:
            if now == step:
                await _who_revokes(provider, other, step).revoke(handle)
                await put(other, "shot/file.exr", newer)

        with pytest.raises(ProviderError):
            await _transfer(provider, payload(2 * CHUNK), pause)

        assert not difference(await content_at(provider, "shot/file.exr"), newer)
        assert set(await listed(provider)) == {"shot/file.exr"}

    async def test_of_a_publication_and_a_revocation_at_once_either_counts_whole(
        self, provider: Provider, other: Provider
    ) -> None:
        began = anyio.current_time()
        await publish(provider, await stage(provider, "shot/first.exr", payload(100)))
        took = anyio.current_time() - began

        for turn in range(_ROUNDS):
            path, newer = f"shot/{turn}.exr", payload(101)
            handle = await stage(provider, path, payload(100))
            outcomes: list[Facts | ProviderError] = []
            seen: Facts | None = None
            async with anyio.create_task_group() as both:
                both.start_soon(_publish_into, outcomes, provider, handle)
                await anyio.sleep(took * turn / _ROUNDS / 2)
                await other.revoke(handle)
                seen = await other.facts(at(path))
            there = await provider.facts(at(path))

            assert there == seen, "it became visible after it was revoked"
            assert there is not None or isinstance(outcomes[0], ProviderError)
            await put(other, path, newer)
            assert not difference(await content_at(provider, path), newer)


async def _publish_into(
    outcomes: list[Facts | ProviderError], provider: Provider, handle: Handle
) -> None:
    outcomes += await provider.publish([(handle, MTIME_NS)])
