"""Which of several words on one setting counts, and what `local` means."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from config.tables import Source, Table, merge, merge_all, table_of, unwrapped
from tests.config.conftest import Machine

_FILE = "[defaults]\nretry_count = 4\n"
_PROJECT = "[projects.Bunny]\nretry_count = 5\n"


def test_without_any_file_all_settings_have_their_defaults(machine: Machine) -> None:
    settings = machine.load()

    bunny = settings.project("Bunny")
    assert (bunny.active_site, bunny.remote_site, bunny.retry_count) == ("studio", "", 3)
    assert set(bunny.sites) == {"studio", "ws-1"}
    assert {site.provider for site in bunny.sites.values()} == {"local_drive"}


def test_the_file_counts_more_than_a_default(machine: Machine) -> None:
    assert machine.settings(_FILE).project("Bunny").retry_count == 4


def test_a_project_counts_more_than_the_defaults_of_its_file(machine: Machine) -> None:
    settings = machine.settings(_FILE + _PROJECT)

    assert settings.project("Bunny").retry_count == 5
    assert settings.project("Sintel").retry_count == 4


def test_the_machine_counts_more_than_a_project_of_the_studios_file(machine: Machine) -> None:
    machine.write_machine("[defaults]\nretry_count = 6\n")

    assert machine.settings(_FILE + _PROJECT).project("Bunny").retry_count == 6


def test_a_project_of_the_machine_counts_more_than_its_defaults(machine: Machine) -> None:
    machine.write_machine("[defaults]\nretry_count = 6\n[projects.Bunny]\nretry_count = 7\n")

    assert machine.settings(_FILE + _PROJECT).project("Bunny").retry_count == 7


def test_the_environment_counts_most(machine: Machine) -> None:
    machine.write_machine("[projects.Bunny]\nretry_count = 7\n")
    machine.environ["SITESYNC__DEFAULTS__RETRY_COUNT"] = "8"

    assert machine.settings(_FILE + _PROJECT).project("Bunny").retry_count == 8


# No path begins another one, so that no layer has a table where another has a value.
_PATHS = st.tuples(st.sampled_from("ab"), st.sampled_from("cd"), st.sampled_from("ef"))
_Leaves = dict[tuple[str, str, str], int]


def _layer(leaves: _Leaves) -> Table:
    data: dict[str, dict[str, dict[str, object]]] = {}
    for (first, second, third), value in leaves.items():
        data.setdefault(first, {}).setdefault(second, {})[third] = value
    return table_of(data, Source("x"))


@given(st.lists(st.dictionaries(_PATHS, st.integers()), min_size=1, max_size=5))
def test_of_each_value_the_last_layer_that_sets_it_counts(layers: list[_Leaves]) -> None:
    expected: _Leaves = {}
    for layer in layers:
        expected |= layer

    merged = merge_all(map(_layer, layers))

    assert unwrapped(merged) == unwrapped(_layer(expected))


def test_a_value_replaces_a_table_and_a_table_a_value() -> None:
    base = table_of({"root": {"work": "/a"}, "other": "/b"}, Source("base"))
    top = table_of({"root": "/c", "other": {"work": "/d"}}, Source("top"))

    assert unwrapped(merge(base, top)) == {"root": "/c", "other": {"work": "/d"}}


def test_what_is_merged_still_knows_where_it_was_written() -> None:
    base = table_of({"a": {"x": 1, "y": 1}}, Source("base"))
    top = table_of({"a": {"y": 2}}, Source("top"))

    both = merge(base, top).table("a").entries

    assert (both["x"].place, both["y"].place) == ("base", "top")


def test_local_is_the_machines_site_id_wherever_a_site_is_named(machine: Machine) -> None:
    settings = machine.settings(
        """
        [defaults]
        active_site = "local"
        remote_site = "local"
        always_accessible_on = ["local", "studio"]
        [sites.studio]
        alternative_sites = ["local"]
        """
    )

    bunny = settings.project("Bunny")
    assert (bunny.active_site, bunny.remote_site) == ("ws-1", "ws-1")
    assert bunny.always_accessible_on == ("ws-1", "studio")
    assert bunny.alternatives() == {"studio": ("ws-1",), "ws-1": ()}


def test_the_settings_of_local_are_those_of_the_machines_own_site(machine: Machine) -> None:
    settings = machine.settings(
        """
        [sites.local]
        transfers = 2
        [projects.Bunny]
        sites.local.transfers = 3
        """
    )

    assert settings.sites["ws-1"].transfers == 2
    assert settings.project("Bunny").site("ws-1").transfers == 3


def test_the_machines_own_name_counts_more_than_local(machine: Machine) -> None:
    machine.write_machine("[sites.ws-1]\ntransfers = 5\n[sites.local]\ntransfers = 2\n")

    assert machine.load().sites["ws-1"].transfers == 5


def test_a_machine_named_like_a_studio_site_is_that_site(machine: Machine) -> None:
    machine.environ["SITESYNC_SITE_ID"] = "studio"
    machine.write_machine('[sites.local]\nroot = "/home/me"\n')

    settings = machine.settings('[sites.studio]\nroot = "/mnt/projects"\n')

    assert settings.sites["studio"].root == {"": "/mnt/projects"}
    assert set(settings.sites) == {"studio"}


def test_loading_again_gives_equal_settings(machine: Machine) -> None:
    machine.write(_FILE + _PROJECT)

    assert machine.load() == machine.load()


def test_a_changed_file_is_read_anew(machine: Machine) -> None:
    before = machine.settings(_FILE)

    assert machine.settings(_FILE.replace("4", "9")) != before


def test_a_tilde_in_the_embedded_servers_path_is_the_home_folder(machine: Machine) -> None:
    settings = machine.settings('[mongo]\nmongod = "~/bin/mongod"')

    assert settings.mongo.mongod == Path.home() / "bin" / "mongod"


def test_the_whole_studio_can_be_switched_off(machine: Machine) -> None:
    settings = machine.settings("enabled = false\n[projects.Bunny]\nenabled = true\n")

    assert not settings.project("Bunny").enabled
    assert not settings.project("Sintel").enabled


def test_one_project_can_be_switched_off(machine: Machine) -> None:
    settings = machine.settings("[projects.Bunny]\nenabled = false\n")

    assert not settings.project("Bunny").enabled
    assert settings.project("Sintel").enabled
