"""`config/example.toml` shows every setting there is, with its default."""

from __future__ import annotations

import importlib.resources
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined, to_jsonable_python

from config.load import load
from config.models import (
    Limits,
    Machine,
    Mongo,
    ProjectKeys,
    Settings,
    SiteKeys,
    StudioKeys,
)
from config.sources import Sources
from providers.table import PROVIDERS

_TEXT = (importlib.resources.files("config") / "example.toml").read_text(encoding="utf-8")
_SET = re.sub(r"^#(?=\S)", "", _TEXT, flags=re.MULTILINE)
_DATA: dict[str, Any] = tomllib.loads(_SET)
_OPTIONS = {name: kind.options for name, kind in PROVIDERS.items()}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """What the example says once every `#` before a setting is taken away."""
    file = tmp_path / "sitesync.toml"
    file.write_text(_SET, encoding="utf-8")
    return load(Sources(file, tmp_path / "machine.toml", {}), _OPTIONS)


def _tables() -> Iterator[tuple[str, type[BaseModel], Sequence[Mapping[str, Any]]]]:
    """Yield each model with the tables of the example that are read by it."""
    sites: dict[str, dict[str, Any]] = _DATA["sites"]
    yield "top", StudioKeys, [_DATA]
    yield "mongo", Mongo, [_DATA["mongo"]]
    yield "machine", Machine, [_DATA["machine"]]
    yield "limits", Limits, [_DATA["limits"]]
    yield "defaults", ProjectKeys, [_DATA["defaults"]]
    yield "sites.studio", SiteKeys, [sites["studio"]]
    for name, model in _OPTIONS.items():
        tables = [site for site in sites.values() if site.get("provider") == name]
        yield f"provider {name}", model, tables


def _default(model: type[BaseModel], field: str) -> list[object]:
    """Return a field's default as TOML would have it, in a list that is empty if there is none."""
    default = model.model_fields[field].get_default(call_default_factory=False)
    none = default is None or default is PydanticUndefined
    return [] if none else [to_jsonable_python(default)]


_FIELDS = [(field, model, tables) for _, model, tables in _tables() for field in model.model_fields]
_IDS = [f"{where}: {field}" for where, model, _ in _tables() for field in model.model_fields]


def test_as_it_is_it_sets_nothing() -> None:
    assert tomllib.loads(_TEXT) == {}


def test_with_everything_set_it_can_be_loaded(settings: Settings) -> None:
    assert not settings.problems()
    assert settings.project("Bunny").site("vendor").root == {"work": "/upload/bunny"}


@pytest.mark.parametrize(("field", "model", "tables"), _FIELDS, ids=_IDS)
def test_it_holds_every_setting(
    field: str, model: type[BaseModel], tables: Sequence[Mapping[str, Any]]
) -> None:
    assert any(field in table for table in tables)


@pytest.mark.parametrize(
    ("field", "model", "tables"), [row for row in _FIELDS if _default(row[1], row[0])]
)
def test_a_default_in_it_is_the_default(
    field: str, model: type[BaseModel], tables: Sequence[Mapping[str, Any]]
) -> None:
    shown = next(table[field] for table in tables if field in table)

    assert [shown] == _default(model, field)


def test_every_setting_is_explained_where_it_is_shown_first() -> None:
    lines = _TEXT.splitlines()
    first: dict[str, int] = {}
    for number, line in enumerate(lines):
        if setting := re.match(r"#(\w+) = ", line):
            first.setdefault(setting[1], number)

    assert [key for key, number in first.items() if not lines[number - 1].startswith("# ")] == []
