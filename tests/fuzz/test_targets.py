"""What `make fuzz` runs is there, and takes bytes."""

from __future__ import annotations

import pytest

from tests.fuzz.targets import TARGETS, fuzzed


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_runs_on_bytes(name: str) -> None:
    run = fuzzed(name)

    assert run(bytes(4096)) is not None  # else these bytes made no data, and nothing was run
