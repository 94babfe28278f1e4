"""Threads of the program share one arena of the C library."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

# What four threads each allocate at the same time, and in how many arenas that is: glibc tells.
_ALLOCATING = """
import ctypes, os, sys, threading
from reactor.cli.arenas import share_one_arena
share_one_arena()
together = threading.Barrier(4)
def allocate():
    together.wait()
    kept = bytes(100_000)
    together.wait()
threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
libc = ctypes.CDLL(None)
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""

glibc_only = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has arenas")


def _arenas(**variables: str) -> int:
    told = subprocess.run(
        [sys.executable, "-c", _ALLOCATING], capture_output=True, check=True, env=variables
    )
    return told.stdout.count(b"<heap nr=")


@glibc_only
def test_all_threads_allocate_from_one_arena() -> None:
    assert _arenas() == 1


@glibc_only
def test_an_environment_that_wants_more_of_them_has_its_way() -> None:
    assert _arenas(MALLOC_ARENA_MAX="3") > 1
