"""Sites: what a project sees of them, what its provider is given, and one that cannot serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from pydantic import BaseModel

from config.errors import SettingsError, UnusableProviderError
from config.load import load
from config.models import NoOptions
from config.sources import Sources
from tests.config.conftest import PROVIDERS, Machine, ServerOptions

_VENDOR = """
[sites.vendor]
provider = "sftp"
host = "sftp.example.com"
root = { work = "/upload", render = "/render" }
bandwidth = "20MiB"
"""


def test_a_providers_keys_come_as_its_own_model(machine: Machine) -> None:
    site = machine.settings(_VENDOR).sites["vendor"]

    assert site.options == ServerOptions(host="sftp.example.com")


def test_a_provider_that_asks_for_a_key_of_every_site_is_told_it_too(machine: Machine) -> None:
    site = machine.settings(_VENDOR + "transfers = 2\n").sites["vendor"]

    assert site.transfers == 2
    assert site.options == ServerOptions(host="sftp.example.com", transfers=2)


def test_a_size_may_have_a_unit(machine: Machine) -> None:
    assert machine.settings(_VENDOR).sites["vendor"].bandwidth == 20 * 1024 * 1024


def test_a_project_changes_single_keys_of_a_site(machine: Machine) -> None:
    settings = machine.settings(
        _VENDOR + '[projects.Bunny]\nsites.vendor = { root = { work = "/bunny" }, port = 2222 }\n'
    )

    vendor = settings.project("Bunny").site("vendor")
    assert vendor.root == {"work": "/bunny", "render": "/render"}
    assert vendor.options == ServerOptions(host="sftp.example.com", port=2222)
    assert vendor.bandwidth == 20 * 1024 * 1024


def test_a_projects_change_is_no_other_projects(machine: Machine) -> None:
    settings = machine.settings(
        _VENDOR + '[projects.Bunny]\nsites.vendor.root = { work = "/bunny" }\n[projects.Sintel]\n'
    )

    assert settings.project("Sintel").site("vendor").root["work"] == "/upload"
    assert settings.sites["vendor"].root["work"] == "/upload"


def test_projects_share_the_sites_of_which_they_say_nothing(machine: Machine) -> None:
    settings = machine.settings(_VENDOR + "[projects.Bunny]\nsites.studio.transfers = 2\n")

    assert settings.project("Bunny").site("vendor") is settings.sites["vendor"]


def test_a_project_may_have_a_site_of_its_own(machine: Machine) -> None:
    settings = machine.settings(
        '[projects.Bunny]\nremote_site = "client"\n'
        'sites.client = { provider = "sftp", host = "c" }\n'
    )

    assert "client" in settings.project("Bunny").sites
    assert "client" not in settings.project("Sintel").sites


def test_alternatives_are_told_for_every_site(machine: Machine) -> None:
    settings = machine.settings(_VENDOR + 'alternative_sites = ["studio"]\n')

    assert settings.project("Bunny").alternatives() == {
        "studio": (),
        "ws-1": (),
        "vendor": ("studio",),
    }


def test_a_site_that_is_not_there_is_told_with_the_nearest(machine: Machine) -> None:
    bunny = machine.settings(_VENDOR).project("Bunny")

    with pytest.raises(SettingsError, match=r"no site 'vendr'.*did you mean 'vendor'"):
        bunny.site("vendr")


_UNKNOWN = """
[sites.cloud]
provider = "stfp"
host = "x"
token = "hush"
"""


def test_a_site_with_an_unknown_provider_has_a_problem_and_all_others_serve(
    machine: Machine,
) -> None:
    settings = machine.settings(_VENDOR + _UNKNOWN)

    assert settings.sites["vendor"].problem is None
    assert settings.problems() == (
        f"{machine.file}:9: sites.cloud.provider: unknown provider 'stfp' (did you mean 'sftp'?)",
    )
    assert settings.sites["cloud"].problem == settings.problems()[0]


class _Broken(Mapping[str, type[BaseModel]]):
    """Providers of which one is known and cannot be used."""

    def __getitem__(self, name: str) -> type[BaseModel]:
        if name == "stfp":
            raise UnusableProviderError("provider 'stfp' of package stfp 1.0 is broken")
        return PROVIDERS[name]

    def __iter__(self) -> Iterator[str]:
        return iter((*PROVIDERS, "stfp"))

    def __len__(self) -> int:
        return len(PROVIDERS) + 1


def test_a_site_whose_provider_cannot_be_used_has_a_problem_and_all_others_serve(
    machine: Machine,
) -> None:
    machine.write(_VENDOR + _UNKNOWN)

    settings = load(Sources(machine.file, machine.machine_file, machine.environ), _Broken())

    assert settings.sites["vendor"].problem is None
    assert settings.problems() == (
        f"{machine.file}:9: sites.cloud.provider: provider 'stfp' of package stfp 1.0 is broken",
    )
    assert "hush" not in settings.model_dump_json()


def test_keys_for_an_unknown_provider_are_not_kept(machine: Machine) -> None:
    settings = machine.settings(_UNKNOWN)

    assert settings.sites["cloud"].options == NoOptions()
    assert "hush" not in settings.model_dump_json()


def test_settings_cannot_be_changed(machine: Machine) -> None:
    settings = machine.load()

    with pytest.raises(ValueError, match="frozen"):
        settings.enabled = False


def test_what_is_gone_is_brought_back_but_not_to_the_machines_own_disk(machine: Machine) -> None:
    settings = machine.settings(_VENDOR)

    assert settings.sites["studio"].on_missing == "restore"
    assert settings.sites["vendor"].on_missing == "restore"
    assert settings.sites["ws-1"].on_missing == "forget"


def test_the_machines_own_site_may_say_otherwise(machine: Machine) -> None:
    settings = machine.settings('[sites.local]\non_missing = "report"\n')

    assert settings.sites["ws-1"].on_missing == "report"


def test_a_machine_that_is_one_of_the_studios_sites_brings_back_what_is_gone(
    machine: Machine,
) -> None:
    settings = machine.settings('[machine]\nsite_id = "studio"\n')

    assert settings.sites["studio"].on_missing == "restore"


def test_how_many_files_may_vanish_at_once_can_be_set(machine: Machine) -> None:
    settings = machine.settings(_VENDOR + "deletion_limit = 7\n")

    assert settings.sites["vendor"].deletion_limit == 7
    assert settings.sites["studio"].deletion_limit == 500
