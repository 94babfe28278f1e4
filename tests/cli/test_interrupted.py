"""Ctrl-C, whenever it comes: the program ends at once, without a word, by the exit code for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.cli.machine import Machine
from tests.cli.terminal import on_a_terminal

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")

_INTERRUPTED_BY = """
import os, signal, sys

at = sys.argv.pop(1)

def hear(event, about):
    if event in ("import", "open") and str(about[0]) == at:
        os.kill(os.getpid(), signal.SIGINT)

sys.addaudithook(hear)
from reactor.__main__ import main
main()
"""


def _interrupted_by(at: str, machine: Machine) -> subprocess.CompletedProcess[str]:
    """Call the program, which gets a Ctrl-C when it imports a module, or opens a file."""
    config = str(machine.folder / "sitesync.toml")
    program = [sys.executable, "-c", _INTERRUPTED_BY, at, "--config", config, "status"]
    return subprocess.run(program, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("module", ["click", "reactor.cli.shell", "reactor.standing"])
def test_while_the_program_is_imported(machine: Machine, module: str) -> None:
    called = _interrupted_by(module, machine)

    assert (called.returncode, called.stdout, called.stderr.strip()) == (130, "", "")


def test_while_settings_are_read(machine: Machine) -> None:
    called = _interrupted_by(str(machine.folder / "sitesync.toml"), machine)

    assert (called.returncode, called.stdout, called.stderr.strip()) == (130, "", "")


def test_at_a_question_the_first_one_ends_the_program(machine: Machine) -> None:
    claim = machine.claim("a.exr", "p1", held=True)

    asked = "doctor", "--end-claim", claim
    code, screen = on_a_terminal(machine, *asked, question=b"[y/N]", answer=b"\x03")

    assert code == 130
    assert "Aborted" not in screen
    assert machine.state["claims"].find_one({"claim": claim})["held"] is True
