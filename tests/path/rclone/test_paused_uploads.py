"""
A reactor that is paused anywhere in an upload by rclone, while another takes its work over.

What a service shows only when it is whole nobody else can revoke before: there is nothing to
remove yet (`features.revokes_unfinished`). When the first owner goes on, its upload comes to its
end. It must not become visible all the same, and no entry may say what is not so.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import anyio
import pytest
from bson import ObjectId

from providers.base import Facts, Handle, Location, ProviderError, RevokedError, Setup
from providers.rclone.provider import RcloneProvider
from providers.rclone.streams import RcloneSink
from reactor.model import source_hash
from reactor.scheduler import Scheduler
from tests.path.rclone.studio import RcloneStudio
from tests.path.studio import PATIENCE, closed, some_bytes

EPOCH = datetime.fromtimestamp(0, UTC)
SIZE = 3 * 1024 * 1024
STEPS = (
    *(("s3", step) for step in ("staged", "opened", "partly sent", "sent", "closed")),
    # Where a file cannot be replaced in one step, nobody takes over from here on.
    ("disk", "verified"),
)


class Paused(RcloneProvider):
    """A remote whose owner is paused at one step until it may go on."""

    def __init__(self, setup: Setup, step: str) -> None:
        super().__init__(setup)
        self._step = step
        self.reached = anyio.Event()
        self.go_on = anyio.Event()
        self.results: Sequence[Facts | ProviderError] = ()

    async def at(self, step: str) -> None:
        if step == self._step:
            self.reached.set()
            await self.go_on.wait()

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        handle = await super().stage(where, claim, size, mtime_ns)
        await self.at("staged")
        return handle

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[RcloneSink]:
        async with super().write(handle, offset) as sink:
            await self.at("opened")
            yield cast("RcloneSink", _PausedSink(sink, self.at))
            await self.at("sent")
        await self.at("closed")

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        await self.at("verified")
        self.results = await super().publish(handles)
        return self.results


class _PausedSink:
    def __init__(self, sink: RcloneSink, at: Callable[[str], Awaitable[None]]) -> None:
        self._sink = sink
        self._at = at
        self.flush = sink.flush

    async def write(self, chunk: bytes) -> None:
        await self._sink.write(chunk)
        await self._at("partly sent")


def _hear_of_nothing(*_: object) -> None:
    """As whoever is paused: not even that another has brought the file meanwhile."""


@pytest.mark.parametrize(("kind", "step"), STEPS)
async def test_an_upload_that_ends_after_it_was_taken_over_is_never_seen(
    studio: RcloneStudio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    monkeypatch.setattr(Scheduler, "stop", _hear_of_nothing)
    content = some_bytes(SIZE)
    representation = await studio.publish_file("a.mov", content)
    async with _paused(studio, step) as vendor:
        await studio.state["claims"].update_many({}, {"$set": {"expires": EPOCH}})
        # With an rclone of its own, as every other machine has one.
        other = replace(studio, config=Path(shutil.copy(studio.config, tmp_path)))
        await other.run_until_idle()
        recorded = await _judge(studio, representation, content)

    # The claim was renewed before "verified", and is not before any other step.
    assert [type(result) for result in vendor.results] == [RevokedError] * (step == "verified")
    assert await _judge(studio, representation, content) == recorded
    assert [one["outcome"] for one in await studio.attempts()] == ["available"]


@asynccontextmanager
async def _paused(studio: RcloneStudio, step: str) -> AsyncGenerator[Paused]:
    """Run a reactor until it is paused at a step; it goes on, and comes to rest, when the block ends."""
    vendor = studio.providers["vendor"] = Paused(studio.setup("vendor"), step)
    first, stop = studio.reactor(), anyio.Event()
    del studio.providers["vendor"]
    async with closed(first), anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: first.run(until_idle=False, stop=stop))
        with anyio.fail_after(PATIENCE):
            await vendor.reached.wait()
        yield vendor
        vendor.go_on.set()
        with anyio.fail_after(PATIENCE):
            await first.scheduler.wait_idle()
        stop.set()


async def _judge(studio: RcloneStudio, representation: ObjectId, content: bytes) -> dict[str, Any]:
    """Say that the document is true, and that nothing else is there; return the vendor's entry."""
    document = await studio.documents.find_one({"_id": representation})
    entry = await studio.entry(representation, "vendor")
    assert "created_dt" in entry
    assert entry["source_hash"] == source_hash(document["files"][0]["hash"])
    assert studio.held("vendor", "a.mov") == content
    assert studio.names_held("vendor") == {"a.mov"}
    return entry
