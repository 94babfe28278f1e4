"""
The Drive of `sitesync demo --gdrive`: `python -m tests.servers.drive.demo FOLDER`.

Prints one line of JSON when it serves: the settings of a site on it, and how rclone gets to the
same place. Ends as the demo's SFTP server does: when told so on stdin, or some time after the
demo was killed. The port stays what it was, so that uploads which were interrupted go on.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from reactor.cli.demo.server import stay
from tests.servers.drive import GOOGLE_TOKENS, OWNER, DriveEmulator, drive_emulator
from tests.servers.drive.rclone import Rclone
from tests.servers.drive.tls_proxy import tls_proxy

_NAME = "Demo"
_PATIENCE = 5.0  # until the server of a demo that was killed has made room


def main(folder: Path) -> None:
    """Serve until told to end."""
    (folder / "pid").write_text(str(os.getpid()))
    with (
        drive_emulator(folder / "drive", port=_port(folder)) as drive,
        tls_proxy(drive.port, folder / "ca.pem") as proxy,
    ):
        (folder / "port").write_text(str(drive.port))
        account = drive.service_account("demo")
        shared = _shared_drive(drive, account)
        key_file = drive.key_file(folder / "key.json", account)
        # The one file serves both: rclone's way to the emulator is closed to other hosts.
        theirs = folder / "rclone-key.json"
        theirs.write_text(
            json.dumps({**json.loads(key_file.read_text()), "token_uri": GOOGLE_TOKENS})
        )
        _announce(
            {"key_file": str(key_file), "endpoint": drive.url, "root": {"work": f"/{_NAME}"}},
            Rclone(proxy, theirs, shared_drive=shared),
        )
        stay(folder)


def _announce(site: dict[str, Any], rclone: Rclone) -> None:
    told = {"site": site, "witness": rclone.command(), "environment": rclone.environment}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


def _shared_drive(drive: DriveEmulator, account: str) -> str:
    """Return the id of the shared drive, made if this is the first time."""
    told = drive.caller(OWNER).get("/drive/v3/drives").json
    known = {each["name"]: each["id"] for each in told["drives"]}
    shared = known.get(_NAME) or drive.shared_drive(_NAME)
    drive.share(shared, account, "fileOrganizer")
    return str(shared)


def _port(folder: Path) -> int:
    """Return the port of last time, once the server of then has left it; else 0, for any."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        try:
            port = int((folder / "port").read_text())
            socket.create_server(("127.0.0.1", port)).close()
        except (OverflowError, ValueError, FileNotFoundError):
            return 0
        except OSError:
            time.sleep(0.1)
        else:
            return port
    return 0


if __name__ == "__main__":
    main(Path(sys.argv[1]))
