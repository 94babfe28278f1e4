"""The predecessor's key names, in the shapes in which its settings have them."""

from __future__ import annotations

import pytest

from tests.config.conftest import Machine, ServerOptions

_VENDOR = '[sites.vendor]\nprovider = "sftp"\nhost = "h"\n'


def test_the_settings_of_the_seed_document_work_as_written_there(machine: Machine) -> None:
    del machine.environ["SITESYNC_SITE_ID"]

    settings = machine.settings(
        """
        local_id = "local_0"
        retry_cnt = 4
        loop_delay = 30
        publish_site = "studio"
        remote_site = "gdrive"

        [sites.gdrive]
        provider = "gdrive"
        credentials_url = "/my_secret_folder/credentials.json"
        root = { root_one = "/My Drive/work_folder", root_tow = "/My Drive/publish_folder" }
        """
    )

    bunny = settings.project("Bunny")
    assert settings.machine.site_id == "local_0"
    assert (bunny.active_site, bunny.remote_site) == ("studio", "gdrive")
    assert (bunny.retry_count, bunny.reconcile_interval) == (4, 30)
    assert bunny.site("gdrive").roots()["root_one"] == "/My Drive/work_folder"


def test_a_table_called_config_is_the_defaults(machine: Machine) -> None:
    settings = machine.settings(
        """
        enabled = true
        [config]
        retry_cnt = "5"
        loop_delay = "90"
        always_accessible_on = ["studio"]
        active_site = "local"
        remote_site = "studio"
        """
    )

    bunny = settings.project("Bunny")
    assert (bunny.retry_count, bunny.reconcile_interval) == (5, 90)
    assert (bunny.active_site, bunny.remote_site) == ("ws-1", "studio")
    assert bunny.always_accessible_on == ("studio",)


@pytest.mark.parametrize(
    "text",
    ['local_id = "ws-7"', '[machine]\nlocal_id = "ws-7"', '[config]\nlocal_id = "ws-7"'],
)
def test_local_id_is_the_machines_site_id(machine: Machine, text: str) -> None:
    machine.environ.clear()

    assert machine.settings(text).machine.site_id == "ws-7"


@pytest.mark.parametrize(
    ("alias", "key", "value"),
    [("retry_cnt", "retry_count", 7), ("loop_delay", "reconcile_interval", 7)],
)
@pytest.mark.parametrize("table", ["defaults", "projects.Bunny"])
def test_an_alias_stands_for_its_key(
    machine: Machine, table: str, alias: str, key: str, value: int
) -> None:
    settings = machine.settings(f"[{table}]\n{alias} = {value}\n")

    assert getattr(settings.project("Bunny"), key) == value


def test_publish_site_of_a_project_is_its_active_site(machine: Machine) -> None:
    settings = machine.settings('[projects.Bunny]\npublish_site = "local"\n')

    assert settings.project("Bunny").active_site == "ws-1"


def test_a_providers_own_aliases_stand_for_its_keys(machine: Machine) -> None:
    settings = machine.settings(
        '[sites.vendor]\nprovider = "sftp"\nsftp_host = "h"\nsftp_port = 2222\nsftp_pass = "p"\n'
    )

    options = settings.sites["vendor"].options
    assert isinstance(options, ServerOptions)
    assert (options.host, options.port) == ("h", 2222)
    assert options.password is not None


def test_an_alias_in_a_later_layer_counts_more_than_the_key_in_an_earlier(
    machine: Machine,
) -> None:
    machine.write_machine("[sites.vendor]\nsftp_port = 2222\n[defaults]\nretry_cnt = 9\n")

    settings = machine.settings(_VENDOR + "port = 22\n[defaults]\nretry_count = 2\n")

    assert settings.sites["vendor"].options.model_dump()["port"] == 2222
    assert settings.project("Bunny").retry_count == 9


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "[defaults]\nretry_count = 1\nretry_cnt = 1\n",
            "3: defaults.retry_cnt: means the same as defaults.retry_count",
        ),
        (
            "loop_delay = 1\n[defaults]\nreconcile_interval = 1\n",
            "1: loop_delay: means the same as defaults.reconcile_interval",
        ),
        (
            'publish_site = "studio"\n[defaults]\npublish_site = "studio"\n',
            "1: publish_site: means the same as defaults.publish_site",
        ),
        ("[defaults]\n[config]\n", "2: config: means the same as defaults"),
        (
            'local_id = "a"\n[machine]\nsite_id = "b"\n',
            "1: local_id: means the same as machine.site_id",
        ),
        (
            'local_id = "a"\n[config]\nlocal_id = "b"\n',
            "3: config.local_id: means the same as local_id",
        ),
        (
            _VENDOR + 'sftp_host = "h"\n',
            "4: sites.vendor.sftp_host: means the same as sites.vendor.host",
        ),
    ],
)
def test_a_key_and_its_alias_at_once_are_refused_by_both_names(
    machine: Machine, text: str, problem: str
) -> None:
    assert machine.problems(text) == [f"{problem}: leave one of the two out"]
