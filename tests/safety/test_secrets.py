"""Secrets of every kind of site, in nothing that a person or another process can see."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.sources import find
from reactor.cli.compose import load_settings
from tests.cli.machine import Machine
from tests.servers.processes import free_port

_SECRET = "c0rrect h0rse & battery"
_IN_FILE = "st4ple in a file"
_NEEDLES = ("c0rrect", "st4ple", "h0rse")


@pytest.fixture
def keeping(machine: Machine) -> Machine:
    """A machine with secrets in its settings, in a file of their own, and a server that is not there."""
    (machine.folder / "password").write_text(_IN_FILE)
    (machine.folder / "password").chmod(0o600)
    login = {"provider": "sftp", "host": "127.0.0.1", "port": free_port(), "user": "studio"}
    cloud = {
        "provider": "s3",
        "endpoint": f"http://127.0.0.1:{free_port()}",
        "bucket": "studio",
        "access_key": "AKIA1",
        "secret_key": _SECRET,
        "root": "/x",
    }
    machine.write_settings(
        sites={
            "studio": {},
            "vendor": {**login, "root": "/x", "password": _SECRET},
            "backup": {**login, "root": "/x", "password_file": str(machine.folder / "password")},
            "cloud": cloud,
        },
        defaults={"always_accessible_on": ["backup", "cloud"]},
    )
    machine.root("studio").joinpath("a.exr").write_bytes(b"x")
    machine.publish("a.exr", "vendor", "backup", "cloud")
    return machine


def _assert_hidden(*texts: str) -> None:
    for text in texts:
        assert not [needle for needle in _NEEDLES if needle in text], text


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize(
    "command", [("status",), ("doctor",), ("queue",), ("site", "list"), ("reconcile", "--dry-run")]
)
def test_no_command_prints_a_secret(
    keeping: Machine, command: tuple[str, ...], form: tuple[str, ...]
) -> None:
    called = keeping.run(*command, *form)

    assert called.returncode in (0, 1), called.stderr
    assert called.stdout
    _assert_hidden(called.stdout, called.stderr)


def test_why_prints_no_secret(keeping: Machine) -> None:
    identity = str(keeping.documents.find_one()["_id"])

    for form in ((), ("--json",)):
        called = keeping.run("why", identity, "vendor", *form)
        assert called.stdout
        _assert_hidden(called.stdout, called.stderr)


def test_the_whole_log_of_a_run_that_fails_shows_no_secret(keeping: Machine) -> None:
    called = keeping.run("-v", "run", "--until-idle")

    assert "vendor" in called.stderr
    _assert_hidden(called.stdout, called.stderr)
    kept = [*keeping.documents.find(), *keeping.state["attempts"].find()]
    _assert_hidden(repr(kept), repr(list(keeping.state["reactors"].find())))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows other processes in /proc")
def test_the_process_list_shows_no_secret(keeping: Machine) -> None:
    with keeping.serving():
        while not (started := list(keeping.state["reactors"].find())):
            time.sleep(0.05)
        pids = [started[0]["pid"], *_children(started[0]["pid"])]
        shown = [Path(f"/proc/{pid}/cmdline").read_bytes().decode() for pid in pids]

    assert "reactor" in shown[0]
    _assert_hidden(*shown)


def test_settings_show_no_secret_however_they_are_written(keeping: Machine) -> None:
    settings = load_settings(keeping.folder / "sitesync.toml")

    assert settings.sites["vendor"].options.model_dump()["password"].get_secret_value() == _SECRET
    _assert_hidden(repr(settings), str(settings), settings.model_dump_json())
    _assert_hidden(repr(settings.sites), repr(find(keeping.folder / "sitesync.toml").file))


def test_a_crash_of_the_program_shows_no_secret(keeping: Machine) -> None:
    program = (
        "import sys\n"
        "import reactor.cli.run as run\n"
        "from reactor.__main__ import main\n"
        "def fail(settings, *rest, **more):\n"
        "    raise RuntimeError(settings.sites['vendor'].options.password.get_secret_value())\n"
        "run.serve_once = fail\n"
        "main()\n"
    )
    settings = str(keeping.folder / "sitesync.toml")
    arguments = ["--config", settings, "run", "--until-idle"]

    called = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )

    assert called.returncode != 0
    assert "RuntimeError" in called.stderr
    _assert_hidden(called.stdout, called.stderr)


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]
