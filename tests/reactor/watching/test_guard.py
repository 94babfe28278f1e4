"""The guard against mass deletion."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reactor.watching.guard import WINDOW_SECONDS, Guard

LIMIT = 10
STEPS = st.lists(st.tuples(st.integers(0, 30), st.floats(0, 2 * WINDOW_SECONDS)), max_size=30)


@given(STEPS)
def test_never_are_more_than_the_limit_believed_gone_within_the_window(
    steps: list[tuple[int, float]],
) -> None:
    guard, now = Guard(LIMIT), 0.0
    believed: list[tuple[float, int]] = []
    for missing, later in steps:
        now += later
        if guard.sees(missing, now):
            guard.believes(missing, now)
            believed.append((now, missing))
        lately = sum(count for at, count in believed if at > now - WINDOW_SECONDS)
        assert lately <= LIMIT


def test_it_stays_tripped_and_tells_how_many_had_vanished_until_it_is_lifted() -> None:
    guard = Guard(LIMIT)

    assert not guard.sees(LIMIT + 1, 0.0)
    assert not guard.sees(0, 10 * WINDOW_SECONDS)
    assert guard.vanished == LIMIT + 1

    guard.lift()
    assert guard.sees(LIMIT, 10 * WINDOW_SECONDS)


def test_as_many_as_the_limit_are_believed() -> None:
    guard = Guard(LIMIT)

    assert guard.sees(LIMIT, 0.0)
    assert not guard.is_tripped
