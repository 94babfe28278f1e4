"""What was made from bytes that a republish replaced is wanted again."""

from __future__ import annotations

from typing import Any

import pytest

from handlers.staleness import reset_stale_entries
from reactor.commands import ResetStale
from reactor.model import source_hash
from tests.handlers.studio import HASH, REF, change, file, held, removed, said, wanted

OLD = source_hash("x,exr|1|64")


def test_entries_made_from_other_bytes_are_reset() -> None:
    event = change(
        file(
            held("studio", source_hash=source_hash(HASH)),
            held("vendor", source_hash=OLD),
            held("drive", source_hash=OLD),
        )
    )

    assert said(reset_stale_entries, event) == [ResetStale(REF, frozenset({"vendor", "drive"}))]


@pytest.mark.parametrize(
    "entry",
    [
        held("vendor"),
        held("vendor", source_hash=source_hash(HASH)),
        wanted("vendor", source_hash=OLD),
        held("stranger", source_hash=OLD),
    ],
    ids=["marked by others", "fresh", "wanted", "unknown"],
)
def test_other_entries_are_left_as_they_are(entry: dict[str, Any]) -> None:
    assert said(reset_stale_entries, change(file(entry))) == []


def test_a_document_that_is_gone_has_nothing_stale() -> None:
    assert said(reset_stale_entries, removed()) == []
