"""`site list`: every site with its provider, its package and its icon."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from providers.icons import icon_of
from providers.table import BUILT_IN, PROVIDERS
from tests.cli.machine import Machine
from tests.cli.terminal import on_a_terminal
from tests.packages import KIND, Packages

_DISK = icon_of(PROVIDERS["local_drive"])
_ICONED = KIND.replace("api=1", "api=1, icon=Path(__file__).with_name('icon.png')")


def _uri(picture: bytes | None) -> str:
    assert picture is not None
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _answer(machine: Machine) -> Any:
    called = machine.run("site", "list", "--json")
    assert called.returncode == 0, called.stderr
    return json.loads(called.stdout)


def _seen_on_a_terminal(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what `site list` writes to kitty, as a process on a terminal of its own."""
    monkeypatch.delenv("TMUX", raising=False)
    monkeypatch.delenv("STY", raising=False)
    monkeypatch.setenv("TERM", "xterm-kitty")
    monkeypatch.setenv("COLUMNS", "200")
    _, screen = on_a_terminal(machine, "site", "list")
    return screen


def test_each_site_is_told_with_its_provider_its_roots_and_its_use(machine: Machine) -> None:
    spare = {"provider": "memory", "root": "/spare"}
    machine.write_settings(sites={"studio": {}, "vendor": {}, "spare": spare})

    sites = {one["site"]: one for one in _answer(machine)["sites"]}

    assert sites["studio"] == {
        "site": "studio",
        "project": None,
        "provider": "local_drive",
        "icon": _uri(_DISK),
        "roots": {"work": str(machine.root("studio"))},
        "use": "own",
        "problem": None,
    }
    assert (sites["vendor"]["use"], sites["spare"]["use"]) == ("served", "unused")
    assert sites["spare"]["icon"] == _uri(icon_of(PROVIDERS["memory"]))


def test_what_a_project_has_of_its_own_is_told_with_its_name(machine: Machine) -> None:
    px = {"provider": "memory", "root": "/px"}
    projects = {"Bunny": {"sites": {"px": px}, "remote_site": "px"}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects=projects)

    sites = {(one["project"], one["site"]): one["use"] for one in _answer(machine)["sites"]}

    assert sites[("Bunny", "px")] == "served"
    assert [site for project, site in sites if project] == ["px"]
    assert "px@Bunny" in machine.run("site", "list").stdout


def test_all_kinds_of_site_are_told_with_the_packages_that_bring_them(
    machine: Machine, packages: Packages
) -> None:
    packages.install("sitesync-webdav", "from pathlib import Path\n" + _ICONED)
    (packages.folder / "icon.png").write_bytes(_DISK or b"")
    cloud = {"provider": "webdav", "address": "x", "root": "/cloud"}
    machine.write_settings(sites={"studio": {}, "vendor": cloud})

    answer = _answer(machine)

    providers = {one["provider"]: one for one in answer["providers"]}
    assert [*providers] == [*BUILT_IN, "webdav"]
    assert providers["webdav"] == {
        "provider": "webdav",
        "package": "sitesync-webdav 1.2",
        "icon": _uri(_DISK),
        "problem": None,
    }
    assert providers["sftp"]["package"] is None
    assert [one["icon"] for one in answer["sites"] if one["site"] == "vendor"] == [_uri(_DISK)]


def test_a_broken_package_is_told_and_all_else_is_there(
    machine: Machine, packages: Packages
) -> None:
    packages.install("sitesync-webdav", "import no_such_library")
    cloud = {"provider": "webdav", "address": "x", "root": "/cloud"}
    machine.write_settings(sites={"studio": {}, "vendor": cloud})

    answer = _answer(machine)

    (vendor,) = [one for one in answer["sites"] if one["site"] == "vendor"]
    assert "package sitesync-webdav 1.2 cannot be loaded" in vendor["problem"]
    assert [one["problem"] is None for one in answer["sites"] if one["site"] == "studio"] == [True]
    (webdav,) = [one for one in answer["providers"] if one["provider"] == "webdav"]
    assert webdav["icon"] is None
    assert "sitesync-webdav 1.2" in webdav["problem"]


def test_in_a_pipe_there_are_plain_columns_and_no_icon(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-kitty")

    called = machine.run("site", "list")

    head, *rows = [line.split("\t") for line in called.stdout.splitlines()]
    assert head == ["site", "provider", "from", "roots", "use", "problem"]
    assert {len(row) for row in rows} == {6}
    assert "\x1b" not in called.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals for Python")
def test_a_terminal_that_can_is_shown_the_icon_in_the_row_of_its_site(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = _seen_on_a_terminal(machine, monkeypatch)

    rows = [line for line in screen.splitlines() if "local_drive" in line]
    picture = base64.b64encode(_DISK or b"").decode()
    assert len(rows) >= 2
    assert all(f";{picture}\x1b\\\x1b8\x1b[2C" in row for row in rows)


def test_a_name_in_the_settings_draws_nothing(machine: Machine) -> None:
    machine.write_settings(sites={"studio": {}, "vendor": {}, "\U000f0000 \x1b[2J": {}})

    called = machine.run("site", "list")

    assert "\x1b" not in called.stdout
    assert "\U000f0000" not in called.stdout


def test_nothing_is_asked_of_sites_or_the_database(machine: Machine, tmp_path: Path) -> None:
    sites = {"studio": {}, "vendor": {"root": str(tmp_path / "gone" / "away")}}
    machine.write_settings(sites=sites)
    file = machine.folder / "sitesync.toml"
    file.write_text(file.read_text().replace(machine.uri, "mongodb://127.0.0.1:9/"))

    assert {one["site"] for one in _answer(machine)["sites"]} >= {"studio", "vendor"}
