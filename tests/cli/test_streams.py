"""Streams that take nothing: a lost log line is no reason to end, a lost answer is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.machine import Machine
from tests.cli.published import publish_everywhere

_FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not _FULL.exists(), reason="only Linux has a device that is full")

Called = subprocess.CompletedProcess[str]


@pytest.fixture
def in_shell(machine: Machine) -> Callable[[str, str], Called]:
    """Call the program as a shell does, with its streams led elsewhere."""

    def call(arguments: str, streams: str) -> Called:
        config = machine.folder / "sitesync.toml"
        line = f"'{sys.executable}' -m reactor --config '{config}' {arguments} {streams}"
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)

    return call


@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-"])
def test_a_reactor_serves_though_its_log_cannot_be_written(
    machine: Machine, in_shell: Callable[[str, str], Called], stream: str
) -> None:
    representation = publish_everywhere(machine, "a.exr")
    machine.documents.update_one(
        {"_id": representation}, {"$push": {"files.0.sites": {"name": "vendor"}}}
    )

    called = in_shell("run --until-idle", stream)

    assert called.returncode == 0
    assert (machine.root("vendor") / "a.exr").exists()


def test_an_answer_that_cannot_be_written_is_told_in_a_line(
    in_shell: Callable[[str, str], Called],
) -> None:
    called = in_shell("site list", ">/dev/full")

    assert called.returncode == 1
    assert called.stderr == "sitesync: the answer cannot be written: No space left on device\n"


def test_without_a_stdout_nothing_is_printed(in_shell: Callable[[str, str], Called]) -> None:
    called = in_shell("site list", ">&-")

    assert (called.returncode, called.stdout, called.stderr) == (0, "", "")


def test_a_reader_who_has_read_enough_is_no_trouble(
    in_shell: Callable[[str, str], Called],
) -> None:
    called = in_shell("site list", "| true")

    assert called.stderr == ""
