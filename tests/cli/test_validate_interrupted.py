"""`sitesync validate` may be stopped at any moment, and goes on where it was."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from reactor.cli.validate.asked import Asked
from tests.cli.machine import Machine
from tests.cli.published import entries, publish_everywhere
from tests.cli.validating import AT_ONCE, validate


@pytest.fixture(autouse=True)
def _patient_no_longer(machine: Machine) -> None:
    """What is gone is believed at once, except where a test is about just that."""
    machine.write_settings(sites={"studio": {**AT_ONCE}, "vendor": {**AT_ONCE}})


def interrupted(machine: Machine, by: signal.Signals = signal.SIGINT) -> None:
    """Validate as a process of its own, and stop it while it waits for what is gone."""
    settings = str(machine.folder / "sitesync.toml")
    command = [sys.executable, "-m", "reactor", "--config", settings, "validate", "-s", "vendor"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "looking again" in running.stderr.readline()
        running.send_signal(by)
        running.stderr.read()  # a closed pipe would be its end
    assert running.returncode == (130 if by == signal.SIGINT else -by)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_it_goes_on_where_it_was(machine: Machine, by: signal.Signals) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"vanish_grace": 60}})
    representation = publish_everywhere(machine, "a.exr", "vendor")
    publish_everywhere(machine, "b.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    interrupted(machine, by)
    machine.write_settings(sites={"studio": {}, "vendor": {**AT_ONCE}})
    (machine.root("vendor") / "late.txt").touch()  # beyond what is gone through again
    called = machine.call("validate", "--site", "vendor", "--json")

    assert "going on where it was interrupted" in called.stderr
    assert '"reset": 1' in called.stdout
    assert '"files": 1' in called.stdout
    assert "created_dt" not in entries(machine, representation)["vendor"]
    assert machine.state["cursors"].count_documents({"kind": "validate"}) == 0


@pytest.mark.parametrize("other", [["--checksum"], ["--confirm-removals"]])
def test_another_way_to_validate_begins_anew(machine: Machine, other: list[str]) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"vanish_grace": 60}})
    publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    interrupted(machine)
    machine.write_settings(sites={"studio": {}, "vendor": {**AT_ONCE}})

    assert validate(machine, *other)["went_on_from"] is None


def test_after_a_day_it_begins_anew(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {"vanish_grace": 60}})
    publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    interrupted(machine)
    machine.write_settings(sites={"studio": {}, "vendor": {**AT_ONCE}})
    yesterday = [{"$set": {"at": {"$subtract": ["$at", 25 * 3600 * 1000]}}}]
    machine.state["cursors"].update_one({"kind": "validate"}, yesterday)

    assert validate(machine)["went_on_from"] is None


def test_it_leaves_no_claim_no_process_and_no_bookmark_behind(machine: Machine) -> None:
    publish_everywhere(machine, "a.exr", "vendor")
    (machine.root("vendor") / "a.exr").unlink()

    validate(machine)

    for collection in ("claims", "reactors", "cursors"):
        assert machine.state[collection].count_documents({}) == 0
    assert machine.state["attempts"].find_one()["outcome"] == "missing"


def test_no_two_sets_of_projects_share_a_bookmark() -> None:
    asked = [("Bunny v2",), ("Bunny", "v2"), ("Bunny",), ()]

    names = {Asked("vendor", projects, *[False] * 3).name for projects in asked}

    assert len(names) == len(asked)
