"""How much a site is handed ahead: what it gets through in about a second, whatever that is."""

from __future__ import annotations

from heapq import heappop, heappush

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.load import BATCH, BATCH_BYTES, Load, Pace

SEATS = 4
KIB = 1024


def paced(seats: int, seconds: float, transfers: int) -> tuple[Pace, list[float]]:
    """Let a site with so many seats get through transfers that take so long; how long each waits."""
    pace, now, left, line = Pace(), 0.0, transfers, list[float]()
    seated: list[float] = []
    waits: list[float] = []
    while left or pace.in_hand:
        more = min(left, max(0, pace.most(seats) - pace.in_hand))
        if more:
            pace.begun(more, seats, now)
            line += [now] * more
            left -= more
        while line and len(seated) < seats:
            waits.append(now - line.pop(0))
            heappush(seated, now + seconds)
        now = heappop(seated)
        pace.over(seats, now)
    return pace, waits


@given(seats=st.integers(1, 64), seconds=st.floats(0.001, 20.0))
def test_in_the_end_nothing_waits_longer_than_a_second_and_the_transfer_before_it(
    seats: int, seconds: float
) -> None:
    _, waits = paced(seats, seconds, 20 * seats + 3_000)

    assert max(waits[-10:]) <= 1.0 + 2 * seconds


@given(seats=st.integers(1, 64), seconds=st.floats(0.001, 20.0))
def test_a_seat_never_lacks_a_transfer_that_waits_for_it(seats: int, seconds: float) -> None:
    pace, _ = paced(seats, seconds, 20 * seats)

    assert pace.most(seats) >= 2 * seats
    assert pace.most(seats) <= max(2 * seats, BATCH)
    assert pace.in_hand == 0


def test_a_quick_site_has_hundreds_in_hand() -> None:
    pace, _ = paced(SEATS, 0.005, 4_000)

    assert pace.most(SEATS) == BATCH


def test_the_time_in_which_a_seat_was_free_says_nothing_of_a_site() -> None:
    pace = Pace()
    before = pace.most(SEATS)
    for hour in range(100):
        pace.begun(SEATS, SEATS, 3600.0 * hour)
        for _ in range(SEATS):
            pace.over(SEATS, 3600.0 * hour + 1800)

    assert pace.most(SEATS) == before


def load_of(files: int, *, size: int, transfers: int) -> Load:
    """What a site has on its hands that has begun so many files in so many transfers."""
    load = Load(taken=files)
    for _ in range(files):
        load.started(size)
    load.pace.begun(transfers, SEATS, 0.0)
    return load


def test_the_first_names_are_few_and_no_more_follow_until_it_is_known_what_they_are() -> None:
    load = Load()
    load.taken = first = load.room(SEATS)

    assert 0 < first < BATCH
    assert load.room(SEATS) == 0


def test_a_lone_name_that_is_being_claimed_keeps_no_other_waiting() -> None:
    assert Load(taken=1).room(SEATS) > 0


def test_of_small_files_that_go_together_as_many_more_are_handed_out() -> None:
    alone = load_of(8, size=KIB, transfers=8).room(SEATS)
    together = load_of(8 * 32, size=KIB, transfers=8).room(SEATS)

    assert 0 < alone < 16
    assert together == 32 * alone


def test_what_is_being_claimed_counts_as_much_as_what_was_begun() -> None:
    load = load_of(8, size=KIB, transfers=8)
    assert load.room(SEATS) > 0
    with load.expecting(8.0):
        assert load.room(SEATS) == 0
        assert load.has_enough(0.0, 0, SEATS)
    assert load.room(SEATS) > 0


@pytest.mark.parametrize(
    ("transfers", "size", "enough"),
    [(SEATS - 1, 2 * BATCH_BYTES, False), (SEATS, BATCH_BYTES, True), (SEATS, 1, False)],
)
def test_large_files_are_enough_once_each_seat_has_one(
    transfers: float, size: int, enough: object
) -> None:
    assert Load().has_enough(transfers, size, SEATS) is enough


def test_once_all_only_wait_for_their_ending_a_whole_batch_follows() -> None:
    load = load_of(64, size=KIB, transfers=2)
    load.ending = 64
    load.pace.over(SEATS, 0.1)
    load.pace.over(SEATS, 0.1)

    assert load.room(SEATS) == BATCH
