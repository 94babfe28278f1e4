"""What the database's stream tells of a change, understood."""

from __future__ import annotations

from typing import Any

import pytest

from reactor.events import Key
from reactor.sources.changes import change_of


def _update(*touched: str, **more: Any) -> dict[str, Any]:
    place = {"ns": {"db": "avalon", "coll": "Show"}, "documentKey": {"_id": 7}}
    return {"operationType": "update", "touched": [*touched], **place, **more}


@pytest.mark.parametrize(
    ("touched", "positions"),
    [
        (["files.3.sites.0.created_dt", "files.3.sites.0.checksum"], {3}),
        (["files.3.sites", "files.12.sites.1"], {3, 12}),
        (["data.fps", "files.0.sites.0.paused"], {0}),
    ],
)
def test_where_only_sites_changed_their_positions_are_told(
    touched: list[str], positions: set[int]
) -> None:
    notice = change_of(_update(*touched)).notice

    assert notice is not None
    assert notice.key == Key("Show", 7)
    assert notice.positions == frozenset(positions)
    assert not notice.thorough


@pytest.mark.parametrize(
    "touched",
    [
        "type",
        "files",
        "files.2",
        "files.2.hash",
        "files.2.sitesx",
        "files.x.sites",
        f"files.{10**20}.sites",
    ],
)
def test_any_other_change_to_files_asks_for_all_of_them(touched: str) -> None:
    notice = change_of(_update("files.3.sites.0.created_dt", touched)).notice

    assert notice is not None
    assert notice.thorough
    assert notice.positions is None


def test_sites_that_changed_in_a_transaction_have_an_author() -> None:
    session = {"lsid": {"id": "theirs"}}

    assert change_of(_update("files.3.sites.0.created_dt", **session)).author == "theirs"
    assert change_of(_update("files.3.hash", **session)).author is None
    assert change_of(_update("files.3.sites.0.created_dt")).author is None


@pytest.mark.parametrize("size", [None, 0, 65536.0, 2**19, 2**19 + 1, 1e12])
def test_files_are_large_on_the_average(size: float | None) -> None:
    place: dict[str, Any] = {"ns": {"coll": "Show"}, "documentKey": {"_id": 7}, "touched": []}

    large = change_of({"operationType": "insert", "size": size, **place}).large

    assert large is ((size or 0) > 512 * 1024)


def test_what_was_deleted_under_an_id_that_names_nothing_was_never_served() -> None:
    gone: dict[str, Any] = {"operationType": "delete", "ns": {"coll": "Show"}, "touched": []}

    assert change_of({**gone, "documentKey": {"_id": {"a": 1}}}).notice is None
    assert change_of({**gone, "documentKey": {"_id": 7}}).notice is not None


def test_what_is_not_of_a_document_has_no_notice() -> None:
    gone = change_of({"operationType": "drop", "ns": {"db": "avalon", "coll": "Show"}})

    assert (gone.kind, gone.project, gone.notice) == ("drop", "Show", None)
