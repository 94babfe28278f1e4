"""Who else may write what decides where files go: settings, and the keys that they name."""

from __future__ import annotations

import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from config.models import Settings
from config.sources import Sources
from reactor.cli.checks.finding import Finding, ok, warning

_ABOUT = "rights"


def check_rights(settings: Settings, sources: Sources) -> Iterator[Finding]:
    """
    Yield which files of the settings others may write, and which secrets everybody may read.

    Warnings, no more: a studio may trust a group with its settings. Private SSH keys are another
    matter: the provider refuses those that others may read, as ssh does.
    """
    if sys.platform == "win32":
        return  # rights are no bits there
    files = [file for file in (sources.file, sources.machine_file) if file]
    secret = [*settings.secret_files, *_key_files(settings)]
    found = [warned for file in (*files, *secret) if (warned := _written_by_others(file))]
    found += [warned for file in secret if (warned := _read_by_all(file))]
    yield from found or [ok(_ABOUT, "nobody but its owner may write what decides where files go")]


def _key_files(settings: Settings) -> list[Path]:
    """Return the key files that sites log in with, of whatever kind they are, each once."""
    views = (settings.defaults, *settings.projects.values())
    options = (site.options for view in views for site in view.sites.values())
    named = (getattr(one, "key_file", None) for one in options)
    return list(dict.fromkeys(file for file in named if isinstance(file, Path)))


def _written_by_others(file: Path) -> Finding | None:
    """Return what is to be told of a file that others may write, or put another in its place."""
    mode, folder = _mode(file), _mode(file.parent)
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        return warning(
            _ABOUT,
            f"{file} may be written by others than its owner; it decides where files go",
            f"unless they are trusted with that, run: chmod go-w {file}",
        )
    if mode and folder & stat.S_IWOTH and not folder & stat.S_ISVTX:
        return warning(
            _ABOUT,
            f"anybody may put another file in the place of {file}; it decides where files go",
            f"run: chmod o-w {file.parent}",
        )
    return None


def _read_by_all(file: Path) -> Finding | None:
    if not _mode(file) & stat.S_IROTH:
        return None
    return warning(
        _ABOUT,
        f"{file} holds a secret that everybody on this machine may read",
        f"chmod 600 {file}",
    )


def _mode(path: Path) -> int:
    """Return the rights of a file; none where there is no such file."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
