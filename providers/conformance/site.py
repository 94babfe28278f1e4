"""The site that the suite is run on from the command line: its settings, and a folder for each test."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from providers.base import Kind, Setup
from providers.plugins import PluginError
from providers.table import PROVIDERS

_OF_THE_SITE = ("provider", "root")


class UsageError(Exception):
    """What was given on the command line cannot be used; the text says why."""


@dataclass(frozen=True)
class TriedSite:
    """A kind of site, with what its settings say."""

    kind: Kind
    keys: Mapping[str, Any]

    @property
    def root(self) -> str:
        """Return the folder that the tests may use."""
        root = self.keys.get("root")
        if isinstance(root, str) and root:
            return root
        raise UsageError('--provider-settings need root = "…": a folder for these tests alone')

    def setup(self, folder: str, changes: Mapping[str, Any] | None = None) -> Setup:
        """Return what a provider is made from whose roots are below one folder of the root."""
        base = f"{self.root.rstrip('/')}/{folder}"
        keys = {**self.keys, **(changes or {})}
        roots = {"work": f"{base}/work", "bare": f"{base}/bare", "seed": f"{base}/bare/seed"}
        return Setup("tried", roots, _options(self.kind, keys))


def tried_site(name: str | None, given: Sequence[str]) -> TriedSite:
    """Return the site that the command line speaks of."""
    if not name:
        raise UsageError("name the provider to try: --provider=NAME")
    try:
        kind = PROVIDERS[name]
    except KeyError:
        raise UsageError(
            f"there is no provider {name!r}; this environment has: {', '.join(PROVIDERS)}"
        ) from None
    except PluginError as error:
        raise UsageError(str(error)) from error
    return TriedSite(kind, read_keys(given))


def read_keys(given: Sequence[str]) -> dict[str, Any]:
    """Return the keys of TOML files and of `key=value`, a later one winning."""
    keys: dict[str, Any] = {}
    for one in given:
        key, sign, value = one.partition("=")
        keys.update({key: _value(value)} if sign and key.isidentifier() else _file(Path(one)))
    return keys


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from error


def _options(kind: Kind, keys: Mapping[str, Any]) -> BaseModel:
    own = {key: value for key, value in keys.items() if key not in _OF_THE_SITE}
    try:
        return kind.options.model_validate(dict(_with_secrets(own, kind.options)))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        told = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong)
        raise UsageError(f"settings of provider {kind.name!r}: {told}") from None


def _with_secrets(keys: Mapping[str, Any], model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    """Yield keys with their values, those of `KEY_file` and `KEY_env` fetched from there."""
    for key, value in keys.items():
        name, _, way = key.rpartition("_")
        if key in model.model_fields or name not in model.model_fields:
            yield key, value
        elif way == "file":
            yield name, Path(value).expanduser().read_text(encoding="utf-8").strip()
        elif way == "env":
            yield name, os.environ[value]
        else:
            yield key, value
