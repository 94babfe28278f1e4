"""
Reactors that begin in a moment: forked from a process that has imported the program already.

Each is a process of its own from its first line on, with its own connections; a campaign starts
a thousand of them, and to start Python as often would take more of the machine than their work.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.servers.processes import die_with_parent

_FORKSERVER = multiprocessing.get_context("forkserver")
_FORKSERVER.set_forkserver_preload(
    [
        __name__,
        "reactor.cli.program",
        "reactor.cli.run",
        "providers.local_drive",
        "providers.sftp.provider",
        "providers.gdrive.provider",
    ]
)


def born(arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> ForkServerProcess:
    """Run `sitesync` with these arguments; it ends with this process."""
    process = _FORKSERVER.Process(target=_live, args=(arguments, environ, log))
    process.start()
    return process


def _live(arguments: Sequence[str], environ: Mapping[str, str], log: Path) -> None:
    die_with_parent()
    with log.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(environ)
    if "LD_PRELOAD" in environ:  # what is loaded before all else takes a beginning of its own
        os.execv(sys.executable, [sys.executable, "-m", "reactor", *arguments])
    random.seed()
    from reactor.cli.program import cli  # noqa: PLC0415 - it was imported before the fork

    cli([*arguments], prog_name="sitesync")
