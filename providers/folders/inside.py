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
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from providers.base import PermanentFileError
from providers.local_drive import disk

_HOLDS = sys.platform != "win32"
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)


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

    def make_folder(self, name: str) -> None:
        """Make a folder; raises `FileExistsError` where something has its name."""
        os.mkdir(self._at(name), dir_fd=self._folder)

    def stat(self, name: str) -> os.stat_result:
        """Return what is told of a name, a link itself included."""
        return os.stat(self._at(name), dir_fd=self._folder, follow_symlinks=False)

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

    def _open(self, name: str, mode: str) -> FileIO:
        def opened(_: str, flags: int) -> int:
            return os.open(self._at(name), flags | _NO_LINK, 0o666, dir_fd=self._folder)

        return FileIO(str(self.path / name), mode, opener=opened)

    def _at(self, name: str) -> str:
        return str(self.path / name) if self._folder is None else name


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
        yield Held(folder, opened)
    except OSError as error:
        if isinstance(error.filename, str):  # the name alone is what the system was told
            error.filename = str(folder / error.filename)
        raise
    finally:
        os.close(opened)


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
