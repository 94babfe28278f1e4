"""Resets are held back until it is known how many they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reactor.judging.validation.removals import ALL_AT_ONCE, Removals


def test_up_to_the_limit_they_are_handed_out_by_project() -> None:
    removals = Removals(3, 10, confirmed=False)
    for project, path in (("A", "1"), ("B", "2"), ("A", "3")):
        removals.add(project, path, 0)

    assert not removals.is_refused
    assert removals.take() == {"A": ["1", "3"], "B": ["2"]}
    assert removals.take() == {}


def test_beyond_the_limit_none_is_kept() -> None:
    removals = Removals(3, 10, confirmed=False)
    for number in range(1_000):
        removals.add("A", str(number), 0)

    assert (removals.is_refused, removals.count) == (True, 1_000)
    assert (removals.take(), removals.held(), removals.ripe_at()) == ({}, [], None)


def test_confirmed_they_are_due_before_they_are_too_many_to_hold() -> None:
    removals = Removals(3, 10, confirmed=True)
    for number in range(ALL_AT_ONCE):
        assert not removals.is_due
        removals.add("A", str(number), 0)

    assert removals.is_due
    assert not removals.is_refused


@given(st.lists(st.tuples(st.sampled_from("AB"), st.text(max_size=2), st.floats(0, 9)), min_size=1))
def test_they_are_ripe_when_the_last_one_was_gone_for_long_enough(
    held: list[tuple[str, str, float]],
) -> None:
    removals = Removals(1_000, 10, confirmed=False)
    last: dict[tuple[str, str], float] = {}
    for project, path, now in held:
        removals.add(project, path, now)
        last[project, path] = now

    assert removals.ripe_at() == max(last.values()) + 10


def test_a_pass_that_was_interrupted_is_gone_on_with() -> None:
    before = Removals(5, 10, confirmed=False)
    before.add("A", "1", 0)
    before.add("A", "2", 0)
    after = Removals(5, 10, confirmed=False)

    after.go_on_from([("A", "1"), ("A", "2")], before.count, 100)

    assert (after.held(), after.count, after.ripe_at()) == (before.held(), 2, 110)


def test_one_that_had_too_many_has_too_many_still() -> None:
    after = Removals(5, 10, confirmed=False)

    after.go_on_from([], 6, 100)

    assert after.is_refused
