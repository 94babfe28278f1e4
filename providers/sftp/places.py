"""Where files, staged bytes and markers lie on the server, as paths. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from providers.base import MARKER_NAME, Location, PermanentFileError, Setup
from providers.names import components, staged_name

_DRIVE = re.compile(r"[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Place:
    """A file on the server: its root, and the names that lead from there to it."""

    where: Location
    root: bytes
    names: tuple[bytes, ...]

    @property
    def folder(self) -> bytes:
        """The path of the folder that holds it."""
        return self.folders[-1]

    @property
    def folders(self) -> list[bytes]:
        """The root, and each folder below it that leads to the file."""
        names = range(len(self.names))
        return [b"/".join((self.root, *self.names[:count])) or b"/" for count in names]

    @property
    def path(self) -> bytes:
        """Its path."""
        return b"/".join((self.root, *self.names))

    @property
    def marker(self) -> bytes:
        """The path of its root's marker."""
        return marker_below(self.root)

    def staged(self, claim: str) -> bytes:
        """Return the path that the staged bytes of a claim have."""
        return b"/".join((self.root, *self.names[:-1], staged_name(claim).encode()))


class Places:
    """Turns locations into paths; roots without a leading slash lie below the login's folder."""

    def __init__(self, setup: Setup, home: bytes) -> None:
        self._setup = setup
        self._home = home.rstrip(b"/")

    def root(self, name: str) -> bytes:
        """Return the absolute path of a root, without a slash at its end."""
        folder = self._setup.root(name).replace("\\", "/").rstrip("/")
        if _DRIVE.match(folder):
            return f"/{folder}".encode()  # as OpenSSH on Windows has it
        if self._setup.root(name).startswith("/"):
            return folder.encode()
        below = folder.removeprefix(".").removeprefix("/")
        return self._home + (b"/" + below.encode() if below else b"")

    def marker(self, name: str) -> bytes:
        """Return the path of a root's marker."""
        return marker_below(self.root(name))

    def place(self, where: Location) -> Place:
        """Return where a file lies, or refuse a path that may leave its root."""
        return Place(where, self.root(where.root), _names(where))


@lru_cache(4096)
def _names(where: Location) -> tuple[bytes, ...]:
    """Check a path, once for the many times that a transfer names it."""
    names = components(where)
    if ".." in re.split(r"[/\\]", where.path):
        # A server on Windows takes a backslash for a slash.
        raise PermanentFileError(f"{where} is refused: '..' would leave its root")
    return tuple(name.encode() for name in names)


def marker_below(root: bytes) -> bytes:
    """Return the path of the marker of a root."""
    return root + b"/" + MARKER_NAME.encode()
