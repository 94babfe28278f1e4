"""Which events are news, and when it is time to look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.watching.news import Quiet, is_news

PUBLISHED = [
    "Show/shot/publish/v003/x_v003.1001.exr",
    "Show/.hidden/x.exr",
    "Show/part/x.exr",
    "Show/x.partner.mb",
    "tmp/x.tmpl",
    ".sitesync-like.exr",
]
NO_NEWS = [
    "Show/.sitesync-0a1b2c.part",
    ".sitesync-root",
    "Show/.x.1001.exr.Ab3dE9",
    "Show/x.ma.swp",
    "Show/x.exr.filepart",
    "Show/movie.mov.crdownload",
    "Show/.nfs000000a1",
    "Show/.DS_Store",
    "Show/._x.exr",
    "Show/~$budget.xlsx",
    "Show/x.nk~",
    "",
    "Show/",
]


@pytest.mark.parametrize("path", PUBLISHED)
def test_what_may_be_published_is_news(path: str) -> None:
    assert is_news(path)


@pytest.mark.parametrize("path", NO_NEWS)
def test_staged_bytes_and_other_programs_temporary_files_are_none(path: str) -> None:
    assert not is_news(path)


EVENTS = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 30)), max_size=40)


@given(EVENTS)
def test_a_path_is_due_once_and_only_after_it_was_quiet(events: list[tuple[str, int]]) -> None:
    quiet = Quiet(10, 100)
    last: dict[str, int] = {}
    now = 0
    for path, later in events:
        now += later
        for due in quiet.due(now, 100):
            assert now - last.pop(due) >= 10
        quiet.note(path, now)
        last[path] = now
    assert set(quiet.due(now + 10, 100)) == set(last)
    assert len(quiet) == 0


def test_no_more_are_due_at_once_than_are_asked_for() -> None:
    quiet = Quiet(1.0, 100)
    for path in "abc":
        quiet.note(path, 0.0)

    assert quiet.due(1.0, 2) == ["a", "b"]
    assert quiet.next_time() == 1.0
    assert quiet.due(1.0, 2) == ["c"]
    assert quiet.next_time() is None


def test_too_many_waiting_paths_are_forgotten_and_told() -> None:
    quiet = Quiet(1.0, 3)
    for path in "abcd":
        quiet.note(path, 0.0)

    assert quiet.overflowed
    assert len(quiet) == 0
