"""No image of this process's memory on a disk: it holds the passwords of all sites."""

from __future__ import annotations

import sys


def write_no_core() -> None:
    """
    Let neither this process nor those that it starts leave a core file when they crash.

    Where the kernel hands cores to a program (`core_pattern` with a pipe), that one decides.
    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - Windows lacks it

    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
