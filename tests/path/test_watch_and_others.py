"""What hands take away under the watch of one reactor while another one brings it there."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio
import pytest

from providers.base import Facts, Handle, ProviderError, Setup
from providers.local_drive import LocalDrive, LocalDriveOptions
from reactor.model import Policy
from tests.path.studio import PATIENCE, Studio, some_bytes


class SlowDisk(LocalDrive):
    """A disk whose owner is paused when it has published, and has recorded nothing yet."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.published = anyio.Event()
        self.go_on = anyio.Event()

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        facts = await super().publish(handles)
        self.published.set()
        await self.go_on.wait()
        return facts


@pytest.fixture
def vendors(studio: Studio) -> Studio:
    """Vendors bring to the studio's disk what they publish; the studio watches that disk."""
    studio.always = ("studio",)
    studio.policy = Policy(vanish_grace=0.2)
    return studio


@asynccontextmanager
async def bringing(studio: Studio) -> AsyncGenerator[SlowDisk]:
    """Run the vendor's reactor until it has published at the studio; then it is paused."""
    roots = {"work": str(studio.path("studio"))}
    disk = SlowDisk(Setup("studio", roots, LocalDriveOptions()))
    studio.providers["studio"] = disk
    try:
        async with studio.running("vendor"):
            del studio.providers["studio"]
            with anyio.fail_after(PATIENCE):
                await disk.published.wait()
            yield disk
            disk.go_on.set()
    finally:
        disk.go_on.set()


@asynccontextmanager
async def watching(studio: Studio) -> AsyncGenerator[None]:
    """Run the studio's reactor, which has surveyed its disk once."""
    async with studio.running() as reactor:
        with anyio.fail_after(PATIENCE):
            while not reactor.watches.as_documents() or not reactor.watches.surveyed:
                await anyio.sleep(0.02)
        yield


async def seen(studio: Studio) -> None:
    """Return when the studio's watch has reacted to what happened before now."""
    witness = await studio.publish_file("witness.exr", some_bytes(), wanted=())
    studio.path("studio", "witness.exr").unlink()
    with anyio.fail_after(PATIENCE):
        while "created_dt" in await studio.entry(witness, "studio"):
            await anyio.sleep(0.02)


@pytest.mark.parametrize("watched", [True, False])
async def test_a_copy_taken_away_before_it_is_recorded_comes_back(
    vendors: Studio, *, watched: bool
) -> None:
    """No event on the disk tells of it once documents say that it is there."""
    content = some_bytes()
    vendors.file("a.exr", content, at="vendor")
    await vendors.publish(vendors.files_entry("a.exr", at="vendor", wanted=["studio"]))
    copy = vendors.path("studio", "a.exr")

    async with bringing(vendors) as disk:
        if not watched:
            copy.unlink()
        async with watching(vendors):
            copy.unlink(missing_ok=True)
            await seen(vendors)
            disk.go_on.set()
            await vendors.until_attempts(2, outcome="available", path="{root[work]}/a.exr")

    assert copy.read_bytes() == content
