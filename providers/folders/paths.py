"""
From a `Location` to a path on this machine, never one that leaves its root.

The folders below a root are looked at one by one: where none is a link, none can lead out.
Where one is, the real path decides.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from providers.base import Location, PermanentFileError, SiteError
from providers.names import components, windows_flaw

WINDOWS = sys.platform == "win32"
_LONG = "\\\\?\\"  # with it Windows takes paths of more than 260 characters


class Paths:
    """The paths of one site, whose settings tell the folder of a root by its name."""

    def __init__(self, site: str, folder_of: Callable[[str], str]) -> None:
        self._site = site
        self._folder_of = folder_of
        self._roots: dict[str, Path] = {}

    def root(self, name: str) -> Path:
        """Return the folder of a root."""
        if name not in self._roots:
            self._roots[name] = self._root(name)
        return self._roots[name]

    def names(self, where: Location) -> Sequence[str]:
        """Return the names that lead to a file, or refuse what this machine cannot hold."""
        names = components(where)
        if WINDOWS:
            _refuse_windows_flaws(where, names)
        return names

    def file(self, where: Location) -> Path:
        """Return the path of a file, which is below its root whatever links there are."""
        root, names = self.root(where.root), self.names(where)
        path = root / where.path
        if _has_link(root, names) and not _is_below(root, path):
            raise self._leads_out(where, root)
        return path

    def file_without_links(self, where: Location) -> Path:
        """
        Return the path of a file as it is without links, the root's own included.

        What is opened by it must lie at this very place: else it was exchanged meanwhile.
        """
        path, root = self.file(where), self.root(where.root)
        if WINDOWS:
            return path  # there, no open file is asked where it lies
        real = path.resolve()
        if not real.is_relative_to(os.path.realpath(root)):
            raise self._leads_out(where, root)
        return real

    def folder(self, root: str, folder: str) -> Path:
        """Return the path of a folder below a root, or of the root itself."""
        return self.file(Location(root, folder)) if folder else self.root(root)

    def _leads_out(self, where: Location, root: Path) -> PermanentFileError:
        return PermanentFileError(
            f"{where} at site {self._site!r} is refused: a link leads out of the root "
            f"{root}; remove the link, or publish to the place it leads to"
        )

    def _root(self, name: str) -> Path:
        folder = Path(self._folder_of(name)).expanduser()
        if not folder.is_absolute():
            raise SiteError(
                "settings",
                f"root {str(folder)!r} of site {self._site!r} must be a whole path, "
                "from / or a drive on",
            )
        return Path(_long(str(folder))) if WINDOWS else folder


def is_link(facts: os.stat_result) -> bool:
    """Return whether a name stands for another place: a link, or a junction of Windows."""
    attributes: int = getattr(facts, "st_file_attributes", 0)
    return stat.S_ISLNK(facts.st_mode) or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def _has_link(root: Path, names: Sequence[str]) -> bool:
    path = str(root)
    for name in names:
        path = f"{path}{os.sep}{name}"
        try:
            if is_link(os.lstat(path)):
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
    return False


def _is_below(root: Path, path: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root.resolve())
    except RuntimeError:  # links in a circle: Python 3.11 and 3.12 say it this way
        return False


def _refuse_windows_flaws(where: Location, parts: Sequence[str]) -> None:
    for part in parts:
        if flaw := windows_flaw(part):
            raise PermanentFileError(f"{where} is refused: {flaw}; rename it and publish it again")


def _long(path: str) -> str:
    if path.startswith(_LONG):
        return path
    if path.startswith("\\\\"):
        return f"{_LONG}UNC\\{path[2:]}"
    return f"{_LONG}{path}"
