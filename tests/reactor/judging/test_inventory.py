"""What documents say lies below a root, in the order of paths."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo.asynchronous.database import AsyncDatabase

from providers.base import Facts, Location
from reactor.documents import parse_path, parse_representation
from reactor.judging.inventory import ALL, ONLY_KNOWN, Part, Row, folders_of, inventory, row_of
from reactor.judging.verdicts import meanings_of, named_files
from reactor.model import Topology, source_hash
from reactor.reader import Reader
from tests.path.studio import PROJECT
from tests.reactor.judging.inspected import PART, element, publish_files, text
from tests.reactor.studio_documents import FILES, HASHES, PAST, PATHS, TOPOLOGIES

Document = dict[str, Any]
Database = AsyncDatabase[Document]

GROUP = frozenset({"vendor", "web"})


async def rows_of(database: Database, *parts: Part, **asked: Any) -> list[Row]:
    pipeline = inventory(parts, asked.pop("after", ""), **asked)
    cursor = await Reader(database).inventory(parts[0].project, pipeline)
    return [row_of(raw) async for raw in cursor]


ODD = (
    *("a-1/x", "a.b/x", "a/b.c", "a/b/c", "a/c", "a/é", "a0", "Z/\U0001f3ac.exr", "Z/\uffee.exr"),
)


async def test_rows_are_in_the_order_of_whole_paths(database: Database) -> None:
    shuffled = random.sample(ODD, len(ODD))
    await publish_files(database, *(element(text(path)) for path in shuffled))

    assert [row.path for row in await rows_of(database, PART)] == sorted(ODD)


async def test_rows_go_on_after_any_path(database: Database) -> None:
    await publish_files(database, *(element(text(path)) for path in ODD))

    for after in ODD:
        rows = await rows_of(database, PART, after=after)
        assert [row.path for row in rows] == [path for path in sorted(ODD) if path > after]


async def test_a_collection_that_sorts_as_people_do_is_read_in_the_order_of_bytes(
    database: Database,
) -> None:
    await database.create_collection(PROJECT, collation={"locale": "en", "strength": 1})
    await publish_files(database, *(element(text(path)) for path in ("b", "B", "a", "A")))

    assert [row.path for row in await rows_of(database, PART)] == ["A", "B", "a", "b"]


@pytest.mark.parametrize(
    "path",
    ["{root[work]}//a//b", "{root[work]}/./a/b", "{root[work]}/a/./b/", "{root[work]}/a/b/."],
)
async def test_odd_spellings_of_a_path_are_that_path(database: Database, path: str) -> None:
    await publish_files(database, element(path))

    (row,) = await rows_of(database, PART)

    assert (row.path, row.text) == (parse_path(path).path, path)


async def test_paths_keep_the_spelling_that_documents_have(database: Database) -> None:
    await publish_files(
        database, element("{root}/a"), element("{root[work]}/b"), element("{root[other]}/c")
    )

    rows = await rows_of(database, PART)

    assert [row.text for row in rows] == ["{root}/a", "{root[work]}/b"]


async def test_a_root_without_a_name_serves_all_names_that_no_other_has(
    database: Database,
) -> None:
    part = Part.of(PROJECT, ("", "publish"), [""], GROUP)
    await publish_files(
        database, *(element(f"{{root[{name}]}}/{name}") for name in ("any", "publish"))
    )

    assert [row.path for row in await rows_of(database, part)] == ["any"]


async def test_what_is_no_path_below_a_root_is_left_out(database: Database) -> None:
    flawed: list[object] = [
        element("/etc/passwd"),
        element(5),
        element(None),
        element([text("a")]),
        "no",
        None,
    ]
    await publish_files(database, *flawed)
    await publish_files(database)
    await database[PROJECT].insert_one({"type": "representation", "files": {"path": text("b")}})
    await database[PROJECT].insert_one({"type": "version", "files": [element(text("c"))]})

    rows = await rows_of(database, PART)

    assert {row.path for row in rows} <= {"b"}


async def test_projects_that_share_a_root_are_told_together(database: Database) -> None:
    await publish_files(database, element(text("a"), "vendor"), element(text("c"), "vendor"))
    await publish_files(database, element(text("b"), "vendor"), project="Other")
    other = Part.of("Other", ("work",), ["work"], frozenset())

    rows = await rows_of(database, PART, other)

    assert [(row.path, row.part, row.standing) for row in rows] == [
        ("a", 0, ALL),
        ("b", 1, ONLY_KNOWN),
        ("c", 0, ALL),
    ]


async def test_only_some_folders_can_be_asked_for(database: Database) -> None:
    await publish_files(
        database, *(element(text(path)) for path in ("Show/a", "Show.b/a", "Other/a", "x"))
    )

    rows = await rows_of(database, PART, folders=["Show", "Other"])

    assert [row.path for row in rows] == ["Other/a", "Show/a"]


async def test_the_folders_that_a_project_uses_are_known(database: Database) -> None:
    await publish_files(
        database, *(element(text(path)) for path in ("Show/a", "Show/b/c", "Other/a"))
    )
    folders = await Reader(database).folders(PROJECT, folders_of(PART))
    assert sorted(folders) == ["Other", "Show"]

    await publish_files(database, element(text("in the root itself")))
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
