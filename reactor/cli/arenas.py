"""How the C library keeps memory for threads: in one arena, which all of them share."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

_M_ARENA_MAX = -8  # of glibc's malloc.h
_VARIABLE = "MALLOC_ARENA_MAX"


def share_one_arena() -> None:
    """
    Let all threads allocate from one arena; before any of them is started.

    glibc gives up to eight arenas a processor. What one thread has made and another has let go
    of, as chunks of files are, stays in the arena of the first: a tenth more memory than is
    needed, for threads that seldom allocate at the same moment. An environment that says how
    many there are to be is left to have its way, and other C libraries have no arenas.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc" or _VARIABLE in os.environ:
        return
    ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
