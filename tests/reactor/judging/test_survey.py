"""What lies at a site is held against documents, by one listing and one aggregation."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import SiteError
from reactor.judging.inspection import Depth
from reactor.judging.merging import Stretch
from reactor.judging.survey import Ground, Survey, doubtful
from tests.path.studio import PROJECT
from tests.reactor.judging.inspected import PART, Inspected, element, inspected, publish_files, text

Document = dict[str, Any]
Database = AsyncDatabase[Document]


@pytest.fixture
async def rig(
    client: AsyncMongoClient[Document], database: Database, tmp_path: Path
) -> AsyncIterator[Inspected]:
    async with inspected(client, database.name, tmp_path) as made:
        yield made


async def surveyed(
    rig: Inspected, *, after: str = "", depth: Depth = "size", folders: tuple[str, ...] = ()
) -> tuple[Survey, list[Stretch]]:
    told = Ground(rig.sites.of(PROJECT, "vendor"), "work", (PART,), folders)
    survey = Survey(rig.desk.reader, told, depth, after)
    return survey, [stretch async for stretch in survey.stretches()]


def unknown(stretches: Iterable[Stretch]) -> list[str]:
    return [listed.where.path for stretch in stretches for listed in stretch.unknown]


def doubts(stretches: Iterable[Stretch]) -> list[tuple[str, int | None]]:
    return [
        (doubt.row.path, doubt.facts.size if doubt.facts else None)
        for stretch in stretches
        for doubt in stretch.doubts
    ]


async def test_a_site_as_documents_say_is_right(rig: Inspected) -> None:
    for name in ("a.exr", "a/b.exr", "a/c.exr"):
        await rig.publish(name, "studio", "vendor")

    _, stretches = await surveyed(rig)

    assert (sum(s.right for s in stretches), doubts(stretches), unknown(stretches)) == (3, [], [])


async def test_what_differs_is_doubtful(rig: Inspected) -> None:
    for name, sites in (("gone", ["vendor"]), ("short", ["vendor"]), ("there", ["studio"])):
        await rig.publish(name, *sites)
    rig.path("gone").unlink()
    os.truncate(rig.path("short"), 1)
    rig.path("unknown").touch()

    _, stretches = await surveyed(rig)

    assert doubts(stretches) == [("gone", None), ("short", 1), ("there", 500)]
    assert unknown(stretches) == ["unknown"]


async def test_it_goes_on_where_it_was(rig: Inspected) -> None:
    names = [f"{number // 300}/{number:04}.exr" for number in range(900)]
    for name in names:
        rig.studio.file(name, b"", at="vendor")
    _, everything = await surveyed(rig)

    for stretch in everything:
        _, rest = await surveyed(rig, after=stretch.upto)
        assert unknown(rest) == [name for name in names if name > stretch.upto]


async def test_only_some_folders_are_listed(rig: Inspected) -> None:
    for name in ("a/1", "b/1", "b.c/1", "d/1", "e"):
        rig.studio.file(name, b"", at="vendor")

    _, stretches = await surveyed(rig, folders=("b", "d", "b.c"))
    _, rest = await surveyed(rig, folders=("b", "d", "b.c"), after="b.c/1")

    assert unknown(stretches) == ["b.c/1", "b/1", "d/1"]
    assert unknown(rest) == ["b/1", "d/1"]


async def test_files_that_are_to_be_read_come_a_few_at_a_time(rig: Inspected) -> None:
    """It may be interrupted after each stretch."""
    names = [f"{number:05}" for number in range(200)]
    for name in names:
        rig.studio.file(name, b"", at="vendor")
    await publish_files(
        rig.studio.client[rig.studio.database], *(element(text(name)) for name in names)
    )

    _, stretches = await surveyed(rig, depth="bytes")

    assert max(len(stretch.doubts) for stretch in stretches) == 32
    assert [path for path, _ in doubts(stretches)] == names


async def forget_cursors(rig: Inspected) -> int:
    """Let the server forget all cursors on the project; return how many it had."""
    client, name = rig.studio.client, rig.studio.database
    idle = {"$match": {"type": "idleCursor", "ns": f"{name}.{PROJECT}"}}
    operations: list[Document] = [{"$currentOp": {"idleCursors": True, "allUsers": True}}, idle]
    ids = [op["cursor"]["cursorId"] async for op in await client.admin.aggregate(operations)]
    await client[name].command("killCursors", PROJECT, cursors=ids)
    return len(ids)


async def test_a_cursor_that_the_server_forgot_is_opened_anew(rig: Inspected) -> None:
    names = [f"{number:05}" for number in range(5_000)]
    for start in range(0, len(names), 1_000):
        files = [element(text(name), "vendor") for name in names[start : start + 1_000]]
        await publish_files(rig.studio.client[rig.studio.database], *files)
    ground = Ground(rig.sites.of(PROJECT, "vendor"), "work", (PART,))
    found: list[Stretch] = []
    forgotten = 0

    async for stretch in Survey(rig.desk.reader, ground, "size").stretches():
        found.append(stretch)
        forgotten += await forget_cursors(rig)

    assert {path for path, _ in doubts(found)} == set(names)
    assert forgotten > 1


async def test_a_folder_that_cannot_be_read_hides_what_documents_name_there(
    rig: Inspected, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a/x", "b/x", "c/x"):
        await rig.publish(name, "vendor")
    rig.path("a/x").unlink()
    listing = os.scandir

    def shut(path: str) -> Any:
        if path == str(rig.path("b")):
            raise PermissionError(errno.EACCES, "denied", path)  # which root never meets
        return listing(path)

    monkeypatch.setattr("os.scandir", shut)

    survey, stretches = await surveyed(rig)

    assert doubts(stretches) == [("a/x", None)]
    assert [one.where.path for one in survey.shut] == ["b"]


async def test_names_that_no_document_can_hold_are_counted(rig: Inspected) -> None:
    for number in range(3):
        rig.path(os.fsdecode(b"bad\xff%d" % number)).touch()

    survey, stretches = await surveyed(rig)

    assert (survey.left_out, len(survey.nameless), unknown(stretches)) == (3, 3, [])


async def test_a_root_without_a_marker_is_not_surveyed(rig: Inspected) -> None:
    await rig.publish("a", "vendor")
    rig.path(".sitesync-root").unlink()

    with pytest.raises(SiteError):
        await surveyed(rig)


async def test_for_one_project_only_what_is_doubtful_is_told(rig: Inspected) -> None:
    await rig.publish("right", "vendor")
    await rig.publish("gone", "vendor")
    rig.path("gone").unlink()
    rig.path("unknown").touch()

    found = [batch async for batch in doubtful(rig.inspection(depth="time"), "work")]

    assert [one for batch in found for one in batch] == [(text("gone"), None)]


async def test_where_times_count_a_file_of_another_time_is_doubtful(rig: Inspected) -> None:
    await rig.publish("a", "vendor")
    os.utime(rig.path("a"), ns=(1, 1))

    assert doubts((await surveyed(rig))[1]) == []
    assert doubts((await surveyed(rig, depth="time"))[1]) == [("a", 100)]
    assert doubts((await surveyed(rig, depth="bytes"))[1]) == [("a", 100)]
