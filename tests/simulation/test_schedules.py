"""Some thousand schedules in each run of the tests, known ones and new ones; replays are exact."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

_SECONDS = 55
pytestmark = pytest.mark.timeout(3 * _SECONDS)  # each test starts a process or two


def _simulate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run simulated schedules in a process of their own, where the order of sets is fixed."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", *arguments],
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )


@pytest.mark.parametrize("first", [["--first", "1"], []], ids=["known seeds", "new seeds"])
def test_nothing_is_violated(first: list[str]) -> None:
    done = _simulate("--schedules", "2000", "--seconds", "6", *first)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "no violation" in done.stdout


def test_a_seed_replays_exactly() -> None:
    traces = [_simulate("--seed", "12").stdout for _ in range(2)]

    assert traces[0] == traces[1]
    assert len(traces[0].splitlines()) > 100


def test_a_seed_that_goes_wrong_is_printed_and_replays() -> None:
    found = _simulate("--schedules", "5000", "--first", "1", "--without", "size-proves")
    seed = re.search(r"make simulate SEED=(\d+)", found.stdout)

    assert found.returncode == 1
    assert seed is not None
    again = _simulate("--seed", seed[1], "--without", "size-proves")
    assert again.returncode == 1
    assert again.stdout.splitlines()[-1] == found.stdout.splitlines()[-1]
    assert f"seed {seed[1]}: " in again.stdout.splitlines()[-1]
