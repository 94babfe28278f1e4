"""What the commands say while a real reactor works."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.machine import PROJECT, Machine

PATIENCE = 30.0


def until(ask: Callable[[], Any]) -> Any:
    """Return the first answer that is not empty."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := ask()):
        assert time.monotonic() < deadline, "nothing came of it"
        time.sleep(0.1)
    return answer


@pytest.fixture
def slow(machine: Machine) -> Machine:
    """A machine that sends 60 MB to `vendor` at 2 MB/s, so that it can be watched."""
    vendor = {"bandwidth": "2MB", "alternative_sites": ["vendor_web"]}
    machine.write_settings(sites={"studio": {}, "vendor": vendor, "vendor_web": {}})
    machine.make_markers("vendor", "vendor_web", same="cafe")
    (machine.root("studio") / "cache.abc").write_bytes(os.urandom(60_000_000))
    machine.publish("cache.abc", "vendor", "vendor_web")
    return machine


def shown(machine: Machine, site: str) -> Any:
    """Return what the queue shows of a running transfer, once it tells how far it is."""
    entries = machine.answer("queue", "--site", site)["entries"]
    running = [one["running"] for one in entries if one["state"] == "running"]
    return next((one for one in running if one["size"]), None)


def test_a_running_transfer_is_seen_from_outside(slow: Machine) -> None:
    with slow.serving():
        running = until(lambda: shown(slow, "vendor_web"))
        status = slow.answer("status")

    assert running["path"] == "{root[work]}/cache.abc"
    assert running["source"] == "studio"
    assert (running["size"], 0 < running["done"] < 60_000_000) == (60_000_000, True)
    assert running["eta_seconds"] > 0
    assert [(one["project"], one["site"]) for one in status["sites"]] == [
        (PROJECT, "vendor"),
        (PROJECT, "vendor_web"),
    ]
    assert status["reactors"][0]["site"] == "studio"


def test_the_room_at_each_site_is_shown_by_a_reactor_at_work(machine: Machine) -> None:
    disk = shutil.disk_usage(machine.root("vendor"))
    with machine.serving():
        space = until(lambda: machine.answer("status")["space"])
        shown = machine.call("status").stdout

    assert [(one["site"], one["root"], one["total"]) for one in space] == [
        ("studio", "work", disk.total),
        ("vendor", "work", disk.total),
    ]
    assert all(0 < one["free"] < disk.total for one in space)
    assert any(line.startswith("vendor\twork\t") for line in shown.splitlines())


def test_doctor_finds_nothing_wrong_with_a_reactor_at_work(slow: Machine) -> None:
    with slow.serving():
        until(lambda: shown(slow, "vendor"))
        called = slow.call("doctor")

    assert called.exit_code == 0, called.stdout
    levels = [line.split("\t")[0] for line in called.stdout.splitlines()]
    assert levels == ["ok"] * len(levels)


def test_the_claim_of_a_reactor_at_work_is_not_ended(slow: Machine) -> None:
    with slow.serving():
        claim = until(lambda: shown(slow, "vendor"))["claim"]
        called = slow.call("doctor", "--end-claim", claim, "--yes")

        assert called.exit_code == 1
        assert "End that process first" in called.stderr
        assert slow.state["claims"].find_one({"claim": claim})["process"]
