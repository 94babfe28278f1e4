"""
Loading: find the files, read the layers, resolve them. Called again, it reads all anew.

The layers, a later one winning: built-in values, the studio's file, the machine's own
`machine.toml` in the user's configuration folder, the environment.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from pydantic import BaseModel

from config.aliases import canonical
from config.environment import read_environment
from config.errors import SettingsError
from config.models import LOCAL_DRIVE, Settings
from config.problems import Problems
from config.resolve import resolve
from config.site_id import keep_new_site_id
from config.tables import Source, Table, merge_all, table_of
from config.toml_file import NoFileError, read_table
from config.views import LOCAL, Layers

FILE_NAME = "sitesync.toml"
MACHINE_FILE_NAME = "machine.toml"

_BUILT_IN = {
    "sites": {
        "studio": {"provider": LOCAL_DRIVE},
        LOCAL: {"provider": LOCAL_DRIVE, "on_missing": "forget"},  # artists tidy up their disks
    }
}
_NOTHING = Table((), Source("no file"), {})


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings are read from; `file` is None where the studio has none."""

    file: Path | None
    machine_file: Path
    environ: Mapping[str, str]


def find(config: Path | None = None) -> Sources:
    """
    Return the sources of this process's settings.

    The file is `config`, else what SITESYNC_CONFIG names, else `sitesync.toml` here, else
    the one in the user's configuration folder. One that was named and is not there is a
    `SettingsError`; none at all is fine.
    """
    folder = platformdirs.user_config_path("sitesync", appauthor=False)
    file = config or _path(os.environ.get("SITESYNC_CONFIG"))
    if file and not _is_there(file):
        by = "--config" if config else "SITESYNC_CONFIG"
        raise SettingsError([f"{file}: there is no such settings file ({by} names it)"])
    if file is None:
        file = next(filter(_is_there, (Path(FILE_NAME), folder / FILE_NAME)), None)
    return Sources(file and file.absolute(), folder / MACHINE_FILE_NAME, os.environ)


def _path(name: str | None) -> Path | None:
    return Path(name).expanduser() if name else None


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except PermissionError:
        return True  # reading it will say what is wrong


def load(sources: Sources, providers: Mapping[str, type[BaseModel]]) -> Settings:
    """
    Return the settings that the sources hold; `SettingsError` tells all that is wrong.

    `providers` has, for each provider, the model of its own keys under `[sites.NAME]`; it is
    asked for those that sites have, and may raise `UnusableProviderError`. A machine without a site id gets one, which is kept in its `machine.toml`.
    """
    problems = Problems()
    layers = _layers(sources, problems)
    if "site_id" not in layers.merged().table("machine").entries:
        keep_new_site_id(sources.machine_file)
        layers = _layers(sources, problems)
    return resolve(layers, providers, sources.environ, problems)


def _layers(sources: Sources, problems: Problems) -> Layers:
    built_in = table_of(_BUILT_IN, Source("built-in settings"))
    studio = canonical(read_table(sources.file) if sources.file else _NOTHING, problems)
    machine = canonical(_read_if_any(sources.machine_file), problems)
    below = merge_all((built_in, studio, machine))
    environment = canonical(read_environment(sources.environ, below), problems)
    return Layers(shared=(built_in, studio), own=(machine, environment))


def _read_if_any(file: Path) -> Table:
    try:
        return read_table(file)
    except NoFileError:
        return _NOTHING
