"""Where files, staged bytes and markers lie on a remote: a file system of rclone's, and a path there."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import lru_cache

from providers.base import (
    MARKER_NAME,
    Handle,
    Location,
    PermanentFileError,
    Setup,
    SiteError,
)
from providers.names import components, staged_name

# rclone writes these in other characters, and not back everywhere; \u201b is what it escapes with,
# \ufffd stands for what is not Unicode.
_UNKEPT = re.compile("[\x00-\x1f\x7f\u201b\ufffd]")


@dataclass(frozen=True, slots=True)
class Place:
    """A file on a remote: the file system that is its root there, and its path below that."""

    fs: str
    path: str


class Places:
    """Turns locations into places."""

    def __init__(self, setup: Setup, remote: str) -> None:
        self._setup = setup
        self._remote = remote

    @property
    def top(self) -> str:
        """The remote itself, in which all roots are."""
        name, _, folder = self._remote.partition(":")
        return f"{name}:{folder}"

    def fs(self, root: str) -> str:
        """Return a root as rclone names it: `dropbox:Projects/work`."""
        name, _, folder = self._remote.partition(":")
        below = self._setup.root(root)
        path = f"{folder.rstrip('/')}/{below.strip('/')}".rstrip("/") if folder else below
        if "]" in path:
            raise SiteError(
                "settings",
                f"site {self._setup.site!r}: rclone serves no folder with a ] in its name, such as "
                f"{path!r}; rename it",
            )
        return f"{name}:{path}"

    def place(self, where: Location) -> Place:
        """Return where a file lies, or refuse a path that rclone cannot keep."""
        return Place(self.fs(where.root), _checked(where))

    def staged(self, handle: Handle) -> Place:
        """Return where staged bytes lie: beside their target."""
        place = self.place(handle.where)
        folder, slash, _ = place.path.rpartition("/")
        return Place(place.fs, f"{folder}{slash}{staged_name(handle.claim)}")

    def marker(self, root: str) -> Place:
        """Return where a root's marker lies."""
        return Place(self.fs(root), MARKER_NAME)


def refuse_links(site: str, where: Location, top: str) -> None:
    """
    Refuse what a symbolic link leads out of its root `top`, a folder of this machine. Blocks.

    rclone follows links to folders, and takes links to files for something else than they are.
    """
    path = os.path.join(top, *components(where))  # noqa: PTH118 - thrice as fast
    folder, end = os.path.realpath(os.path.dirname(path)), os.path.realpath(top)  # noqa: PTH120
    inside = folder == end or folder.startswith(end.rstrip(os.sep) + os.sep)
    if not inside or os.path.islink(path):  # noqa: PTH114
        raise PermanentFileError(
            f"{where} at site {site!r} is refused: a symbolic link leads there; remove that link"
        )


def is_kept(name: str) -> bool:
    """Return whether rclone keeps a name as it is."""
    return not _UNKEPT.search(name)


@lru_cache(4096)
def _checked(where: Location) -> str:
    """Check a path, once for the many times that a transfer names it."""
    path = "/".join(components(where))
    if not is_kept(path):
        raise PermanentFileError(
            f"{str(where)!r} is refused: rclone keeps no control character, \u201b or \ufffd in a name; "
            "rename the file"
        )
    return path
