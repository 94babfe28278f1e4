"""A call that does not even end when it is broken off: what is told of it, and what is kept."""

from __future__ import annotations

import threading
import time
from typing import Any

import anyio
import pytest
from anyio import to_thread

from providers.base import Setup
from providers.memory import Memory, MemoryOptions
from reactor import heart
from reactor.border import calls, thread
from reactor.border.errors import Terms
from tests.path.studio import PATIENCE, Studio, some_bytes
from tests.reactor.border.faulty import Faulty


def _vendor(studio: Studio) -> Faulty:
    options = MemoryOptions(store=studio.database)
    vendor = Faulty(Memory(Setup("vendor", {"work": "/work"}, options)))
    studio.providers["vendor"] = vendor
    return vendor


async def _until_suspended(studio: Studio, *, kind: str | None) -> dict[str, Any]:
    """Wait until the reactor tells of its vendor that it rests for this, or for nothing."""
    with anyio.fail_after(PATIENCE):
        while True:
            found: dict[str, Any] | None = await studio.state["reactors"].find_one()
            suspended: dict[str, Any] = (found or {}).get("suspended", {}).get("vendor", {})
            if suspended.get("kind") == kind:
                return suspended
            await anyio.sleep(0.02)


async def test_a_call_that_cannot_be_broken_off_is_told_by_the_heart_until_it_ends(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "_GRACE", 0.1)
    monkeypatch.setattr(heart, "BEAT_SECONDS", 0.1)
    studio.terms = Terms(timeout=0.3)
    vendor, goes_on = _vendor(studio), threading.Event()
    await vendor.inner.make_marker("work")
    vendor.faults["facts"] = lambda: to_thread.run_sync(goes_on.wait, 15)

    async with studio.running():
        representation = await studio.publish_file("a.exr", some_bytes())
        told = await _until_suspended(studio, kind="unreachable")
        assert "cannot be broken off (facts)" in told["why"]
        del vendor.faults["facts"]
        goes_on.set()
        await studio.until(representation, "vendor")
        await _until_suspended(studio, kind=None)


async def test_a_claim_whose_call_is_left_at_work_is_not_given_up(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "_GRACE", 0.1)
    studio.terms = Terms("odd", timeout=0.5, apart=True)
    vendor, goes_on = _vendor(studio), threading.Event()
    await vendor.inner.make_marker("work")

    async def block() -> None:
        goes_on.wait(15)

    vendor.faults["sink write"] = block

    async with studio.running() as reactor:
        await studio.publish_file("a.exr", some_bytes())
        (site,) = [one for one in reactor.sites if one.name == "vendor"]
        with anyio.fail_after(PATIENCE):
            while site.suspension is None or reactor.scheduler.running:
                await anyio.sleep(0.02)
        began = time.monotonic()
        claim = await studio.state["claims"].find_one()
    left = await studio.state["claims"].find_one()
    goes_on.set()

    assert time.monotonic() - began < PATIENCE
    for kept in (claim, left):
        assert kept is not None
        assert kept["process"] is not None
        assert not kept.get("over")
