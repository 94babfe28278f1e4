"""What a service does by itself (`providers.services`): copies that are proved, changes that are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import anyio
import pytest

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    Handle,
    Marker,
    MissingFileError,
    Provider,
    ProviderError,
    RevokedError,
)
from providers.checksums import ALGORITHMS, checksum_of
from providers.conformance.moves import (
    MTIME_NS,
    SIZES,
    Conformance,
    as_listed,
    at,
    content_at,
    difference,
    listed,
    new_claim,
    payload,
    publish,
    put,
)
from providers.services import Change, ChangingProvider, CopyingProvider, HistoryLostError

_PATIENCE = 20.0  # some services tell late


class CopyConformance(Conformance):
    """
    For providers with `features.copies`.

    A second fixture `neighbour` is another entered provider, empty and with roots of the same
    names, of which the service can copy files.
    """

    @pytest.fixture(autouse=True)
    async def neighbours_marker(self, neighbour: Provider) -> Marker:
        """Make the marker of the neighbour's root `work`."""
        return await neighbour.make_marker("work")

    async def test_it_says_that_it_copies(self, provider: Provider, neighbour: Provider) -> None:
        assert provider.features.copies
        assert copying(provider).copies_from(neighbour)

    @pytest.mark.parametrize("size", SIZES)
    async def test_a_copy_has_the_bytes_of_its_original(
        self, provider: Provider, neighbour: Provider, size: int
    ) -> None:
        content = payload(size)
        facts = await put(neighbour, "shot/file.exr", content)

        handle, _ = await copied(provider, neighbour, "shot/file.exr", facts)

        await publish(provider, handle)
        assert not difference(await content_at(provider, "shot/file.exr"), content)
        assert not difference(await content_at(neighbour, "shot/file.exr"), content)

    async def test_the_checksums_of_both_ends_are_told_and_are_those_of_the_bytes(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        content = payload(SIZES[-1])
        facts = await put(neighbour, "file.exr", content)

        _, told = await copied(provider, neighbour, "file.exr", facts)

        assert told.source == facts
        assert told.source_checksum == told.staged_checksum
        algorithm, _, digits = told.staged_checksum.partition(":")
        assert digits
        if algorithm in ALGORITHMS:
            assert told.staged_checksum == checksum_of(algorithm, [content])

    async def test_progress_tells_all_bytes(self, provider: Provider, neighbour: Provider) -> None:
        facts = await put(neighbour, "file.exr", payload(SIZES[-1]))
        told: list[int] = []

        await copied(provider, neighbour, "file.exr", facts, told.append)

        assert sum(told) == facts.size

    async def test_a_copy_is_not_visible_until_it_is_published(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        content = payload(SIZES[-1])
        facts = await put(neighbour, "shot/file.exr", content)

        handle, _ = await copied(provider, neighbour, "shot/file.exr", facts)

        assert await provider.facts(at("shot/file.exr")) is None
        assert await listed(provider) == {}
        published = await publish(provider, handle, MTIME_NS)
        assert not difference(await content_at(provider, "shot/file.exr"), content)
        assert await listed(provider) == {"shot/file.exr": as_listed(provider, published)}

    async def test_a_copy_replaces_what_stood_there(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        await put(provider, "file.exr", b"old and longer")
        facts = await put(neighbour, "file.exr", b"new")

        handle, _ = await copied(provider, neighbour, "file.exr", facts)
        await publish(provider, handle)

        assert await content_at(provider, "file.exr") == b"new"

    async def test_one_claim_cannot_stage_a_copy_twice(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", b"original")
        handle, _ = await copied(provider, neighbour, "file.exr", facts)

        with pytest.raises(ProviderError):
            await copying(provider).begin_copy(handle.where, handle.claim, facts.size)

        await publish(provider, handle)
        assert await content_at(provider, "file.exr") == b"original"

    async def test_a_revoked_copy_cannot_be_published(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        await put(provider, "file.exr", b"good")
        facts = await put(neighbour, "file.exr", b"stale")
        handle, _ = await copied(provider, neighbour, "file.exr", facts)

        await provider.revoke(handle)

        with pytest.raises(RevokedError):
            await publish(provider, handle)
        assert await content_at(provider, "file.exr") == b"good"

    async def test_what_was_revoked_before_it_was_copied_stays_revoked(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", payload(SIZES[-1]))
        handle = await copying(provider).begin_copy(at("file.exr"), new_claim(), facts.size)
        await provider.revoke(handle)

        with pytest.raises(RevokedError):
            await copying(provider).copy(neighbour, facts, handle, _ignore)

        with pytest.raises(RevokedError):
            await publish(provider, handle)
        assert await listed(provider) == {}

    async def test_a_copy_that_is_cancelled_can_be_revoked(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", payload(SIZES[-1]))
        handle = await copying(provider).begin_copy(at("file.exr"), new_claim(), facts.size)

        with anyio.CancelScope() as scope:
            scope.cancel()
            await copying(provider).copy(neighbour, facts, handle, _ignore)
        await provider.revoke(handle)

        with pytest.raises(RevokedError):
            await publish(provider, handle)
        assert await listed(provider) == {}

    async def test_an_original_that_is_not_there_is_told(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", b"original")
        await neighbour.remove(at("file.exr"))

        with pytest.raises(MissingFileError):
            await copied(provider, neighbour, "file.exr", facts)

    async def test_an_original_that_was_changed_is_told(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", b"original")
        await put(neighbour, "file.exr", b"and then another")

        with pytest.raises(ChangedFileError):
            await copied(provider, neighbour, "file.exr", facts)

    async def test_facts_of_other_bytes_are_refused(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        facts = await put(neighbour, "file.exr", b"original")

        with pytest.raises(ChangedFileError):
            await copied(provider, neighbour, "file.exr", replace(facts, size=facts.size + 1))

    async def test_many_copies_at_once_keep_their_bytes_apart(
        self, provider: Provider, neighbour: Provider
    ) -> None:
        contents = {f"shot/{n}.exr": payload(1000 + n) for n in range(16)}
        facts = {path: await put(neighbour, path, content) for path, content in contents.items()}

        async def bring(path: str) -> None:
            handle, _ = await copied(provider, neighbour, path, facts[path])
            await publish(provider, handle)

        async with anyio.create_task_group() as tasks:
            for path in contents:
                tasks.start_soon(bring, path)

        for path, content in contents.items():
            assert not difference(await content_at(provider, path), content)


class ChangeConformance(Conformance):
    """For providers with `features.changes`."""

    async def test_it_says_that_it_tells_changes(self, provider: Provider) -> None:
        assert provider.features.changes

    async def test_where_nothing_happened_a_token_is_told_and_nothing_else(
        self, provider: Provider
    ) -> None:
        await put(provider, "before.exr", payload(1))
        token = await settled(provider)

        told = [batch async for batch in changing(provider).changes("work", token)]

        assert told
        assert not any(batch.changes or batch.unsure for batch in told)

    async def test_a_file_that_came_is_told(self, provider: Provider) -> None:
        token = await settled(provider)

        facts = await put(provider, "shot/v1/file.exr", payload(10))

        change = await told_of(provider, token, "shot/v1/file.exr", facts)
        assert change.facts in (facts, None)

    async def test_a_file_that_was_replaced_is_told(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(10))
        token = await settled(provider)

        facts = await put(provider, "file.exr", payload(11))

        change = await told_of(provider, token, "file.exr", facts)
        assert change.facts in (facts, None)

    async def test_a_file_that_went_is_told(self, provider: Provider) -> None:
        facts = await put(provider, "shot/file.exr", payload(10))
        token = await settled(provider)

        await provider.remove(at("shot/file.exr"))

        change = await told_of(provider, token, "shot/file.exr", facts)
        assert change.facts is None

    async def test_staged_bytes_are_not_told(self, provider: Provider) -> None:
        token = await settled(provider)

        await provider.stage(at("shot/file.exr"), new_claim(), 10)
        await put(provider, "later.exr", payload(1))
        await told_of(provider, token, "later.exr")

        assert await places(provider, token) <= {"later.exr", "shot"}

    async def test_what_was_told_is_over_for_those_who_go_on(self, provider: Provider) -> None:
        token = await settled(provider)
        await put(provider, "first.exr", payload(1))
        await told_of(provider, token, "first.exr")

        token = await settled(provider, token)
        await put(provider, "second.exr", payload(1))
        await told_of(provider, token, "second.exr")

        assert "first.exr" not in await places(provider, token)

    async def test_what_happened_in_another_root_is_not_told(self, provider: Provider) -> None:
        await provider.make_marker("bare")
        token = await settled(provider)
        other = await provider.stage(at("other.exr", "bare"), new_claim(), 1)
        async with provider.write(other) as sink:
            await sink.write(b"x")
            await sink.flush()
        await publish(provider, other)

        await put(provider, "file.exr", payload(1))
        await told_of(provider, token, "file.exr")

        assert await places(provider, token) == {"file.exr"}

    @pytest.mark.parametrize("token", ["", "no such token", "-1", "999999999999"])
    async def test_a_token_that_it_does_not_know_is_lost_history(
        self, provider: Provider, token: str
    ) -> None:
        with pytest.raises(HistoryLostError):
            await places(provider, token)


def copying(provider: Provider) -> CopyingProvider:
    """Return a provider with `features.copies` as what it is."""
    return cast("CopyingProvider", provider)


def changing(provider: Provider) -> ChangingProvider:
    """Return a provider with `features.changes` as what it is."""
    return cast("ChangingProvider", provider)


async def copied(
    provider: Provider,
    source: Provider,
    path: str,
    facts: Facts,
    progress: Callable[[int], None] | None = None,
) -> tuple[Handle, Copied]:
    """Let the service stage a copy of a source's file under a claim of its own."""
    handle = await copying(provider).begin_copy(at(path), new_claim(), facts.size)
    return handle, await copying(provider).copy(source, facts, handle, progress or _ignore)


async def settled(provider: Provider, token: str | None = None) -> str:
    """Return a token after which nothing is told of what has happened so far."""
    token = token or await changing(provider).changes_now("work")
    quiet = False
    with anyio.fail_after(_PATIENCE):
        while not quiet:
            quiet = True
            async for batch in changing(provider).changes("work", token):
                token, quiet = batch.token, quiet and not batch.changes
    return token


async def told_of(provider: Provider, token: str, path: str, facts: Facts | None = None) -> Change:
    """Return the last change of a file, by its place or its id, once the service tells it."""
    with anyio.fail_after(_PATIENCE):
        while True:
            async for batch in changing(provider).changes("work", token):
                for change in reversed(batch.changes):
                    known = facts is not None and facts.id is not None and facts.id == change.id
                    if known or (change.where == at(path) and not change.folder):
                        return change
            await anyio.sleep(0.05)


async def places(provider: Provider, token: str) -> set[str]:
    """Return the paths of all places that are told after a token."""
    found = [batch async for batch in changing(provider).changes("work", token)]
    return {change.where.path for batch in found for change in batch.changes if change.where}


def _ignore(_: int) -> None:
    """Take no note of progress."""
