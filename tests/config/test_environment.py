"""Settings from environment variables."""

from __future__ import annotations

from pydantic import SecretStr

from tests.config.conftest import Machine

_BUNNY = """
[sites.Vendor_A]
provider = "sftp"
host = "h"
[projects.Bunny]
enabled = true
"""


def test_a_variable_finds_names_whatever_their_case(machine: Machine) -> None:
    machine.environ["SITESYNC__PROJECTS__BUNNY__REMOTE_SITE"] = "Vendor_A"
    machine.environ["SITESYNC__SITES__VENDOR_A__PORT"] = "2222"

    bunny = machine.settings(_BUNNY).project("Bunny")

    assert bunny.remote_site == "Vendor_A"
    assert bunny.site("Vendor_A").options.model_dump()["port"] == 2222


def test_a_variable_may_hold_a_list_or_a_table(machine: Machine) -> None:
    machine.environ["SITESYNC__DEFAULTS__ALWAYS_ACCESSIBLE_ON"] = '["studio", "local"]'
    machine.environ["SITESYNC__SITES__STUDIO__ROOT"] = '{ work = "/mnt" }'

    settings = machine.load()

    assert settings.defaults.always_accessible_on == ("studio", "ws-1")
    assert settings.sites["studio"].root == {"work": "/mnt"}


def test_text_that_only_begins_like_a_list_is_text(machine: Machine) -> None:
    machine.environ["SITESYNC__SITES__VENDOR_A__PASSWORD"] = "[not a list"

    options = machine.settings(_BUNNY).sites["Vendor_A"].options

    assert options.model_dump()["password"] == SecretStr("[not a list")


def test_an_empty_variable_sets_nothing(machine: Machine) -> None:
    machine.environ["SITESYNC__DEFAULTS__RETRY_COUNT"] = ""

    assert machine.load().defaults.retry_count == 3


def test_an_unknown_key_is_told_with_its_variable(machine: Machine) -> None:
    machine.environ["SITESYNC__DEFAULTS__RETRY_COUNTS"] = "1"

    assert machine.problems() == [
        "environment variable SITESYNC__DEFAULTS__RETRY_COUNTS: defaults.retry_counts: "
        "unknown key (did you mean 'retry_count'?)"
    ]


def test_other_variables_are_nobodys_business(machine: Machine) -> None:
    machine.environ["SITESYNC_CONFIG"] = "x"
    machine.environ["SITESYNCER__X"] = "x"

    assert machine.load().enabled
