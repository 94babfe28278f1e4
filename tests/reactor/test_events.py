"""Notices of one document are merged to the one that serves for all."""

from __future__ import annotations

import pytest
from bson import Binary, Decimal128, ObjectId

from reactor.events import Key, Notice, Origin, is_name

KEY = Key("Bunny", 1)


@pytest.mark.parametrize("thorough", [(True, False), (False, True), (True, True)])
def test_one_that_asks_for_all_files_makes_the_merged_one_ask(
    thorough: tuple[bool, bool],
) -> None:
    one, other = (Notice(KEY, Origin.STREAM, asks) for asks in thorough)

    assert one.merged(other).thorough


@pytest.mark.parametrize("name", [ObjectId(), "a", 7, 1.5, Binary(b"x"), None])
def test_what_is_equal_to_itself_alone_can_name_a_document(name: object) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", [True, False, float("nan"), {"a": 1}, Decimal128("1")])
def test_what_python_mistakes_for_another_names_none(name: object) -> None:
    assert not is_name(name)


def test_the_highest_origin_counts() -> None:
    scanned, streamed = Notice(KEY, Origin.SCAN), Notice(KEY, Origin.STREAM)

    assert scanned.merged(streamed) == streamed.merged(scanned) == streamed
    assert Origin.SCAN < Origin.STREAM < Origin.WATCH
