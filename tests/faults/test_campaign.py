"""A short campaign, and the plans that campaigns follow."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.campaign import Order, run_campaign
from tests.faults.faults import KINDS
from tests.faults.plan import RATES, make_plan
from tests.faults.report import told
from tests.faults.sftp_site import has_sshd

_SHORT = frozenset(
    {
        "kill a reactor",
        "kill a reactor at a step",
        "kill the primary",
        "kill the sshd",
        "cut a connection in mid-file",
        "kill the Drive",
        "let the Drive fail",
        "change a source",
        "truncate a source",
    }
)


# Patience ends long before the test does: then it tells what is left. A slow machine may use it.
@pytest.mark.timeout(360)
@pytest.mark.skipif(
    not has_sshd(), reason="no sshd here; on Debian: apt-get install openssh-server"
)
def test_a_studio_keeps_its_promise_under_faults_and_settles(tmp_path: Path) -> None:
    order = Order(seed=20, seconds=8, reactors=2, publishers=1, pace=2.5, only=_SHORT, patience=150)

    result = run_campaign(order, tmp_path)

    assert not result.violations, told(result)
    assert not result.trouble
    assert result.crashes == 0
    assert result.struck["kill a reactor"] >= 2
    assert result.judged > 20


def test_the_same_seed_gives_the_same_plan_and_another_one_another() -> None:
    plan = make_plan(7, 120, RATES)

    assert plan == make_plan(7, 120, RATES)
    assert plan != make_plan(8, 120, RATES)


def test_a_plan_has_every_kind_and_each_fault_ends_with_it() -> None:
    plan = make_plan(7, 600, RATES)

    assert {strike.kind for strike in plan} == set(KINDS)
    assert all(strike.at + strike.seconds <= 600 for strike in plan)
    assert plan == sorted(plan, key=lambda strike: strike.at)


def test_one_kind_strikes_at_the_same_times_whatever_else_is_planned() -> None:
    alone = make_plan(7, 120, ["kill the sshd"])

    among = [strike for strike in make_plan(7, 120, RATES) if strike.kind == "kill the sshd"]

    assert alone == among
