"""Settings models of other packages run code of their own while settings are read."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, SecretStr, model_validator

from config.errors import SettingsError
from config.load import load
from config.models import Settings
from config.sources import Sources
from tests.config.conftest import PROVIDERS, Machine

_CLOUD = """
[sites.cloud]
provider = "odd"
password = "Tr0ub4dor"
root = "/cloud"
"""


class Doubtful(BaseModel):
    password: SecretStr

    @model_validator(mode="after")
    def _refuse(self) -> Doubtful:
        raise ValueError(f"{self.password.get_secret_value().lower()} is too short")


class Broken(BaseModel):
    password: SecretStr

    @model_validator(mode="after")
    def _fail(self) -> Broken:
        raise KeyError(self.password.get_secret_value())


def _load(machine: Machine, model: type[BaseModel]) -> Settings:
    machine.write(_CLOUD)
    sources = Sources(machine.file, machine.machine_file, machine.environ)
    return load(sources, {**PROVIDERS, "odd": model})


def test_what_a_model_says_shows_no_secret(machine: Machine) -> None:
    with pytest.raises(SettingsError) as raised:
        _load(machine, Doubtful)

    assert "******** is too short" in str(raised.value)


def test_a_model_that_fails_is_the_problem_of_its_own_site(machine: Machine) -> None:
    settings = _load(machine, Broken)

    (problem,) = settings.problems()
    assert problem == settings.sites["cloud"].problem
    assert "provider 'odd' fails on these settings (KeyError)" in problem
    assert settings.sites["studio"].problem is None
