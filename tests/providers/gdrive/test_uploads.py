"""Uploads, piece by piece."""

from __future__ import annotations

import os

import anyio

from providers.base import Facts, Location, Provider
from providers.gdrive.sinks import UploadSink
from tests.providers.gdrive.sites import Studio

_MIB = 1024 * 1024
_PIECE = 4 * _MIB  # what a single writer sends at a time


async def test_a_piece_that_lands_while_nothing_is_written_is_counted_once(
    studio: Studio, site: Provider
) -> None:
    content = os.urandom(_PIECE + 3 * _MIB)
    handle = await site.stage(Location("work", "Show/cache.abc"), "claim", len(content))
    async with site.write(handle) as sink:
        assert isinstance(sink, UploadSink)
        await sink.write(content[: _PIECE + _MIB])
        with anyio.fail_after(20):
            while sink._task is None or not sink._task.done():
                await anyio.sleep(0.01)
        await sink.write(content[_PIECE + _MIB :])
        await sink.flush()
    (facts,) = await site.publish([(handle, None)])
    assert isinstance(facts, Facts)
    assert studio.drive.contents(studio.id)["work/Show/cache.abc"] == content
