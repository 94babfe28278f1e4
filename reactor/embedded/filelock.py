"""The kernel's locks on files: they go with the process that holds them, even by `kill -9`."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """
    A lock on a file, not yet held. It belongs to the open file, which a child can inherit.

    No method waits. Where the kernel has to give a held lock up to change it, a failed
    change leaves nothing held.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Close our side: a child that inherited the lock keeps it."""
        os.close(self._file)

    def fileno(self) -> int:
        """Return the descriptor, for a child to inherit."""
        return self._file

    def try_shared(self) -> bool:
        """Hold the lock together with others, and return whether that was possible."""
        return self._try(fcntl.LOCK_SH)

    def try_exclusive(self) -> bool:
        """Hold the lock alone, and return whether that was possible."""
        return self._try(fcntl.LOCK_EX)

    def release(self) -> None:
        """Hold the lock no longer."""
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
