"""`site init`: the markers of the sites that are named."""

from __future__ import annotations

import pytest

from providers.base import MARKER_NAME
from tests.cli.machine import Machine


@pytest.fixture
def unmarked(machine: Machine) -> Machine:
    """The machine, before its sites are set up; one of them only Bunny has."""
    px = {"provider": "local_drive", "root": {"work": str(machine.root("px"))}}
    projects = {"Bunny": {"sites": {"px": px}}}
    machine.write_settings(sites={"studio": {}, "vendor": {}}, projects=projects)
    for site in ("studio", "vendor"):
        (machine.root(site) / MARKER_NAME).unlink()
    return machine


def _marked(machine: Machine) -> set[str]:
    sites = ("studio", "vendor", "px")
    return {site for site in sites if (machine.root(site) / MARKER_NAME).exists()}


@pytest.mark.parametrize(("name", "site"), [("vendor", "vendor"), ("local", "studio")])
def test_the_named_site_is_marked_and_no_other(unmarked: Machine, name: str, site: str) -> None:
    assert unmarked.call("site", "init", name).exit_code == 0
    assert _marked(unmarked) == {site}


def test_a_site_that_only_a_project_has_is_marked_by_its_name(unmarked: Machine) -> None:
    called = unmarked.call("site", "init", "px")

    assert called.exit_code == 0, called.output
    assert "px@Bunny" in called.stdout
    assert _marked(unmarked) == {"px"}


@pytest.mark.parametrize(("wrong", "meant"), [("vendr", "vendor"), ("px2", "px")])
def test_a_wrong_name_is_told_with_the_nearest(unmarked: Machine, wrong: str, meant: str) -> None:
    called = unmarked.call("site", "init", "studio", wrong)

    assert called.exit_code == 2
    assert called.stderr == f"sitesync: there is no site {wrong!r} (did you mean {meant!r}?)\n"
    assert _marked(unmarked) == set()


def test_without_a_name_it_says_which_there_are(unmarked: Machine) -> None:
    called = unmarked.call("site", "init")

    assert called.exit_code == 2
    assert "vendor, px" in called.stderr
