"""Notices of one document are merged to the one that serves for all."""

from __future__ import annotations

import pytest

from reactor.events import Key, Notice, Origin

KEY = Key("Bunny", 1)


@pytest.mark.parametrize("thorough", [(True, False), (False, True), (True, True)])
def test_one_that_asks_for_all_files_makes_the_merged_one_ask(
    thorough: tuple[bool, bool],
) -> None:
    one, other = (Notice(KEY, Origin.STREAM, asks) for asks in thorough)

    assert one.merged(other).thorough


def test_the_highest_origin_counts() -> None:
    scanned, streamed = Notice(KEY, Origin.SCAN), Notice(KEY, Origin.STREAM)

    assert scanned.merged(streamed) == streamed.merged(scanned) == streamed
    assert Origin.SCAN < Origin.STREAM < Origin.WATCH
