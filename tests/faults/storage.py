"""
What really lies at a site, read without asking the site: a folder on a disk, a Drive's state.

An SFTP site is the folder that its server serves. Only the standard library reads here.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

MARKER = ".sitesync-root"
_PIECE = 1024 * 1024
_FOLDER = "application/vnd.google-apps.folder"


class Storage(Protocol):
    """One root of one site. Paths are relative to it, with forward slashes."""

    def paths(self) -> Iterable[str]:
        """Return all files below the root, staged ones and the marker included."""
        ...

    def digest(self, path: str) -> tuple[str, int] | None:
        """Return the SHA-256 of a file's bytes and their number; None where there is no file."""
        ...

    def unfinished(self) -> Iterable[str]:
        """Return what lies there half done and can be finished, in words: upload sessions."""
        ...

    def outside(self) -> Iterable[str]:
        """Return what stands where nothing may: beside the root, or behind a link."""
        ...


@dataclass
class Folder:
    """
    A root on a disk. Around it lies a `cage`, in which nothing else may ever appear.

    `below` is where reactors see it, if that is a mount: unmounted, nothing may lie there.
    """

    root: Path
    cage: Path
    allowed: frozenset[str] = field(default_factory=frozenset[str])
    below: Path | None = None

    def paths(self) -> Iterator[str]:
        """Yield all that is no folder; links as such."""
        for folder, _, names in os.walk(self.root):
            below = Path(folder).relative_to(self.root)
            yield from ((below / name).as_posix() for name in names)

    def digest(self, path: str) -> tuple[str, int] | None:
        """Read a file's bytes."""
        try:
            with (self.root / path).open("rb") as file:
                return _digest(file)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def unfinished(self) -> Iterable[str]:
        """Return nothing: what is staged on a disk is a file."""
        return ()

    def outside(self) -> Iterator[str]:
        """Yield what lies in the cage beside the root, and links in the root."""
        beside = [each for each in self.cage.rglob("*") if not self._belongs(each)]
        yield from (str(each.relative_to(self.cage)) for each in beside)
        if self.below is not None:
            yield from (str(each) for each in self.below.rglob("*"))
        for folder, folders, names in os.walk(self.root):
            links = (Path(folder) / name for name in (*folders, *names))
            yield from (str(link) for link in links if link.is_symlink())

    def _belongs(self, path: Path) -> bool:
        return (
            path.is_relative_to(self.root)
            or self.root.is_relative_to(path)
            or path.relative_to(self.cage).parts[0] in self.allowed
        )


@dataclass
class DriveState:
    """A folder of the Drive emulator, read from the files that it keeps its state in."""

    state: Path
    top: str

    def paths(self) -> Iterator[str]:
        """Yield the path of each file; twice where two of one name stand side by side."""
        yield from (path for path, _ in self._files())

    def digest(self, path: str) -> tuple[str, int] | None:
        """Read a file's bytes; where two have that name, the younger one's."""
        blobs = [blob for found, blob in self._files() if found == path]
        if not blobs:
            return None
        with (self.state / "contents" / blobs[-1]).open("rb") as file:
            return _digest(file)

    def unfinished(self) -> Iterator[str]:
        """
        Yield the upload sessions that hold bytes and could still be finished.

        One without any may be known to nobody: of somebody killed between the service's answer and
        his own note of it. It is no file, takes no room, and ends by itself after a week.
        """
        for name, state, received in self._rows("SELECT id, state, received FROM uploads"):
            if state == "open" and received:
                yield f"upload session {name}, with {received} bytes"

    def outside(self) -> Iterator[str]:
        """Yield files that do not lie below the folder, and are not in the trash."""
        inside = {blob for _, blob in self._files()}
        rows = self._rows("SELECT name, blob FROM files WHERE trashed = 0 AND blob IS NOT NULL")
        yield from (name for name, blob in rows if blob not in inside)

    def _files(self) -> list[tuple[str, str]]:
        query = "SELECT id, name, parent, mime, blob FROM files WHERE trashed = 0 ORDER BY created"
        rows = self._rows(query)
        parents = {each: (name, parent) for each, name, parent, _, _ in rows}
        found: list[tuple[str, str]] = []
        for each, _, _, mime, blob in rows:
            path = _path_below(self.top, each, parents)
            if path and blob and mime != _FOLDER:
                found.append((path, blob))
        return found

    def _rows(self, query: str) -> list[tuple[str, ...]]:
        address = f"file:{self.state / 'drive.sqlite'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as connection:
            return connection.execute(query).fetchall()


def _path_below(top: str, each: str, parents: dict[str, tuple[str, str]]) -> str:
    names: list[str] = []
    while each != top:
        if each not in parents:
            return ""
        name, each = parents[each]
        names.append(name)
    return "/".join(reversed(names))


def _digest(file: BinaryIO) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    while piece := file.read(_PIECE):
        digest.update(piece)
        size += len(piece)
    return f"sha256:{digest.hexdigest()}", size
