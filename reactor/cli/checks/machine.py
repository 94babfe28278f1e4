"""This machine: how much the system lets one process watch and open."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from reactor.cli.checks.finding import Finding, ok, warning

_WATCHES = Path("/proc/sys/fs/inotify/max_user_watches")
_WATCHES_ENOUGH = 65_536
_FILES_ENOUGH = 1024


def check_machine() -> Iterator[Finding]:
    """Yield the limits that this system has; each is a matter of its own platform."""
    if _WATCHES.exists():
        yield watches_finding(int(_WATCHES.read_text()))
    if sys.platform != "win32":  # there, no such limit stands in the way
        import resource  # noqa: PLC0415 - Windows lacks it

        yield files_finding(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def watches_finding(watches: int) -> Finding:
    """Return whether so many inotify watches, one for each folder, are enough."""
    text = f"{watches} folders can be watched (fs.inotify.max_user_watches)"
    if watches < _WATCHES_ENOUGH:
        return warning(
            "watching",
            f"only {text}",
            "run: echo fs.inotify.max_user_watches=524288 | "
            "sudo tee /etc/sysctl.d/60-sitesync.conf && sudo sysctl --system",
        )
    return ok("watching", text)


def files_finding(files: int) -> Finding:
    """Return whether so many open files are enough; -1 means no limit."""
    if 0 <= files < _FILES_ENOUGH:
        return warning(
            "open files",
            f"one process may open only {files} files",
            "raise it: `ulimit -n 4096` before `sitesync run`, or LimitNOFILE=4096 in its unit",
        )
    return ok("open files", f"one process may open {'any number of' if files < 0 else files} files")
