"""
Roots: the folders of a site by name, each perhaps different from platform to platform.

`root = "/one"` is a single root named "". A folder on a disk may hold `~` and environment
variables; a folder on a service is taken as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import cast

from config.errors import nearest

PLATFORMS = ("linux", "windows", "darwin")

Folder = str | dict[str, str]
Roots = dict[str, Folder]

_POSIX_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_WINDOWS_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))|%(\w+)%")


def read_roots(value: object) -> Roots:
    """Return roots by name from any of the ways to write them; ValueError says what is wrong."""
    if isinstance(value, str):
        return {"": _read_path(value)}
    if not isinstance(value, dict):
        raise ValueError('must be a folder in quotes or a table like { work = "/projects" }')  # noqa: TRY004 - pydantic reports only ValueError
    table = cast("dict[str, object]", value)
    if table and table.keys() <= set(PLATFORMS):
        return {"": _read_folder("", table)}
    return {name: _read_folder(name, folder) for name, folder in table.items()}


def _read_folder(name: str, value: object) -> Folder:
    if isinstance(value, str):
        return _read_path(value)
    if not isinstance(value, dict):
        raise ValueError(f"root {name!r} must be a folder in quotes")  # noqa: TRY004 - pydantic reports only ValueError
    by_platform = cast("dict[str, object]", value)
    for platform, path in by_platform.items():
        if platform not in PLATFORMS:
            raise ValueError(f"unknown platform {platform!r}{nearest(platform, PLATFORMS)}")
        if not isinstance(path, str):
            raise ValueError(f"the folder for {platform} must be in quotes")  # noqa: TRY004 - pydantic reports only ValueError
    return {platform: _read_path(cast("str", path)) for platform, path in by_platform.items()}


def _read_path(path: str) -> str:
    r"""Refuse `"P:\new"`, which TOML reads as a line break, before it becomes a folder's name."""
    if any(ord(character) < 32 for character in path):
        raise ValueError("holds a control character; write \\ as / or use 'single quotes'")
    return path


def platform_of(system: str) -> str:
    """Return the platform whose folders are meant on a system as `sys.platform` names it."""
    return {"win32": "windows", "cygwin": "windows", "darwin": "darwin"}.get(system, "linux")


def folders_on(roots: Roots, platform: str) -> dict[str, str]:
    """Return the folder of each root on a platform; ValueError where one has none."""
    return {name: _folder_on(name, folder, platform) for name, folder in roots.items()}


def _folder_on(name: str, folder: Folder, platform: str) -> str:
    path = folder if isinstance(folder, str) else folder.get(platform, "")
    if not path:
        shown = f"root {name!r}" if name else "the root"
        raise ValueError(f"{shown} has no folder for {platform}")
    return path


def on_disk(folder: str, platform: str, environ: Mapping[str, str]) -> str:
    """Return a folder with `~` and variables filled in; ValueError if that is no full path."""
    filled = _filled(folder, platform, environ)
    pure = PureWindowsPath(filled) if platform == "windows" else PurePosixPath(filled)
    if not pure.is_absolute():
        raise ValueError(f"{folder!r} is not a full path on {platform}")
    return filled


def _filled(folder: str, platform: str, environ: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = next(group for group in match.groups() if group)
        if name not in environ:
            raise ValueError(f"{folder!r} names the environment variable {name}, which is not set")
        return environ[name]

    pattern = _WINDOWS_VARIABLE if platform == "windows" else _POSIX_VARIABLE
    filled = pattern.sub(value, folder)
    try:
        return str(Path(filled).expanduser()) if filled.startswith("~") else filled
    except RuntimeError:
        raise ValueError(f"{folder!r}: no home folder is known for this user") from None
