"""
What it takes until bytes and names survive a power cut, on each kind of system.

Blocking calls: they run in worker threads.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from io import FileIO
from pathlib import Path

from providers.base import Facts, PermanentFileError


def open_for_reading(path: Path) -> FileIO:
    """Open a file for reading; a pipe of that name does not make it wait."""
    return FileIO(path, "r", opener=_open_without_waiting)


def make_file(path: Path) -> FileIO:
    """Make a file that nobody has, and open it for writing."""
    return FileIO(path, "x+")


def place_of(opened: int) -> str | None:
    """Return where an open file or folder lies, links followed; None where no system tells."""
    if sys.platform == "linux":
        try:
            return os.readlink(f"/proc/self/fd/{opened}")  # noqa: PTH115 -- asked for each file
        except FileNotFoundError:  # a container without /proc
            return None
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 -- Windows has none

        return os.fsdecode(fcntl.fcntl(opened, fcntl.F_GETPATH, bytes(1024)).rstrip(b"\0"))
    return None


def facts_of(found: os.stat_result, path: Path | str) -> Facts:
    """Return the facts of a file, or refuse what is none."""
    if not stat.S_ISREG(found.st_mode):
        raise PermanentFileError(f"{path} is no file but a folder, pipe or device: move it away")
    return Facts(found.st_size, found.st_mtime_ns)


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether a name still means the very file it meant, with the bytes it had."""
    return (
        os.path.samestat(one, other)
        and one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
    )


def write(file: FileIO, content: memoryview) -> int:
    """Write all of it, and return how many bytes that were."""
    written = 0
    while written < len(content):
        written += file.write(content[written:])
    return written


def sync_file(file: int) -> None:
    """Return when a file's bytes are on the disk itself."""
    if sys.platform == "darwin":
        import fcntl  # noqa: PLC0415 -- Windows has none

        fcntl.fcntl(file, fcntl.F_FULLFSYNC)  # there, fsync leaves them in the disk's cache
    else:
        os.fsync(file)


def sync_folder(folder: Path) -> None:
    """Return when a folder's names are on the disk; Windows has no call for it."""
    if sys.platform == "win32":
        return
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file(opened)
    finally:
        os.close(opened)


def start_writeback(file: int, offset: int, size: int) -> None:
    """
    Let the disk begin to write, so that the sync at the end has little left to wait for.

    Linux takes the advice that we shall not need these bytes as the order to begin, and
    keeps what is not written yet.
    """
    if sys.platform == "linux":
        os.posix_fadvise(file, offset, size, os.POSIX_FADV_DONTNEED)


def make_folders(folder: Path) -> None:
    """Make a folder and those above it; the new names are on the disk on return."""
    if folder.is_dir():
        return
    make_folders(folder.parent)
    try:
        folder.mkdir()
    except FileExistsError as error:  # another task was faster, or a file stands there
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file", str(folder)) from error
    sync_folder(folder.parent)


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
