"""
Secrets, and the spellings of keys, of one pydantic model's table in one layer.

For each secret key `X` there are also `X_file`, a file that holds nothing else, and
`X_env`, the name of an environment variable. Only one of the three may be given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import get_args

from pydantic import AliasChoices, BaseModel, SecretStr

from config.aliases import rename
from config.errors import SettingsError, dotted
from config.problems import Problems
from config.tables import Node, Table, Value
from config.toml_file import read_text


def spellings(model: type[BaseModel]) -> dict[str, str]:
    """Return the field that each other spelling of a model's keys stands for."""
    return dict(_spellings(model))


def _spellings(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, known in model.model_fields.items():
        alias = known.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias]
        yield from ((choice, name) for choice in choices if isinstance(choice, str))


def secret_keys(model: type[BaseModel]) -> list[str]:
    """Return the names of a model's secret fields."""
    fields = model.model_fields.items()
    return [name for name, known in fields if _is_secret(known.annotation)]


def _is_secret(annotation: object) -> bool:
    return annotation is SecretStr or any(_is_secret(part) for part in get_args(annotation))


def secrets_in(table: Table, model: type[BaseModel]) -> list[str]:
    """Return the secrets that a table has for a model."""
    found = table.only(secret_keys(model)).entries.values()
    values = [node.value for node in found if isinstance(node, Value)]
    return [value for value in values if isinstance(value, str) and value]


def known_keys(model: type[BaseModel]) -> set[str]:
    """Return every key that may be written for a model, aliases left out."""
    fields = set(model.model_fields)
    return fields | {f"{key}_{way}" for key in secret_keys(model) for way in ("file", "env")}


@dataclass(frozen=True, slots=True)
class Speller:
    """Brings tables to their models' own keys, with secrets fetched from where they lie."""

    environ: Mapping[str, str]
    problems: Problems
    files: dict[Path, None] = field(default_factory=dict[Path, None])
    """The files that secrets were fetched from, each once."""

    def spelled(self, table: Table, model: type[BaseModel]) -> Table:
        """Return a table with a model's own keys, and its secrets in their place."""
        table = rename(table, spellings(model), self.problems)
        for key in secret_keys(model):
            table = self._with_secret(table, model, key)
        return table

    def _with_secret(self, table: Table, model: type[BaseModel], key: str) -> Table:
        elsewhere = [way for way in (f"{key}_file", f"{key}_env") if way not in model.model_fields]
        given = table.only((key, *elsewhere)).entries
        if len(given) > 1:
            first, *others = given.values()
            names = " and ".join(dotted(other.written) for other in others)
            self.problems.add(first, f"is given by {names} too: leave one of them out")
        for way in given.keys() & set(elsewhere):
            fetched = self._fetched(given[way], from_file=way.endswith("_file"))
            table = table.with_entry(key, fetched) if fetched else table.without(key)
        return table

    def _fetched(self, node: Node, *, from_file: bool) -> Value | None:
        if not isinstance(node, Value) or not isinstance(node.value, str):
            self.problems.add(node, "must be text in quotes")
            return None
        try:
            secret = self._from_file(node, node.value) if from_file else self.environ[node.value]
        except SettingsError as error:
            self.problems.add(node, str(error))
        except KeyError:
            self.problems.add(node, f"the environment variable {node.value} is not set")
        else:
            return replace(node, value=secret.strip())
        return None

    def _from_file(self, node: Node, name: str) -> str:
        path = Path(name)
        try:
            path = node.source.folder / path.expanduser()
        except RuntimeError:
            raise SettingsError([f"{name}: no home folder is known for this user"]) from None
        self.files[path] = None
        return read_text(path)
