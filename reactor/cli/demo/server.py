"""
The demo's SFTP server: OpenSSH's sshd if there is one that works, else asyncssh's own.

It is run by its path (`server.py FOLDER [SSHD]`), makes the keys that are missing, and prints
its port once it listens. It ends when it is told so on stdin. If the demo is killed, which
stdin shows too, it stays for a while, so that `sitesync run` can finish the demo's work, or
until the next demo's server takes its place.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import asyncssh

_AFTERLIFE = 15 * 60.0
_POLL = 0.5
_START = 10.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def main() -> None:
    """Serve until told to end."""
    folder = Path(sys.argv[1])
    (folder / "pid").write_text(str(os.getpid()))
    for name in ("host", "user"):
        _make_key(folder / name)
    if sshd := sys.argv[2:]:
        _serve_sshd(folder, sshd[0])
    else:
        asyncio.run(_serve_asyncssh(folder))


def _make_key(file: Path) -> None:
    if not file.exists():
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_public_key(file.with_suffix(".pub"))
        file.touch(0o600)
        key.write_private_key(file)


def _serve_sshd(folder: Path, sshd: str) -> None:
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        with suppress(OSError):  # it says better what it lacks
            Path("/run/sshd").mkdir(exist_ok=True)  # root's sshd locks itself in there
    port = _choose_port(folder)
    config = folder / "sshd_config"
    config.write_text(_sshd_config(folder, port), encoding="utf-8")
    parent = os.getpid()
    server = subprocess.Popen(  # noqa: S603 - the system's own program
        [sshd, "-f", str(config), "-D", "-e"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: _die_with(parent),  # noqa: PLW1509 - there are no threads
    )
    try:
        _await_listening(server, port)
        _announce(folder, port)
        stay(folder)
    finally:
        server.terminate()
        server.wait()


def _sshd_config(folder: Path, port: int) -> str:
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": f'"{folder / "host"}"',
        "AuthorizedKeysFile": f'"{folder / "user.pub"}"',
        "AuthenticationMethods": "publickey",
        "PermitRootLogin": "prohibit-password",
        "StrictModes": "no",
        "UsePAM": "no",
        "PidFile": "none",
        "MaxStartups": 100,
        "AllowTcpForwarding": "no",
        "Subsystem": "sftp internal-sftp",
        "SetEnv": f'"HOME={folder}"',  # commands do not wait for what the user's profile does
    }
    return "".join(f"{key} {value}\n" for key, value in settings.items())


async def _serve_asyncssh(folder: Path) -> None:
    server = await asyncssh.listen(
        "127.0.0.1",
        _choose_port(folder),
        server_host_keys=[str(folder / "host")],
        authorized_client_keys=str(folder / "user.pub"),
        sftp_factory=True,
    )
    async with server:
        _announce(folder, server.get_port())
        await asyncio.to_thread(stay, folder)


def _announce(folder: Path, port: int) -> None:
    (folder / "port").write_text(str(port))
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def stay(folder: Path) -> None:
    """Return when told to, or, after the demo was killed, when nobody can need us any more."""
    if sys.stdin.readline():
        return
    deadline = time.monotonic() + _AFTERLIFE
    while time.monotonic() < deadline and _is_current(folder):
        time.sleep(_POLL)


def _is_current(folder: Path) -> bool:
    try:
        return (folder / "pid").read_text() == str(os.getpid())
    except OSError:
        return False


def _await_listening(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START
    while True:
        with suppress(OSError):
            return socket.create_connection(("127.0.0.1", port), timeout=1).close()
        if server.poll() is not None or time.monotonic() > deadline:
            sys.exit("sshd does not listen")
        time.sleep(0.02)


def _choose_port(folder: Path) -> int:
    """Return the port of last time, or another if that is taken."""
    for wanted in (_last_port(folder), 0):
        with suppress(OSError, OverflowError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", wanted))
            return int(probe.getsockname()[1])
    sys.exit("no free port on 127.0.0.1")


def _last_port(folder: Path) -> int:
    try:
        return int((folder / "port").read_text())
    except (OSError, ValueError):
        return 0


def _die_with(parent: int) -> None:
    """Have the kernel end sshd when we are killed (only Linux can)."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)


if __name__ == "__main__":
    main()
