"""What operators write into documents is what running reactors do next."""

from __future__ import annotations

import anyio

from reactor.operators.site_edits import adding, resetting
from tests.path.operators import change_entries, published
from tests.path.studio import PATIENCE, Studio, some_bytes

VENDOR = frozenset({"vendor"})


async def test_a_running_reactor_brings_at_once_what_was_added(studio: Studio) -> None:
    content = some_bytes()
    representation = await studio.publish_file("a.exr", content, wanted=[])
    async with studio.running() as reactor:
        with anyio.fail_after(PATIENCE):
            await reactor.scans.settled()

        await change_entries(studio, adding(VENDOR))
        await studio.until(representation, "vendor")

    assert studio.path("vendor", "a.exr").read_bytes() == content


async def test_a_running_reactor_proves_what_was_reset_and_sends_what_is_wrong(
    studio: Studio,
) -> None:
    right, wrong = await published(studio), await published(studio, "b.exr")
    studio.path("vendor", "b.exr").write_bytes(b"rotten")
    async with studio.running():
        await change_entries(studio, resetting("vendor", VENDOR))
        await studio.until_attempts(4)
        await studio.until(right, "vendor")
        await studio.until(wrong, "vendor")

    attempts = await studio.attempts()
    outcomes = {a["path"]: a["outcome"] for a in sorted(attempts, key=lambda a: a["at"])}
    assert outcomes == {"{root[work]}/a.exr": "right", "{root[work]}/b.exr": "available"}
    original = studio.path("studio", "b.exr").read_bytes()
    assert studio.path("vendor", "b.exr").read_bytes() == original
