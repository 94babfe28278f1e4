"""Secrets: from three places, from one at a time, and never shown."""

from __future__ import annotations

import traceback

import pytest
from pydantic import BaseModel, SecretStr

from config.credentials import secret_keys
from config.errors import SettingsError
from tests.config.conftest import Machine, ServerOptions

_VENDOR = '[sites.vendor]\nprovider = "sftp"\nhost = "h"\n'
_SECRET = "correct horse battery"


def _password(machine: Machine, project: str = "Bunny") -> str:
    options = machine.load().project(project).site("vendor").options
    assert isinstance(options, ServerOptions)
    assert options.password is not None
    return options.password.get_secret_value()


def test_a_secret_may_stand_in_the_file(machine: Machine) -> None:
    machine.write(f'{_VENDOR}password = "{_SECRET}"\n')

    assert _password(machine) == _SECRET


def test_a_secret_may_stand_in_a_file_of_its_own_beside_the_settings(machine: Machine) -> None:
    (machine.folder / "vendor.txt").write_text(f"{_SECRET}\n", encoding="utf-8")
    machine.write(f'{_VENDOR}password_file = "vendor.txt"\n')

    assert _password(machine) == _SECRET


def test_a_secret_file_may_lie_in_the_home_folder(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = machine.folder / "home"
    home.mkdir()
    (home / "vendor.txt").write_text(_SECRET, encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    machine.write(f'{_VENDOR}password_file = "~/vendor.txt"\n')

    assert _password(machine) == _SECRET


def test_a_secret_may_stand_in_an_environment_variable_that_is_named(machine: Machine) -> None:
    machine.environ["VENDOR_PASSWORD"] = _SECRET
    machine.write(f'{_VENDOR}password_env = "VENDOR_PASSWORD"\n')

    assert _password(machine) == _SECRET


def test_a_secret_may_be_set_by_the_environment(machine: Machine) -> None:
    machine.environ["SITESYNC__SITES__VENDOR__PASSWORD"] = _SECRET
    machine.write(_VENDOR)

    assert _password(machine) == _SECRET


def test_a_secret_may_be_one_projects_own(machine: Machine) -> None:
    machine.environ["BUNNY"] = "bunny's"
    machine.write(
        f'{_VENDOR}password = "{_SECRET}"\n[projects.Bunny.sites.vendor]\npassword_env = "BUNNY"\n'
    )

    assert _password(machine) == "bunny's"
    assert _password(machine, "Sintel") == _SECRET


def test_the_machines_secret_counts_more_than_the_studios_secret_file(machine: Machine) -> None:
    (machine.folder / "vendor.txt").write_text("the studio's", encoding="utf-8")
    machine.write(f'{_VENDOR}password_file = "vendor.txt"\n')
    machine.write_machine(f'[sites.vendor]\nsftp_pass = "{_SECRET}"\n')

    assert _password(machine) == _SECRET


def test_two_places_for_one_secret_are_refused(machine: Machine) -> None:
    machine.environ["X"] = _SECRET

    problems = machine.problems(f'{_VENDOR}password_env = "X"\npassword = "{_SECRET}"\n')

    assert problems == [
        "5: sites.vendor.password: is given by sites.vendor.password_env too: leave one of them out"
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('password_file = "nowhere.txt"', "nowhere.txt: cannot be read: "),
        ('password_env = "NOWHERE"', "the environment variable NOWHERE is not set"),
        ("password_file = 5", "must be text in quotes"),
    ],
)
def test_a_secret_that_is_not_where_it_should_be_is_told_with_its_key(
    machine: Machine, line: str, why: str
) -> None:
    (problem,) = machine.problems(_VENDOR + line)

    assert problem.startswith(f"4: sites.vendor.{line.split(maxsplit=1)[0]}: ")
    assert why in problem


def test_the_address_of_the_database_may_be_in_a_file(machine: Machine) -> None:
    (machine.folder / "uri").write_text("mongodb://u:p@db\n", encoding="utf-8")

    uri = machine.settings('[mongo]\nuri_file = "uri"').mongo.uri

    assert uri == SecretStr("mongodb://u:p@db")


def test_the_environments_address_counts_more_than_the_files_uri_file(machine: Machine) -> None:
    machine.environ["SITESYNC_MONGO_URI"] = "mongodb://other"
    (machine.folder / "uri").write_text("mongodb://db", encoding="utf-8")

    uri = machine.settings('[mongo]\nuri_file = "uri"').mongo.uri

    assert uri == SecretStr("mongodb://other")


def test_an_address_that_is_none_of_mongodbs_is_refused_unshown(machine: Machine) -> None:
    problems = machine.problems(f'[mongo]\nuri = "postgres://u:{_SECRET}@db"')

    assert problems == ["2: mongo.uri: must begin with mongodb:// or mongodb+srv://"]


def test_no_secret_is_in_anything_that_is_printed(machine: Machine) -> None:
    settings = machine.settings(
        f'[mongo]\nuri = "mongodb://u:{_SECRET}@db"\n{_VENDOR}password = "{_SECRET}"\n'
        f'[projects.Bunny.sites.vendor]\npassword = "{_SECRET}2"\n'
    )

    shown = (repr(settings), str(settings), settings.model_dump_json(), str(settings.model_dump()))
    assert not any(_SECRET in text for text in shown)
    assert "password" in settings.model_dump_json()


@pytest.mark.parametrize(
    "text",
    [
        f'{_VENDOR}password = ["{_SECRET}"]',
        f'{_VENDOR}passwort = "{_SECRET}"',
        f'{_VENDOR}password = {{ value = "{_SECRET}" }}',
        f'{_VENDOR}password = "{_SECRET}"\nport = "{_SECRET}"',
        f'{_VENDOR}password = "{_SECRET}"\npassword = 1',
        f'{_VENDOR}password = "{_SECRET}',
        f'{_VENDOR}password = "{_SECRET}"\nsftp_pass = "{_SECRET}"',
        f'[sites.vendro]\npassword = "{_SECRET}"',
        f'[mongo]\nuri = "{_SECRET}"',
        f'retry_cnt = "{_SECRET}"',
    ],
)
def test_no_secret_is_in_an_error(machine: Machine, text: str) -> None:
    machine.write(text)

    with pytest.raises(SettingsError) as raised:
        machine.load()

    assert _SECRET not in "".join(traceback.format_exception(raised.value))
    assert _SECRET not in repr(raised.value)


def test_only_secret_fields_may_lie_elsewhere() -> None:
    class Options(BaseModel):
        token: SecretStr
        maybe: SecretStr | None = None
        open: str = ""

    assert secret_keys(Options) == ["token", "maybe"]
