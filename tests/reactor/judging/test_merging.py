"""Files and rows in path order are merged, whatever batches they come in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base import Facts, Listed, Location
from reactor.judging.inventory import ABSENT, ALL, ONLY_KNOWN, SOME, WANTED, Row
from reactor.judging.merging import Merge, Stretch
from reactor.model import source_hash

SIZE = 64
HASH = "a,exr|1709641800,25|64"
MTIME = 1_709_641_800_250_000_000


def row(
    path: str,
    standing: int = ALL,
    size: object = SIZE,
    made: Sequence[object] = (),
    file_hash: str | None = HASH,
) -> Row:
    return Row(path, standing, size, made, file_hash, 0, "{root}", "")


def listed(path: str, size: int = SIZE, mtime_ns: int | None = MTIME) -> Listed:
    return Listed(Location("work", path), Facts(size, mtime_ns))


def merged(
    files: Sequence[Listed],
    rows: Sequence[Row],
    *,
    at_once: tuple[int, int] = (2, 3),
    after: str = "",
    most: int = 4,
    doubted: bool = False,
    within_ns: int | None = None,
) -> Iterator[Stretch]:
    merge = Merge(after, doubted=doubted, within_ns=within_ns)
    some_files, some_rows = at_once
    left_files = [file for file in files if file.where.path > after]
    left_rows = [one for one in rows if one.path > after]
    while not merge.is_over:
        if merge.wants_files:
            merge.add_files(left_files[:some_files])
            del left_files[:some_files]
        if merge.wants_rows:
            merge.add_rows(left_rows[:some_rows])
            del left_rows[:some_rows]
        yield merge.merge(most)


def whole(stretches: Iterator[Stretch]) -> Stretch:
    found = Stretch("")
    for stretch in stretches:
        found.upto = stretch.upto
        found.files += stretch.files
        found.size += stretch.size
        found.right += stretch.right
        found.doubts += stretch.doubts
        found.unknown += stretch.unknown
    return found


PATHS = st.text("ab/.", min_size=1, max_size=3)
FILES = st.dictionaries(PATHS, st.sampled_from([SIZE, 1])).map(
    lambda sizes: [listed(path, sizes[path]) for path in sorted(sizes)]
)
ROWS = st.lists(
    st.builds(row, PATHS, st.sampled_from([ABSENT, ALL, SOME, WANTED, ONLY_KNOWN]))
).map(lambda rows: sorted(rows, key=lambda one: one.path))
BATCHES = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(FILES, ROWS, BATCHES)
def test_every_file_is_right_or_doubtful_or_unknown(
    files: list[Listed], rows: list[Row], at_once: tuple[int, int]
) -> None:
    found = whole(merged(files, rows, at_once=at_once))

    there = {file.where.path: file.facts for file in files}
    doubts: list[tuple[Row, Facts | None]] = []
    for one in rows:
        facts = there.get(one.path)
        if facts is None:
            doubts += [(one, None)] if one.standing in (ALL, SOME) else []
        elif one.standing != ONLY_KNOWN and (one.standing != ALL or facts.size != SIZE):
            doubts.append((one, facts))
    doubtful = {one.path for one, facts in doubts if facts}
    known = {one.path for one in rows}
    assert sorted(map(tuple, found.doubts), key=repr) == sorted(doubts, key=repr)
    assert [file.where.path for file in found.unknown] == [p for p in there if p not in known]
    assert found.right == len(there.keys() & known) - len(doubtful)
    assert (found.files, found.size) == (len(files), sum(f.size for f in there.values()))


@given(FILES, ROWS, BATCHES)
def test_it_can_go_on_after_any_stretch(
    files: list[Listed], rows: list[Row], at_once: tuple[int, int]
) -> None:
    """What was told up to a path, and what is told beyond it, are all there is."""
    everything = whole(merged(files, rows, at_once=at_once))
    stretches = list(merged(files, rows, at_once=at_once))
    for end in range(len(stretches)):
        before = whole(iter(stretches[: end + 1]))
        rest = whole(merged(files, rows, after=before.upto))
        told = {(doubt.row, doubt.facts) for doubt in (*before.doubts, *rest.doubts)}
        assert told == {(doubt.row, doubt.facts) for doubt in everything.doubts}
        assert before.unknown + rest.unknown == everything.unknown


@pytest.mark.parametrize(
    ("one", "file", "right"),
    [
        (row("a"), listed("a"), True),
        (row("a", size=63), listed("a"), False),
        (row("a", size=None), listed("a"), True),
        (row("a", size="64"), listed("a"), False),
        (row("a", made=(source_hash(HASH),)), listed("a"), True),
        (row("a", made=(source_hash(HASH), "0" * 16)), listed("a"), False),
        (row("a", made=(5,)), listed("a"), False),
        (row("a", SOME), listed("a"), False),
        (row("a", WANTED), listed("a"), False),
        (row("a", ABSENT), listed("a"), False),
    ],
)
def test_what_is_plainly_right(one: Row, file: Listed, *, right: bool) -> None:
    assert bool(whole(merged([file], [one])).right) == right


@pytest.mark.parametrize(
    ("mtime_ns", "file_hash", "right"),
    [
        (MTIME + 1_000, HASH, True),
        (MTIME + 1_001, HASH, False),
        (None, HASH, False),
        (MTIME, "no time", False),
        (MTIME, None, False),
    ],
)
def test_where_times_count_a_file_must_have_its_own(
    mtime_ns: int | None, file_hash: str | None, *, right: bool
) -> None:
    found = whole(
        merged([listed("a", mtime_ns=mtime_ns)], [row("a", file_hash=file_hash)], within_ns=1_000)
    )

    assert bool(found.right) == right


@given(FILES, ROWS, st.integers(1, 4))
def test_a_stretch_is_as_long_as_it_may_be(files: list[Listed], rows: list[Row], most: int) -> None:
    for stretch in merged(files, rows, at_once=(9, 9), most=most):
        assert stretch.files <= most
        assert len(stretch.doubts) <= most


def test_where_all_are_doubted_only_strangers_pass() -> None:
    files = [listed("a"), listed("b"), listed("c")]

    found = whole(merged(files, [row("a"), row("b", ONLY_KNOWN)], doubted=True))

    assert [doubt.row.path for doubt in found.doubts] == ["a"]
    assert (found.right, [file.where.path for file in found.unknown]) == (1, ["c"])
