"""With any one rule of the protocol taken out, the simulation finds what breaks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.mutations import MUTATIONS

# Rules that are seldom needed: from seed 1 on a busy machine takes longer than a test has.
_NEAR = {"no-renewing": 1_600}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("rule", MUTATIONS)
def test_without_a_rule_something_is_violated(rule: str) -> None:
    mutation = MUTATIONS[rule]

    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.simulation", "--without", rule),
            *("--first", str(_NEAR.get(rule, 1)), "--schedules", "20000"),
        ],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env={**os.environ, "PYTHONHASHSEED": "0"},
    )

    assert done.returncode == 1, f"{mutation.rule}: not found\n{done.stdout}{done.stderr}"
    assert "goes wrong" in done.stdout
