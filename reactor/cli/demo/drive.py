"""
The demo's Google Drive: an emulator that comes with the source tree, and rclone as a witness.

The emulator lives among the tests. So does the way in which rclone, which others wrote against
the real service, gets to it: without the tree there is none of both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import anyio

from reactor.cli.demo.layout import DRIVE, OWN_SITE, DemoError, Layout
from reactor.cli.demo.servers import serving

_SERVER = "tests.servers.drive.demo"


@dataclass(frozen=True, slots=True)
class Witness:
    """A program that compares a folder with the Drive: its command, and what it has to know."""

    command: tuple[str, ...]
    environment: Mapping[str, str]

    async def check(self, layout: Layout) -> str | None:
        """Return None if every file is there byte for byte, and nothing else; or what is not."""
        compare = ("check", "--download", "--exclude", ".sitesync-*")
        done = await anyio.run_process(
            [*self.command, *compare, str(layout.site(OWN_SITE)), "drive:"],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        return None if done.returncode == 0 else done.stdout.decode(errors="replace").strip()


@dataclass(frozen=True, slots=True)
class Drive:
    """A Drive that runs: the settings of its site, and who can bear witness of it."""

    site: Mapping[str, Any]
    witness: Witness


@asynccontextmanager
async def open_drive(layout: Layout) -> AsyncGenerator[Drive | None]:
    """Run a Drive until the block ends, if the demo is to have one."""
    if not layout.with_drive:
        yield None
        return
    if not _is_here():
        raise DemoError(
            "--gdrive needs the source tree, with its tests and rclone: there, "
            "`make demo ARGS=--gdrive` sets up what it takes"
        )
    folder = layout.site(DRIVE)
    layout.site(DRIVE).mkdir(mode=0o700, exist_ok=True)
    command = [sys.executable, "-m", _SERVER, str(folder)]
    async with serving("Google Drive emulator", command, folder) as line:
        told = json.loads(line)
        witness = Witness(tuple(told["witness"]), told["environment"])
        yield Drive({"provider": "gdrive", **told["site"]}, witness)


def _is_here() -> bool:
    try:
        return find_spec(_SERVER) is not None
    except ModuleNotFoundError:
        return False
