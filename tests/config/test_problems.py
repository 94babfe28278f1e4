"""What is wrong is told at once: file, line, key, why in plain words, and the nearest name."""

from __future__ import annotations

import json

import pytest

from tests.config.conftest import Machine

_VENDOR = '[sites.vendor]\nprovider = "sftp"\nhost = "h"\n'


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("enabeld = true", "1: enabeld: unknown key (did you mean 'enabled'?)"),
        ("[machin]", "1: machin: unknown key (did you mean 'machine'?)"),
        (
            "[mongo]\ndatabse = 'x'",
            "2: mongo.databse: unknown key (did you mean 'database'?)",
        ),
        (
            "[projects.Bunny]\nremote_sit = 'x'",
            "2: projects.Bunny.remote_sit: unknown key (did you mean 'remote_site'?)",
        ),
        (
            _VENDOR + "hots = 'x'",
            "4: sites.vendor.hots: unknown key (did you mean 'host'?)",
        ),
        (
            _VENDOR + "sftp_pas = 'x'",
            "4: sites.vendor.sftp_pas: unknown key (did you mean 'sftp_pass'?)",
        ),
        (
            _VENDOR + "password_fiel = 'x'",
            "4: sites.vendor.password_fiel: unknown key (did you mean 'password_file'?)",
        ),
        (
            _VENDOR + "trust_sise = true",
            "4: sites.vendor.trust_sise: unknown key (did you mean 'trust_size'?)",
        ),
        (
            "[limits]\nqqq = 1",
            "2: limits.qqq: unknown key (known: bandwidth)",
        ),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest_known_one(
    machine: Machine, text: str, problem: str
) -> None:
    assert machine.problems(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            'remote_site = "vendro"\n' + _VENDOR,
            "1: remote_site: unknown site 'vendro' (did you mean 'vendor'?)",
        ),
        (
            '[projects.Bunny]\nactive_site = "studoi"',
            "2: projects.Bunny.active_site: unknown site 'studoi' (did you mean 'studio'?)",
        ),
        (
            '[defaults]\nalways_accessible_on = ["studio", "lokal"]',
            "2: defaults.always_accessible_on: unknown site 'lokal' (did you mean 'local'?)",
        ),
        (
            _VENDOR + 'alternative_sites = ["studdio"]',
            "4: sites.vendor.alternative_sites: unknown site 'studdio' (did you mean 'studio'?)",
        ),
        (
            _VENDOR + '[sites.vendro]\nhost = "x"',
            "4: sites.vendro: unknown site 'vendro' (did you mean 'vendor'?); "
            "a new site needs a provider",
        ),
    ],
)
def test_an_unknown_site_is_told_with_the_nearest_known_one(
    machine: Machine, text: str, problem: str
) -> None:
    assert machine.problems(text) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("retry_cnt = 'often'", "1: retry_cnt: must be a whole number"),
        ("[defaults]\nretry_count = 0", "2: defaults.retry_count: must be at least 1"),
        ("[defaults]\nretry_count = 1.5", "2: defaults.retry_count: must be a whole number"),
        (
            "[defaults]\nreconcile_interval = 0",
            "2: defaults.reconcile_interval: must be greater than 0",
        ),
        (
            '[defaults]\nalways_accessible_on = "studio"',
            '2: defaults.always_accessible_on: must be a list like ["one", "two"]',
        ),
        (
            "[defaults]\nalways_accessible_on = [1]",
            "2: defaults.always_accessible_on: must be text in quotes",
        ),
        ("enabled = 'perhaps'", "1: enabled: must be true or false"),
        (
            '[limits]\nbandwidth = "fast"',
            '2: limits.bandwidth: must be a number of bytes or a size like "20MiB"',
        ),
        (
            '[limits]\nbandwidth = "20 parrots"',
            '2: limits.bandwidth: must be a number of bytes or a size like "20MiB"',
        ),
        ("[mongo]\nmongod = 5", "2: mongo.mongod: must be a path in quotes"),
        (
            '[mongo]\nmongod = "~nobody-of-that-name/mongod"',
            "2: mongo.mongod: no home folder is known for this user",
        ),
        ("[limits]\nbandwidth = 0", "2: limits.bandwidth: must be greater than 0"),
        ("[sites.studio]\ntransfers = 0", "2: sites.studio.transfers: must be at least 1"),
        ("[sites.studio]\nprovider = 5", "2: sites.studio.provider: must be text in quotes"),
        ("mongo = 5", "1: mongo: must be a table"),
        ("[sites]\nvendor = 5", "2: sites.vendor: must be a table"),
        ("[projects]\nBunny = 5", "2: projects.Bunny: must be a table"),
        ("[projects.Bunny]\nsites = 5", "2: projects.Bunny.sites: must be a table"),
        (
            "[projects.Bunny.sites]\nvendor = 5",
            "2: projects.Bunny.sites.vendor: must be a table",
        ),
        ('[mongo]\ndatabase = ""', "2: mongo.database: must not be empty"),
        ('[sites.vendor]\nprovider = "sftp"', "1: sites.vendor.host: is missing"),
        (_VENDOR + "port = 0", "4: sites.vendor.port: must be at least 1"),
    ],
)
def test_what_is_wrong_with_a_value_is_told_in_plain_words(
    machine: Machine, text: str, problem: str
) -> None:
    assert machine.problems(text) == [problem]


def test_a_name_with_a_space_is_shown_as_toml_writes_it(machine: Machine) -> None:
    assert machine.problems('[projects."My Show"]\nretry_count = 0') == [
        '2: projects."My Show".retry_count: must be at least 1'
    ]


def test_everything_wrong_is_told_at_once_in_the_order_of_the_file(machine: Machine) -> None:
    machine.environ["SITESYNC__LIMITS__BANDWIDTH"] = "much"
    machine.write_machine("[defaults]\nretry_count = 0\n")

    problems = machine.problems("[projects.Bunny]\nretry = 1\nactive_site = 'x'\nenabled = 7\n")

    assert sorted(problems) == sorted(
        [
            "2: projects.Bunny.retry: unknown key (did you mean 'retry_count'?)",
            "3: projects.Bunny.active_site: unknown site 'x' (known: local, studio, ws-1)",
            "4: projects.Bunny.enabled: must be true or false",
            f"{machine.machine_file}:2: defaults.retry_count: must be at least 1",
            "environment variable SITESYNC__LIMITS__BANDWIDTH: limits.bandwidth: "
            'must be a number of bytes or a size like "20MiB"',
        ]
    )
    assert [line for line in problems if line[0].isdigit()] == sorted(
        line for line in problems if line[0].isdigit()
    )


def test_what_all_projects_share_is_told_once(machine: Machine) -> None:
    problems = machine.problems(
        "[defaults]\nretry_count = 0\n[projects.A]\nenabled = true\n[projects.B]\nenabled = true\n"
    )

    assert problems == ["2: defaults.retry_count: must be at least 1"]


def test_a_value_that_a_later_layer_replaces_is_not_judged(machine: Machine) -> None:
    machine.write_machine("[defaults]\nretry_count = 2\n")

    assert machine.settings("[defaults]\nretry_count = 0\n").project("A").retry_count == 2


def test_a_machine_may_not_call_itself_local(machine: Machine) -> None:
    machine.environ.clear()

    (problem,) = machine.problems('[machine]\nsite_id = "local"')

    assert problem.startswith("2: machine.site_id: 'local' means each machine's own site")


@pytest.mark.parametrize("key", ["database", "state_database"])
@pytest.mark.parametrize("name", ["a b", "a.b", "a/b", "a\\b", "a$b", 'a"b', "a\0b"])
def test_what_mongodb_calls_no_database_is_none(machine: Machine, key: str, name: str) -> None:
    written = json.dumps(name)

    assert machine.problems(f"[mongo]\n{key} = {written}") == [
        f'2: mongo.{key}: must hold no space and none of / \\ . " $'
    ]


@pytest.mark.parametrize(
    "written", ['state_database = "Avalon"', 'database = "sitesync"', 'database = "SiteSync"']
)
def test_state_has_a_database_of_its_own(machine: Machine, written: str) -> None:
    key = written.partition(" ")[0]

    assert machine.problems(f"[mongo]\n{written}") == [
        f"2: mongo.{key}: database and state_database must differ, and not only in case"
    ]
