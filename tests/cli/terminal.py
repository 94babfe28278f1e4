"""The program on a terminal of its own."""

from __future__ import annotations

import os
import pty
import sys
import time

import psutil

from tests.cli.machine import Machine


def on_a_terminal(
    machine: Machine, *arguments: str, question: bytes = b"", answer: bytes = b""
) -> tuple[int, str]:
    """
    Call the program, and return its exit code and all that it wrote.

    The answer is typed once it has asked the question and waits.
    """
    settings = str(machine.folder / "sitesync.toml")
    pid, terminal = pty.fork()
    if pid == 0:
        program = [sys.executable, "-m", "reactor", "--config", settings, *arguments]
        os.execv(sys.executable, program)
    written = b""
    try:
        while piece := os.read(terminal, 65536):
            written += piece
            if answer and question in written:
                _until_it_waits(pid)
                os.write(terminal, answer)
                answer = b""
    except OSError:  # Linux ends a terminal so
        pass
    finally:
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), written.decode()


def _until_it_waits(pid: int) -> None:
    while psutil.Process(pid).status() != psutil.STATUS_SLEEPING:
        time.sleep(0.01)
