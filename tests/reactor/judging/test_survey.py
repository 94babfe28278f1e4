"""What lies at a site is held against documents, by one listing and one aggregation."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Facts, Location, SiteError
from reactor.documents import parse_path, parse_representation
from reactor.judging.inspection import Depth
from reactor.judging.inventory import ALL, ONLY_KNOWN, Part, Row, folders_of, inventory, row_of
from reactor.judging.merging import Stretch
from reactor.judging.survey import Ground, Survey, doubtful
from reactor.judging.verdicts import meanings_of, named_files
from reactor.model import Topology, source_hash
from reactor.reader import Reader
from tests.path.studio import PROJECT
from tests.reactor.judging.inspected import Inspected, inspected, text
from tests.reactor.studio_documents import FILES, HASHES, PAST, PATHS, TOPOLOGIES

Document = dict[str, Any]
Database = AsyncDatabase[Document]

GROUP = frozenset({"vendor", "web"})
PART = Part.of(PROJECT, ("work",), ["work"], GROUP)


@pytest.fixture
async def rig(
    client: AsyncMongoClient[Document], database: Database, tmp_path: Path
) -> AsyncIterator[Inspected]:
    async with inspected(client, database.name, tmp_path) as made:
        yield made


async def rows_of(database: Database, *parts: Part, **asked: Any) -> list[Row]:
    pipeline = inventory(parts, asked.pop("after", ""), **asked)
    cursor = await Reader(database).inventory(parts[0].project, pipeline)
    return [row_of(raw) async for raw in cursor]


def file(path: object, *sites: str) -> Document:
    entries = [{"name": site, "created_dt": PAST} for site in sites]
    return {"path": path, "size": 64, "hash": "h", "sites": entries}


async def publish(database: Database, *files: object, project: str = PROJECT) -> None:
    document = {"_id": ObjectId(), "type": "representation", "files": [*files]}
    await database[project].insert_one(document)


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


ODD = (
    *("a-1/x", "a.b/x", "a/b.c", "a/b/c", "a/c", "a/é", "a0", "Z/\U0001f3ac.exr", "Z/\uffee.exr"),
)


async def test_rows_are_in_the_order_of_whole_paths(database: Database) -> None:
    shuffled = random.sample(ODD, len(ODD))
    await publish(database, *(file(text(path)) for path in shuffled))

    assert [row.path for row in await rows_of(database, PART)] == sorted(ODD)


async def test_rows_go_on_after_any_path(database: Database) -> None:
    await publish(database, *(file(text(path)) for path in ODD))

    for after in ODD:
        rows = await rows_of(database, PART, after=after)
        assert [row.path for row in rows] == [path for path in sorted(ODD) if path > after]


async def test_a_collection_that_sorts_as_people_do_is_read_in_the_order_of_bytes(
    database: Database,
) -> None:
    await database.create_collection(PROJECT, collation={"locale": "en", "strength": 1})
    await publish(database, *(file(text(path)) for path in ("b", "B", "a", "A")))

    assert [row.path for row in await rows_of(database, PART)] == ["A", "B", "a", "b"]


@pytest.mark.parametrize(
    "path",
    ["{root[work]}//a//b", "{root[work]}/./a/b", "{root[work]}/a/./b/", "{root[work]}/a/b/."],
)
async def test_odd_spellings_of_a_path_are_that_path(database: Database, path: str) -> None:
    await publish(database, file(path))

    (row,) = await rows_of(database, PART)

    assert (row.path, row.text) == (parse_path(path).path, path)


async def test_paths_keep_the_spelling_that_documents_have(database: Database) -> None:
    await publish(database, file("{root}/a"), file("{root[work]}/b"), file("{root[other]}/c"))

    rows = await rows_of(database, PART)

    assert [row.text for row in rows] == ["{root}/a", "{root[work]}/b"]


async def test_a_root_without_a_name_serves_all_names_that_no_other_has(
    database: Database,
) -> None:
    part = Part.of(PROJECT, ("", "publish"), [""], GROUP)
    await publish(database, *(file(f"{{root[{name}]}}/{name}") for name in ("any", "publish")))

    assert [row.path for row in await rows_of(database, part)] == ["any"]


async def test_what_is_no_path_below_a_root_is_left_out(database: Database) -> None:
    flawed: list[object] = [file("/etc/passwd"), file(5), file(None), file([text("a")]), "no", None]
    await publish(database, *flawed)
    await publish(database)
    await database[PROJECT].insert_one({"type": "representation", "files": {"path": text("b")}})
    await database[PROJECT].insert_one({"type": "version", "files": [file(text("c"))]})

    rows = await rows_of(database, PART)

    assert {row.path for row in rows} <= {"b"}


async def test_projects_that_share_a_root_are_told_together(database: Database) -> None:
    await publish(database, file(text("a"), "vendor"), file(text("c"), "vendor"))
    await publish(database, file(text("b"), "vendor"), project="Other")
    other = Part.of("Other", ("work",), ["work"], frozenset())

    rows = await rows_of(database, PART, other)

    assert [(row.path, row.part, row.standing) for row in rows] == [
        ("a", 0, ALL),
        ("b", 1, ONLY_KNOWN),
        ("c", 0, ALL),
    ]


async def test_only_some_folders_can_be_asked_for(database: Database) -> None:
    await publish(database, *(file(text(path)) for path in ("Show/a", "Show.b/a", "Other/a", "x")))

    rows = await rows_of(database, PART, folders=["Show", "Other"])

    assert [row.path for row in rows] == ["Other/a", "Show/a"]


async def test_the_folders_that_a_project_uses_are_known(database: Database) -> None:
    await publish(database, *(file(text(path)) for path in ("Show/a", "Show/b/c", "Other/a")))
    folders = await Reader(database).folders(PROJECT, folders_of(PART))
    assert sorted(folders) == ["Other", "Show"]

    await publish(database, file(text("in the root itself")))
    folders = await Reader(database).folders(PROJECT, folders_of(PART))
    assert sorted(folders) == ["", "Other", "Show"]


# Entries that are all but right.
ENTRIES: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {"name": st.sampled_from(("vendor", "vendor_web"))},
    optional={
        "created_dt": st.sampled_from([PAST, PAST, PAST, None]),
        "source_hash": st.sampled_from([source_hash(HASHES[0]), source_hash(HASHES[1]), 5]),
    },
)
ALMOST_RIGHT: st.SearchStrategy[Document] = st.fixed_dictionaries(
    {
        "path": st.just(PATHS[0]),
        "size": st.just(64),
        "hash": st.just(HASHES[0]),
        "sites": st.lists(ENTRIES, max_size=3),
    }
)


def document_of(number: int, one: Document) -> Document:
    """Return a document of one file at a path that no other has, or of some junk."""
    if isinstance(one.get("path"), str):
        one = {**one, "path": one["path"].replace("}/", f"}}/{number}/")}
    return {"_id": number, "type": "representation", "files": [one]}


@settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example empties the collection
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(st.lists(ALMOST_RIGHT | FILES, min_size=20), TOPOLOGIES)
async def test_nothing_passes_as_right_of_which_there_is_more_to_say(
    database: Database, files: list[Document], topology: Topology
) -> None:
    """What is marked is never overlooked, and what is plainly right would be judged right."""
    documents = [document_of(number, one) for number, one in enumerate(files)]
    await database[PROJECT].delete_many({})
    await database[PROJECT].insert_many(documents)
    part = Part(PROJECT, frozenset({"", "work"}), topology.alternatives_of("vendor"))
    rows: dict[str, list[Row]] = {}
    for row in await rows_of(database, part):
        rows.setdefault(row.text, []).append(row)

    named = named_files(parse_representation(PROJECT, one) for one in documents)

    for path, same in named.items():
        where = Location(*parse_path(path))
        for meaning in meanings_of(where, "vendor", same, topology):
            assert not meaning.marked or any(row.is_marked for row in rows[path])
            facts = Facts(meaning.variant.size or 0)
            if all(row.is_plainly_right(facts, None) for row in rows[path]):
                assert meaning.marked
                assert not meaning.wanted


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
    await publish(rig.studio.client[rig.studio.database], *(file(text(name)) for name in names))

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
        files = [file(text(name), "vendor") for name in names[start : start + 1_000]]
        await publish(rig.studio.client[rig.studio.database], *files)
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
