"""Waits double, up to a limit, and are spread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.backoff import Backoff

BACKOFF = Backoff(first=5, most=300)
MIDDLE = 0.5


@pytest.mark.parametrize(("failures", "seconds"), [(1, 5), (2, 10), (3, 20), (7, 300), (99, 300)])
def test_waits_double_up_to_a_limit(failures: int, seconds: float) -> None:
    assert BACKOFF.delay(failures, MIDDLE) == pytest.approx(seconds)


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_waits_are_spread_by_a_fifth(failures: int, dice: float) -> None:
    middle = BACKOFF.delay(failures, MIDDLE)

    assert 0.8 * middle - 1e-9 <= BACKOFF.delay(failures, dice) <= 1.2 * middle + 1e-9


def test_the_dice_decide() -> None:
    assert BACKOFF.delay(1, 0.0) < BACKOFF.delay(1, MIDDLE) < BACKOFF.delay(1, 0.99)
