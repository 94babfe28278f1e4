"""What was sent by somebody who is gone, and is carried out afterwards, does not lie there for ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from providers.base import Copied, DiskProvider, Handle, Setup, SiteError
from providers.local_drive import LocalDrive, LocalDriveOptions
from providers.names import staged_name
from reactor import leftovers, stragglers
from reactor.claims import Claims, Place
from tests.path.studio import PATIENCE, PROJECT, Studio, some_bytes


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stragglers, "WAITS", (0.2, 1.0))
    monkeypatch.setattr(stragglers, "AGAIN_SECONDS", 0.2)
    monkeypatch.setattr(leftovers, "STRAGGLERS_SECONDS", 0.1)


class Lost(LocalDrive):
    """A disk that is lost while small files are staged together, and once more while one is."""

    def __init__(self, setup: Setup, *, times: int) -> None:
        super().__init__(setup)
        self._left = times

    async def stage_small(
        self, source: DiskProvider, handles: Sequence[Handle]
    ) -> Sequence[Copied | None]:
        raise SiteError(
            "unreachable", f"lost with {len(handles)} files of {source.root_path('work')}"
        )

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        if self._left > 0:
            self._left -= 1
            raise SiteError("unreachable", "the connection was lost")
        return await super().stage_from_disk(source, handle, progress, kept)


@pytest.mark.usefixtures("soon")
async def test_what_a_dead_owner_had_sent_is_removed_when_it_arrives_late(studio: Studio) -> None:
    marker = await studio.provider("vendor").marker("work")
    assert marker is not None
    key = marker.key("a.exr")
    dead = Claims(studio.state["claims"], "dead")
    held = await dead.take([Place(key, PROJECT, "vendor", "work", "a.exr")])
    await dead.give_up([*held.values()])
    content = some_bytes()
    representation = await studio.publish_file("a.exr", content)

    async with studio.running():
        await studio.until(representation, "vendor")
        await _arrives_and_goes(studio, held[key].id)

    assert studio.path("vendor", "a.exr").read_bytes() == content


@pytest.mark.parametrize("times", [0, 1])
@pytest.mark.usefixtures("soon")
async def test_what_was_sent_before_the_connection_was_lost_is_removed_when_it_arrives_late(
    studio: Studio, times: int
) -> None:
    roots = {"work": str(studio.path("vendor"))}
    studio.providers["vendor"] = Lost(Setup("vendor", roots, LocalDriveOptions()), times=times)
    representation = await studio.publish_file("a.exr", some_bytes())

    async with studio.running():
        with anyio.fail_after(PATIENCE):
            while (expected := await studio.state["stragglers"].find_one()) is None:
                await anyio.sleep(0.01)
        await _arrives_and_goes(studio, expected["_id"])
        await studio.until(representation, "vendor")


async def _arrives_and_goes(studio: Studio, claim: str) -> None:
    """Let a staged file appear, and wait until it is removed and nobody looks for it any more."""
    late = studio.path("vendor", staged_name(claim))
    late.write_bytes(b"late")
    with anyio.fail_after(PATIENCE):
        while late.exists() or await studio.state["stragglers"].count_documents({}):
            await anyio.sleep(0.02)
