"""What `doctor` says of providers that other packages bring."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.machine import Machine
from tests.packages import KIND, Packages

_CLOUD = {"provider": "webdav", "address": "x", "root": "/cloud"}


def _findings(machine: Machine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(machine.run("doctor", "--json").stdout)["findings"]
    return found


def test_our_own_providers_need_no_word(machine: Machine) -> None:
    assert not [one for one in _findings(machine) if one["about"].startswith("provider")]


def test_a_provider_of_another_package_is_told_with_its_sites(
    machine: Machine, packages: Packages
) -> None:
    packages.install("sitesync-webdav")
    machine.write_settings(
        sites={"studio": {}, "vendor": {}}, projects={"Bunny": {"sites": {"cloud": _CLOUD}}}
    )

    (found,) = [one for one in _findings(machine) if one["about"] == "provider webdav"]

    assert found["level"] == "ok"
    assert found["text"] == "brought by package sitesync-webdav 1.2; its sites: cloud"


def test_a_broken_package_stops_its_own_site_alone(machine: Machine, packages: Packages) -> None:
    packages.install("sitesync-webdav", "raise RuntimeError('not today')")
    machine.write_settings(
        sites={"studio": {}, "vendor": {}, "cloud": _CLOUD},
        defaults={"always_accessible_on": ["cloud"]},
    )

    findings = _findings(machine)

    by_about = {one["about"]: one for one in findings}
    why = "package sitesync-webdav 1.2 cannot be loaded (RuntimeError: not today)"
    assert (by_about["provider webdav"]["level"], by_about["site cloud"]["level"]) == (
        "warning",
        "problem",
    )
    assert why in by_about["provider webdav"]["text"]
    assert why in by_about["site cloud"]["text"]
    assert by_about["provider webdav"]["todo"].endswith("(cloud)")
    assert by_about["site vendor"]["level"] == "ok"
    assert by_about["site studio"]["level"] == "ok"


def test_a_package_that_takes_our_name_is_told_and_not_used(
    machine: Machine, packages: Packages
) -> None:
    packages.install("sitesync-disk", "raise RuntimeError", kind="local_drive")

    by_about = {one["about"]: one for one in _findings(machine)}

    assert by_about["provider local_drive"]["level"] == "warning"
    assert "package sitesync-disk 1.2" in by_about["provider local_drive"]["text"]
    assert by_about["site vendor"]["level"] == "ok"


@pytest.mark.parametrize("content", [b"GIF89a", None])
def test_an_icon_that_cannot_be_shown_is_a_warning_and_the_provider_serves(
    machine: Machine, packages: Packages, content: bytes | None
) -> None:
    iconed = KIND.replace("api=1", "api=1, icon=Path(__file__).with_name('icon.png')")
    packages.install("sitesync-webdav", "from pathlib import Path\n" + iconed)
    if content is not None:
        (packages.folder / "icon.png").write_bytes(content)

    found = [one for one in _findings(machine) if one["about"] == "provider webdav"]

    assert [one["level"] for one in found] == ["ok", "warning"]
    assert "its icon is not shown" in found[1]["text"]
