"""A pass goes on where it was, whenever it was cut, and believes what it sees at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.judging.inventory import Part
from reactor.judging.survey import Ground
from reactor.judging.validation import validation as passes
from reactor.judging.validation.bookmark import Bookmark
from reactor.judging.validation.findings import Findings
from reactor.judging.validation.removals import Removals
from reactor.judging.validation.validation import Plot, Shown, Validation
from tests.path.studio import PROJECT
from tests.reactor.judging.inspected import Inspected, inspected

Document = dict[str, Any]
PART = Part.of(PROJECT, ("work",), ["work"], frozenset({"vendor", "web"}))


@pytest.fixture
async def rig(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document], tmp_path: Path
) -> AsyncIterator[Inspected]:
    async with inspected(client, database.name, tmp_path) as made:
        yield made


async def validated(
    rig: Inspected, progress: Callable[[Findings], None] = lambda _: None
) -> Validation:
    """Carry a pass out as the command does, and return it."""
    inspection = rig.inspection()
    await inspection.places.mark()
    marker = inspection.places.marker("work")
    assert marker is not None
    plot = Plot(Ground(inspection.site, "work", (PART,)), marker)
    bookmark = Bookmark(rig.studio.state["cursors"], "vendor", "size")
    await bookmark.find()
    removals = Removals(500, 0, confirmed=False)
    shown = Shown(progress, lambda _: None)
    made = Validation({PROJECT: inspection}, removals, bookmark, shown)
    await made.run([plot])
    return made


async def test_cut_at_any_stretch_it_counts_everything_once(
    rig: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passes, "_PAUSE_SECONDS", 0)  # a bookmark after each stretch
    for number in range(1_600):
        rig.studio.file(f"{number // 400}/{number:04}.txt", b"x", at="vendor")
    gone = [await rig.publish(name, "studio", "vendor") for name in ("0/gone", "1/gone", "3/gone")]
    for name in ("0/gone", "1/gone", "3/gone"):
        rig.path(name).unlink()
    cuts = 0
    done: Validation | None = None

    while done is None:
        with anyio.CancelScope() as scope:

            def cut(findings: Findings, scope: anyio.CancelScope = scope) -> None:
                nonlocal cuts
                if cuts < findings.files // 500:
                    cuts += 1
                    scope.cancel()

            done = await validated(rig, cut)

    found = done.findings
    assert cuts == 3
    assert (found.files, found.unknown.files, found.counts["missing"]) == (1_600, 1_600, 3)
    assert found.reset == 3
    assert [(await rig.file(one)).holders for one in gone] == [{"studio"}] * 3


async def test_what_is_published_meanwhile_is_not_unknown(
    rig: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.studio.file("unknown.txt", b"x", at="vendor")
    rig.studio.file("new.exr", b"x", at="vendor")
    judge = Validation._judge  # pyright: ignore[reportPrivateUsage] - when all was listed

    async def publish_then_judge(self: Validation, plot: Plot) -> None:
        await rig.publish("new.exr", "vendor")
        await judge(self, plot)

    monkeypatch.setattr(Validation, "_judge", publish_then_judge)
    done = await validated(rig)

    unknown = done.findings.unknown
    assert [file.where.path for file in unknown.shown] == ["unknown.txt"]
    assert unknown.files == 1


async def test_a_site_that_fails_on_the_way_resets_nothing_and_keeps_the_bookmark(
    rig: Inspected,
) -> None:
    gone = await rig.publish("a.exr", "studio", "vendor")
    rig.path("a.exr").unlink()

    def unmount(_: Findings) -> None:
        rig.path(".sitesync-root").unlink(missing_ok=True)

    done = await validated(rig, unmount)

    assert done.findings.failures
    assert (await rig.file(gone)).holders == {"studio", "vendor"}
