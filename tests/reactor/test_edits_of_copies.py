"""What takes a copy's entry away or makes it wanted again never does so to the last one."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.asynchronous.database import AsyncDatabase

from reactor import edits
from reactor.model import FileRef, source_hash
from tests.reactor.edited import edited
from tests.reactor.studio_documents import PAST

Document = dict[str, Any]
Database = AsyncDatabase[Document]

REF = FileRef("Bunny", 1, 0, "f", "h")
GROUP = frozenset({"vendor", "web"})
STALE = {"created_dt": PAST, "source_hash": source_hash("old")}

BOTH = [pytest.param(edits.removal, id="removal"), pytest.param(edits.reset_copy, id="reset")]


def here(name: str, **fields: Any) -> Document:
    return {"name": name, "created_dt": PAST, **fields}


def file_of(*sites: Document) -> Document:
    return {"_id": "f", "hash": "h", "path": "{root}/a", "sites": [*sites]}


async def test_a_removal_takes_the_whole_group_out_and_nothing_else(database: Database) -> None:
    studio, artist = here("studio", mine=1), {"name": "artist"}

    file = await edited(
        database,
        file_of(here("vendor"), studio, {"name": "web", "tries": 2}, artist),
        edits.removal(REF, GROUP),
    )

    assert file["sites"] == [studio, artist]


async def test_a_removal_takes_duplicates_out(database: Database) -> None:
    file = await edited(
        database,
        file_of(here("studio"), here("vendor"), {"name": "vendor"}),
        edits.removal(REF, GROUP),
    )

    assert [entry["name"] for entry in file["sites"]] == ["studio"]


@pytest.mark.parametrize("edit", BOTH)
@pytest.mark.parametrize(
    "others",
    [
        [],
        [{"name": "studio"}],
        [{"name": "studio", **STALE}],
        [here("studio"), {"name": "studio"}],
        [here("web")],
    ],
    ids=["none", "wanted", "stale", "doubled and wanted", "an alternative"],
)
async def test_the_last_copy_stays_as_it_is(
    database: Database, edit: Any, others: list[Document]
) -> None:
    file = file_of(here("vendor"), *others)

    assert await edited(database, file, edit(REF, GROUP)) == file


@pytest.mark.parametrize("edit", BOTH)
async def test_a_copy_may_go_where_another_one_is(database: Database, edit: Any) -> None:
    file = await edited(database, file_of(here("vendor"), here("studio")), edit(REF, GROUP))

    assert here("vendor") not in file["sites"]


@pytest.mark.parametrize("edit", BOTH)
@pytest.mark.parametrize(
    "entry", [{"name": "vendor", "tries": 3}, {"name": "vendor", **STALE}], ids=["failed", "stale"]
)
async def test_where_the_file_is_nowhere_no_copy_is_lost(
    database: Database, edit: Any, entry: Document
) -> None:
    file = await edited(database, file_of(entry, {"name": "studio"}), edit(REF, GROUP))

    assert entry not in file["sites"]


async def test_of_two_who_remove_each_others_copy_one_comes_too_late(database: Database) -> None:
    file = await edited(
        database,
        file_of(here("vendor"), here("studio")),
        edits.removal(REF, GROUP),
        edits.removal(REF, frozenset({"studio"})),
    )

    assert file["sites"] == [here("studio")]
