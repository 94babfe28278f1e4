from __future__ import annotations

import subprocess
import sys

import pytest

from reactor.registry import Registry
from tests.cli.machine import Machine


def held(machine: Machine, process: str = "p1") -> str:
    return machine.claim("a.exr", process, held=True)


def is_free(machine: Machine, claim: str) -> bool:
    """Return whether the next process may take the claim's place."""
    found = machine.state["claims"].find_one({"claim": claim})
    return bool(found.get("over")) and found["process"] is None and not found["held"]


def register_here(machine: Machine, **identity: object) -> None:
    """Put this very process among the reactors, not seen for an hour."""
    own = Registry(machine.state, "studio")._identity
    machine.register("p1", seen=3600, **{**own, **identity})


def pid_of_the_dead() -> int:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_a_held_claim_is_ended(machine: Machine) -> None:
    machine.register("p1", seen=3600)
    claim = held(machine)

    called = machine.call("doctor", "--end-claim", claim, "--yes")

    assert called.exit_code == 0
    assert is_free(machine, claim)


def test_the_claim_of_a_process_that_ended_on_this_machine_is_ended(machine: Machine) -> None:
    register_here(machine, pid=pid_of_the_dead())
    claim = held(machine)

    machine.call("doctor", "--end-claim", claim, "--yes")

    assert is_free(machine, claim)


def test_the_claim_of_a_process_that_left_no_trace_is_ended(machine: Machine) -> None:
    claim = held(machine)

    machine.call("doctor", "--end-claim", claim, "--yes")

    assert is_free(machine, claim)


def test_it_is_shown_before(machine: Machine) -> None:
    machine.register("p1", seen=3600)
    claim = held(machine)

    called = machine.call("doctor", "--end-claim", claim, "--yes")

    shown = f"{claim} on {{root[work]}}/a.exr at vendor (project Show)"
    assert shown in called.stderr
    assert "pid 4711 on render-07, last seen 1 h 0 min ago" in called.stderr


def test_other_claims_stand(machine: Machine) -> None:
    claim = held(machine)
    other = machine.claim("b.exr", "p1", held=True)

    machine.call("doctor", "--end-claim", claim, "--yes")

    assert machine.state["claims"].find_one({"claim": other})["held"] is True


def test_the_claim_of_a_process_that_was_seen_lately_is_refused(machine: Machine) -> None:
    machine.register("p1")
    claim = held(machine)

    called = machine.call("doctor", "--end-claim", claim, "--yes")

    assert called.exit_code == 1
    assert "running process: pid 4711 on render-07" in called.stderr
    assert machine.state["claims"].find_one({"claim": claim})["held"] is True


def test_the_claim_of_a_process_that_stands_still_on_this_machine_is_refused(
    machine: Machine,
) -> None:
    register_here(machine)
    claim = held(machine)

    called = machine.call("doctor", "--end-claim", claim, "--yes")

    assert called.exit_code == 1
    assert "does not answer but is there" in called.stderr


def test_without_a_terminal_somebody_has_to_be_sure(machine: Machine) -> None:
    claim = held(machine)

    called = machine.call("doctor", "--end-claim", claim)

    assert called.exit_code == 2
    assert "--yes" in called.stderr
    assert machine.state["claims"].find_one({"claim": claim})["held"] is True


@pytest.mark.parametrize("answer", ["y", "n", ""])
def test_on_a_terminal_it_is_asked(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("reactor.cli.shell._is_terminal", lambda: True)
    claim = held(machine)

    machine.call("doctor", "--end-claim", claim, input=f"{answer}\n")

    assert is_free(machine, claim) is (answer == "y")


def test_a_claim_that_is_not_there_is_said_so(machine: Machine) -> None:
    held(machine)

    called = machine.call("doctor", "--end-claim", "0123456789abcdef", "--yes")

    assert called.exit_code == 1
    assert "there is no claim '0123456789abcdef'" in called.stderr


def test_a_script_gets_one_object(machine: Machine) -> None:
    claim = held(machine)

    answer = machine.answer("doctor", "--end-claim", claim, "--yes")

    assert answer == {"ended": claim, "project": "Show", "path": "{root[work]}/a.exr"}


def test_a_claim_without_a_name_is_none(machine: Machine) -> None:
    called = machine.call("doctor", "--end-claim", "", "--yes")

    assert called.exit_code == 1
    assert "there is no claim ''" in called.stderr
