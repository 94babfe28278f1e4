"""Which source is chosen, and what is said of the choice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.model import Work
from reactor.sourcing import Candidate, Ways, Why, best_first

MIB = 1024 * 1024
FRAME, LARGE, SMALL = 10 * MIB, 1024 * MIB, 1000
WORK = Work("Bunny", "vendor", "{root}/a.exr")
WAY = ("drive", "vendor")

_RATES = st.one_of(st.none(), st.floats(1.0, 1e10))
CANDIDATES = st.lists(
    st.builds(
        Candidate, st.text(min_size=1), st.booleans(), st.booleans(), st.booleans(), _RATES,
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: one.name,
)  # fmt: skip


def order(*candidates: Candidate, size: int = LARGE) -> list[str]:
    return [choice.name for choice in best_first(candidates, size)]


def why(*candidates: Candidate, size: int = LARGE) -> Why:
    return best_first(candidates, size)[0].why


def test_where_nothing_is_known_the_settings_decide() -> None:
    found = best_first([Candidate("b"), Candidate("a"), Candidate("c")], FRAME)

    assert [choice.name for choice in found] == ["b", "a", "c"]
    assert found[0].why is Why.ORDER


def test_a_disk_comes_before_a_service_that_copies_and_that_before_the_fastest() -> None:
    fast, copies = Candidate("fast", rate=1e9), Candidate("copies", copies=True)
    disk = Candidate("disk", disk=True)

    assert order(fast, copies, disk) == ["disk", "copies", "fast"]
    assert why(fast, copies, disk) is Why.DISK
    assert why(fast, copies) is Why.SERVICE


def test_of_measured_sources_the_fastest_comes_first() -> None:
    slow, fast = Candidate("slow", rate=1e6), Candidate("fast", rate=1e7)

    assert order(slow, fast) == ["fast", "slow"]
    assert why(slow, fast) is Why.FASTEST


@pytest.mark.parametrize(
    ("size", "first"), [(SMALL, "measured"), (FRAME, "new"), (LARGE, "measured")]
)
def test_a_source_that_was_not_measured_is_tried_with_files_that_tell_much_and_cost_little(
    size: int, first: str
) -> None:
    measured, new = Candidate("measured", rate=1e9), Candidate("new")

    assert order(measured, new, size=size)[0] == first
    assert why(measured, new, size=FRAME) is Why.UNTRIED


def test_what_has_begun_goes_on_from_where_it_came_unless_something_better_is_there() -> None:
    begun, fast = Candidate("begun", begun=True, rate=1.0), Candidate("fast", rate=1e9)
    disk = Candidate("disk", disk=True)

    assert order(fast, begun) == ["begun", "fast"]
    assert why(fast, begun) is Why.BEGUN
    assert order(fast, begun, disk) == ["disk", "begun", "fast"]


def test_a_source_that_failed_or_rests_comes_last_and_that_is_told() -> None:
    disk, far = Candidate("disk", disk=True, doubtful=True), Candidate("far")

    assert order(disk, far) == ["far", "disk"]
    assert why(disk, far) is Why.LEFT


def test_an_only_source_is_told_as_such() -> None:
    assert why(Candidate("drive", rate=1e6)) is Why.ONLY


@given(CANDIDATES, st.integers(0, LARGE))
def test_every_source_is_kept_once_and_doubtful_ones_come_last(
    candidates: list[Candidate], size: int
) -> None:
    by_name = {one.name: one for one in candidates}

    found = best_first(candidates, size)

    assert sorted(choice.name for choice in found) == sorted(by_name)
    doubts = [by_name[choice.name].doubtful for choice in found]
    assert doubts == sorted(doubts)
    assert [one.name for one in best_first(candidates, size)] == [one.name for one in found]


@given(CANDIDATES, st.integers(0, LARGE))
def test_among_sources_without_doubt_no_disk_comes_after_one_that_is_none(
    candidates: list[Candidate], size: int
) -> None:
    by_name = {one.name: replace(one, doubtful=False) for one in candidates}

    found = [by_name[choice.name] for choice in best_first(list(by_name.values()), size)]

    kinds = [0 if one.disk else 1 if one.copies else 2 for one in found]
    assert kinds == sorted(kinds)


def test_a_rate_is_measured_and_newer_ones_count_more() -> None:
    ways = Ways()

    ways.moved(WAY, 100 * MIB, 10.0, now=0.0)
    first = ways.rate(WAY, 0.0)
    for second in range(1, 30):
        ways.moved(WAY, 100 * MIB, 1.0, now=float(second))

    assert first == 10 * MIB
    assert ways.rate(WAY, 30.0) == pytest.approx(100 * MIB, rel=0.01)
    assert ways.rate(("vendor", "drive"), 30.0) is None


def test_small_files_measure_nothing() -> None:
    ways = Ways()

    ways.moved(WAY, SMALL, 0.001, now=0.0)

    assert ways.rates(0.0) == {}


def test_an_old_measurement_is_none() -> None:
    ways = Ways()
    ways.moved(WAY, 100 * MIB, 1.0, now=0.0)

    assert ways.rates(3600.0) == {WAY: 100 * MIB}
    assert ways.rates(3600.1) == {}


def test_a_failure_is_remembered_until_the_file_has_come() -> None:
    ways = Ways()

    ways.failed(WORK, "drive")
    assert ways.has_failed(WORK, "drive")
    assert not ways.has_failed(WORK, "archive")

    ways.served(WORK)
    assert not ways.has_failed(WORK, "drive")


def test_what_is_remembered_of_failures_is_bounded() -> None:
    ways = Ways()

    for number in range(10_001):
        ways.failed(Work("Bunny", "vendor", str(number)), "drive")

    assert not ways.has_failed(Work("Bunny", "vendor", "0"), "drive")
    assert ways.has_failed(Work("Bunny", "vendor", "10000"), "drive")
