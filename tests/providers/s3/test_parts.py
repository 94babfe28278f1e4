"""How files are cut into parts."""

from __future__ import annotations

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.s3.parts import MOST, SMALLEST, Budget, is_refuted, kept, part_length, together
from providers.s3.requests import Part
from providers.s3.times import as_metadata, mtime_of

_TIB = 1024**4
_LARGEST_PART = 5 * 1024**3


def _lengths(announced: int, size: int) -> list[int]:
    lengths: list[int] = []
    offset = 0
    while offset < size:
        lengths.append(min(part_length(announced, offset), size - offset))
        offset += lengths[-1]
    return lengths


@settings(deadline=None)
@given(st.integers(0, 5 * _TIB))
def test_what_was_announced_fits_in_equal_parts(size: int) -> None:
    lengths = _lengths(size, size)

    assert len(lengths) <= MOST
    assert len(set(lengths[:-1])) <= 1
    assert all(SMALLEST <= length <= _LARGEST_PART for length in lengths[:-1])


@settings(deadline=None)
@given(st.integers(0, 5 * _TIB), st.integers(0, 5 * _TIB))
def test_what_grows_beyond_what_was_announced_fits_up_to_5_tib(announced: int, size: int) -> None:
    lengths = _lengths(announced, size)

    assert len(lengths) <= MOST
    assert all(SMALLEST <= length <= _LARGEST_PART for length in lengths[:-1])


def test_parts_are_kept_up_to_a_gap_a_short_one_or_the_limit() -> None:
    parts = {n: Part(n, "", SMALLEST) for n in (1, 2, 3, 5)}

    assert len(kept(parts, 100 * SMALLEST)) == 3
    assert len(kept(parts, 2 * SMALLEST + 1)) == 2
    assert kept({1: Part(1, "", SMALLEST - 1)}, SMALLEST) == []


def test_an_object_of_parts_has_the_etag_that_s3_gives_it() -> None:
    parts = [hashlib.md5(text).digest() for text in (b"one", b"two")]

    etag = together([f'"{part.hex()}"' for part in parts])

    assert etag == f"{hashlib.md5(b''.join(parts)).hexdigest()}-2"
    assert together(['"of another form"']) is None


def test_a_server_refutes_a_part_by_an_etag_that_is_the_md5_of_other_bytes() -> None:
    sent, other = hashlib.md5(b"sent").digest(), hashlib.md5(b"other").hexdigest()
    encrypted = {"x-amz-server-side-encryption": "aws:kms"}

    assert is_refuted({"ETag": f'"{other}"'}, sent)
    assert not is_refuted({"ETag": f'"{sent.hex()}"'}, sent)
    assert not is_refuted({"ETag": f'"{other}"', **encrypted}, sent)
    assert not is_refuted({"ETag": '"AIhJ4Ty"'}, sent)


def test_the_budget_bounds_what_waits() -> None:
    budget = Budget(10)

    assert budget.take(7)
    assert not budget.take(4)
    budget.give(7)
    assert budget.take(10)


@given(st.integers(-(10**19), 10**19))
def test_a_time_is_kept_to_the_nanosecond(mtime_ns: int) -> None:
    assert mtime_of(as_metadata(mtime_ns)) == mtime_ns


def test_times_are_read_as_rclone_writes_them_and_rubbish_is_no_time() -> None:
    assert mtime_of({"mtime": "1700000123.5"}) == 1_700_000_123_500_000_000
    assert mtime_of({"mtime": "1700000123"}) == 1_700_000_123_000_000_000
    assert mtime_of({"mtime": "yesterday"}) is None
    assert mtime_of({"mtime": "NaN"}) is None
    assert mtime_of({}) is None
