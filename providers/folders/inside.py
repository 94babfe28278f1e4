"""
Folders below a root, held open while files in them are made, renamed or removed.

A path is checked before it is used, and between the two somebody may put a link in a folder's
place. An open folder cannot be exchanged: the system is asked where it lies, and what is done
afterwards is done in it, whatever its name means by then. Windows has no such calls: there the
check before has to do, and links take an administrator's right.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from providers.base import Location, PermanentFileError
from providers.folders import disk
from providers.folders.paths import Paths, is_link

_HOLDS = sys.platform != "win32"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)


@dataclass(frozen=True, slots=True)
class Held:
    """A folder that is held open, or on Windows its path."""

    path: Path
    _folder: int | None

    def make_file(self, name: str) -> FileIO:
        """
        Make a file that nobody has, and open it for writing.

        Its rights are what the folder (its default ACL) and the umask give to any new file: a
        published file has the rights it would have had if an artist had copied it there. Its
        staged bytes have the same ones, in the same folder: nobody can read these who could
        not read them a moment later.
        """
        return self._open(name, "x+")

    def open_for_writing(self, name: str) -> FileIO:
        """Open a file that is there for writing; a link is none."""
        return self._open(name, "r+")

    def open_for_reading(self, name: str) -> FileIO:
        """Open a file for reading; a link is none, and a pipe does not make it wait."""
        if not _NO_LINK and self.is_link(name):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        return self._open(name, "r", _NO_WAIT)

    def make_folder(self, name: str) -> None:
        """Make a folder; raises `FileExistsError` where something has its name."""
        os.mkdir(self._at(name), dir_fd=self._folder)

    def stat(self, name: str) -> os.stat_result:
        """Return what is told of a name, a link itself included."""
        return os.stat(self._at(name), dir_fd=self._folder, follow_symlinks=False)

    def has(self, name: str) -> bool:
        """Return whether anything has a name, be it a link that leads nowhere."""
        try:
            self.stat(name)
        except FileNotFoundError:
            return False
        return True

    def is_link(self, name: str) -> bool:
        """Return whether a name is that of a link."""
        try:
            return is_link(self.stat(name))
        except FileNotFoundError:
            return False

    def set_mtime(self, name: str, mtime_ns: int) -> None:
        """Set a file's times; those of a link are its own."""
        follow = os.utime not in os.supports_follow_symlinks
        times = (mtime_ns, mtime_ns)
        os.utime(self._at(name), ns=times, dir_fd=self._folder, follow_symlinks=follow)

    def replace(self, name: str, new: str) -> None:
        """Rename within the folder; what had the new name is gone."""
        old, to = self._at(name), self._at(new)
        os.replace(old, to, src_dir_fd=self._folder, dst_dir_fd=self._folder)

    def remove(self, name: str) -> None:
        """Remove a file or a link."""
        os.unlink(self._at(name), dir_fd=self._folder)

    def path_of(self, name: str) -> str:
        """Return the path that a name in the folder had when that was opened."""
        return f"{self.path}{os.sep}{name}"

    @contextmanager
    def named_whole(self) -> Generator[None]:
        """Name whole paths in errors; the system was told the names alone."""
        try:
            yield
        except OSError as error:
            if isinstance(error.filename, str):
                error.filename = str(self.path / error.filename)
            raise

    def _open(self, name: str, mode: str, more: int = 0) -> FileIO:
        def opened(_: str, flags: int) -> int:
            return os.open(self._at(name), flags | _NO_LINK | more, 0o666, dir_fd=self._folder)

        return FileIO(self.path_of(name), mode, opener=opened)

    def _at(self, name: str) -> str:
        return self.path_of(name) if self._folder is None else name


@contextmanager
def held(folder: Path, root: Path) -> Generator[Held]:
    """Hold a folder that is there; `PermanentFileError` where it does not lie below its root."""
    if not _HOLDS:
        yield Held(folder, None)
        return
    # Where there is O_PATH, a folder need not be readable to be written to.
    opened = os.open(folder, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        refuse_outside(opened, folder, root)
        holding = Held(folder, opened)
        with holding.named_whole():
            yield holding
    finally:
        os.close(opened)


def made(folder: Path, root: Path) -> AbstractContextManager[Held]:
    """Hold a folder, which is made below its root if need be."""
    make_folders(folder, root)
    return held(folder, root)


class Folders:
    """
    The folders of many files, for one call: each is looked at and opened once, and held.

    `opened` is `held` or `made`.
    """

    def __init__(
        self, paths: Paths, opened: Callable[[Path, Path], AbstractContextManager[Held]]
    ) -> None:
        self._paths = paths
        self._opened = opened
        self._held: dict[tuple[str, str], Held] = {}
        self._all = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._all.close()

    def of(self, where: Location) -> tuple[Held, str]:
        """Return the folder of a file, and the file's name in it."""
        name = self._paths.names(where)[-1]
        above = where.path[: -len(name) - 1]
        if (where.root, above) not in self._held:
            folder, root = self._paths.folder(where.root, above), self._paths.root(where.root)
            self._held[where.root, above] = self._all.enter_context(self._opened(folder, root))
        return self._held[where.root, above], name


def refuse_outside(opened: int, path: Path, root: Path) -> None:
    """Refuse what was opened by its path if it does not lie below its root."""
    place = disk.place_of(opened)
    if place is None or _is_below(place, str(root)) or _is_in(place, root):
        return
    raise PermanentFileError(
        f"{path} is refused: a link leads out of the root {root}, or it was moved out of it; "
        "remove the link, or publish to the place it leads to"
    )


def make_folders(folder: Path, root: Path) -> None:
    """Make a folder below a root and those above it; the new names are on the disk on return."""
    if folder.is_dir():
        return
    if folder == root:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(root))
    make_folders(folder.parent, root)
    with held(folder.parent, root) as parent:
        try:
            parent.make_folder(folder.name)
        except FileExistsError as error:  # another task was faster, or a file stands there
            if not folder.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "a file", folder.name) from error
    disk.sync_folder(folder.parent)


def _is_in(place: str, root: Path) -> bool:
    """Return whether a place is in a root that goes by another name: a link, or in other case."""
    real = os.path.realpath(root)
    if _is_below(place, real):
        return True
    top = "/".join(place.split("/")[: real.count("/") + 1])
    try:
        return Path(top).samefile(root)
    except OSError:
        return False


def _is_below(place: str, root: str) -> bool:
    return place == root or place.startswith(f"{root.rstrip('/')}/")
