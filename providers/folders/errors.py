"""
What the operating system's errors mean to a site and to an artist: one table.

Everything that leaves this package is a `ProviderError`; an `OSError` that is not in the
table may pass, so it is a failure of the file that is tried again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from providers.base import (
    FileError,
    Handle,
    Location,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    RevokedError,
    SiteError,
)
from providers.folders import markers

_Meaning = str | tuple[type[FileError], str]  # a kind of the site's failure, or one of the file

# What is said where the whole site is to blame: the kind, and what to do.
_SITE = {
    "full": "the disk is full: make room on it",
    "quota": "the quota is used up: make room, or ask for more",
    "read-only": "the disk is mounted read-only: mount it for writing",
    "unreachable": "the disk does not answer: check the mount, the cable or the network",
    "rate": "too many files are open: raise the limit (`ulimit -n`) or lower `transfers`",
}

_SITE_NUMBERS = {
    "ENOSPC": "full",
    "EDQUOT": "quota",
    "EROFS": "read-only",
    "EIO": "unreachable",
    "ESTALE": "unreachable",
    "ENOTCONN": "unreachable",
    "ETIMEDOUT": "unreachable",
    "EHOSTDOWN": "unreachable",
    "EHOSTUNREACH": "unreachable",
    "ENODEV": "unreachable",
    "ENXIO": "unreachable",
    "EMFILE": "rate",
    "ENFILE": "rate",
}

_FILE_NUMBERS: dict[str, tuple[type[FileError], str]] = {
    "ENOENT": (MissingFileError, "it is not there: publish it again"),
    "ENAMETOOLONG": (PermanentFileError, "the name is too long for this disk: shorten it"),
    "EILSEQ": (PermanentFileError, "this disk cannot hold such a name: rename it"),
    "EINVAL": (PermanentFileError, "this disk cannot hold such a name: rename it"),
    "EISDIR": (PermanentFileError, "a folder stands in its place: move it away"),
    "ENOTEMPTY": (PermanentFileError, "a folder stands in its place: move it away"),
    "ENOTDIR": (PermanentFileError, "a file stands where a folder has to be: move it away"),
    "ELOOP": (PermanentFileError, "its links lead in a circle: remove them"),
    "EFBIG": (PermanentFileError, "it is too large for this disk's file system"),
    "EACCES": (PermanentFileError, "permission denied: ask its owner for the right to it"),
    "EPERM": (PermanentFileError, "permission denied: ask its owner for the right to it"),
    "EEXIST": (FileError, "it is staged already under this claim"),
}

# Windows tells more by its own numbers, and most of these would be taken for EACCES or ENOENT.
_BUSY = (FileError, "another program has it open, or we have no right to it: close it there")
_WINDOWS: dict[int, _Meaning] = {
    4: "rate",
    5: _BUSY,
    19: "read-only",
    21: "unreachable",
    32: _BUSY,
    33: _BUSY,
    39: "full",
    53: "unreachable",
    59: "unreachable",
    64: "unreachable",
    67: "unreachable",
    112: "full",
    121: "unreachable",
    123: _FILE_NUMBERS["EINVAL"],
    206: _FILE_NUMBERS["ENAMETOOLONG"],
    1231: "unreachable",
    1295: "quota",
}

_MEANING: dict[int, _Meaning] = {
    number: meaning
    for number, name in errno.errorcode.items()
    if (meaning := _SITE_NUMBERS.get(name) or _FILE_NUMBERS.get(name))
}


@dataclass(frozen=True, slots=True)
class Errors:
    """Turns an `OSError` met on a site's disk into what the caller is told."""

    site: str

    def of(self, error: OSError, what: object, root: Path) -> ProviderError:
        """Return the error for one file, or for the whole site where that is to blame."""
        meaning = _WINDOWS.get(getattr(error, "winerror", None) or 0)
        meaning = meaning or _MEANING.get(error.errno or 0)
        if isinstance(error, PermissionError) and not os.access(root, os.R_OK | os.X_OK):
            return self.shut(root)
        if isinstance(meaning, str):
            return SiteError(meaning, f"site {self.site!r}: {_SITE[meaning]} ({root})")
        kind, advice = meaning or (FileError, f"{error.strerror or error}; it is tried again")
        return kind(f"{what} at site {self.site!r}: {advice} ({error.filename or root})")

    def of_root(self, error: OSError, root: Path) -> SiteError:
        """Return the error for a root or its marker: always the site's."""
        if isinstance(error, PermissionError):
            return self.shut(root)
        meaning = _MEANING.get(error.errno or 0)
        kind = meaning if isinstance(meaning, str) else "unreachable"
        return SiteError(kind, f"site {self.site!r}: {_SITE[kind]} ({root}: {error.strerror})")

    def shut(self, root: Path) -> SiteError:
        """Return the error for a root whose folder we may not use."""
        return SiteError(
            "login",
            f"site {self.site!r}: this user may not use the folder {root}; "
            "ask its owner for the right to read and write there",
        )

    def gone(self, root: Path) -> SiteError:
        """Return the error for a root whose folder is not there."""
        return SiteError(
            "unreachable",
            f"site {self.site!r}: the folder {root} is not there; mount its disk, "
            f"or, if the site is new, run `sitesync site init {self.site}`",
        )

    def refuse_unmarked(self, root: Path) -> None:
        """Raise `SiteError` where a root has no marker: its disk may not be mounted."""
        if markers.is_marked(root):
            return
        if not root.is_dir():
            raise self.gone(root)
        raise SiteError(
            "marker",
            f"site {self.site!r}: {root} has no marker, so it may be an empty mount point; "
            f"mount its disk, or, if the site is new, run `sitesync site init {self.site}`",
        )

    @contextmanager
    def told(self, what: Location | Handle, root: Path) -> Generator[None]:
        """Translate what the operating system raises; staged bytes that are gone are revoked."""
        try:
            yield
        except OSError as error:
            where = what.where if isinstance(what, Handle) else what
            told = self.of(error, where, root)
            if isinstance(told, MissingFileError):
                self.refuse_unmarked(root)
            if isinstance(told, MissingFileError) and isinstance(what, Handle):
                told = RevokedError(f"{where}: nothing is staged any more for claim {what.claim}")
            raise told from error
