"""Where settings are read from. Whoever completes a word imports this: it costs next to nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from config.errors import SettingsError

FILE_NAME = "sitesync.toml"
MACHINE_FILE_NAME = "machine.toml"


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
