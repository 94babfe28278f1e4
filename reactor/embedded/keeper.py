"""
The keeper: runs one mongod for as long as anybody holds `users.lock`, then ends it.

It is run by its path (`keeper.py FOLDER MONGOD [--ephemeral]`), with `keeper.lock` held and
inherited: one keeper a folder. It imports nothing but the standard library: it starts in
20 ms, and idles for as long as the reactor runs. No secret is on a command line.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

_GRACE = 30.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_OPTIONS = (
    *("--replSet", "sitesync", "--bind_ip", "127.0.0.1", "--nounixsocket", "--quiet"),
    # The default is half of the memory: an artist's machine renders, and our documents are few.
    *("--wiredTigerCacheSizeGB", "0.25"),
    # The default is 5 % of the disk, up to 50 GB; what falls out costs one full scan.
    *("--oplogSize", "1024"),
    # The key file opens everything from the first moment on: no door for other users of
    # this machine until there is a first user.
    *("--setParameter", "enableLocalhostAuthBypass=false"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
)


def keep(folder: Path, mongod: str, *, ephemeral: bool) -> int:
    """Run the server until nobody uses it, and return its exit code."""
    users = os.open(folder / "users.lock", os.O_RDWR)
    (folder / "data").mkdir(exist_ok=True)
    _make_secret(folder / "password")
    _end_stale_server(folder / "data" / "mongod.lock")
    server = _start(folder, mongod)
    signal.signal(signal.SIGTERM, lambda _number, _frame: server.terminate())
    manner = {"ephemeral": ephemeral}
    threading.Thread(
        target=_end_when_unused, args=(users, server), kwargs=manner, daemon=True
    ).start()
    code = server.wait()
    if ephemeral and _try_lock(users):
        shutil.rmtree(folder, ignore_errors=True)
    return code


def _start(folder: Path, mongod: str) -> subprocess.Popen[bytes]:
    log = folder / "mongod.log"
    if log.exists():
        log.replace(folder / "mongod.log.1")
    port = _choose_port(folder)
    files = {"--dbpath": folder / "data", "--logpath": log, "--keyFile": folder / "password"}
    paths = [str(part) for item in files.items() for part in item]
    keeper = os.getpid()
    return subprocess.Popen(  # noqa: S603 - the program is the user's own choice
        [mongod, *_OPTIONS, "--port", str(port), *paths],
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: _die_with(keeper),  # noqa: PLW1509 - there are no threads yet
    )


def _die_with(keeper: int) -> None:
    """
    Have the kernel kill this process when its keeper is gone (only Linux can).

    Not by a polite signal: a server that hangs goes too, and the journal mends the rest.
    """
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(1)


def _end_when_unused(users: int, server: subprocess.Popen[bytes], *, ephemeral: bool) -> None:
    fcntl.flock(users, fcntl.LOCK_EX)  # waits for the last user to go, however that happens
    if not ephemeral:
        server.terminate()
        time.sleep(_GRACE)
    server.kill()


def _end_stale_server(lock: Path) -> None:
    """End a server that outlived its keeper. mongod holds its lock file as long as it lives."""
    impatient = time.monotonic() + _GRACE
    with lock.open("a+") as file:
        while not _try_lock(file.fileno()):
            file.seek(0)
            pid = file.read().strip()
            if pid:
                _send(int(pid), signal.SIGTERM if time.monotonic() < impatient else signal.SIGKILL)
            time.sleep(0.05)


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _choose_port(folder: Path) -> int:
    """Return the port of last time, or another if that is taken, and tell it to the users."""
    port = _free_port(_last_port(folder / "port.last")) or _free_port(0)
    _write(folder / "port", str(port))
    return port


def _free_port(wanted: int) -> int:
    """Return a port that is free now, for 0 any; 0 if the wanted one is not."""
    with socket.socket() as probe:
        # As mongod does: connections that ended a moment ago do not occupy a port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except (OSError, OverflowError):
            return 0
        return int(probe.getsockname()[1])


def _last_port(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _make_secret(file: Path) -> None:
    """Make the password, which is the key file too: one secret, in one file."""
    if not file.exists():
        _write(file, secrets.token_hex(32))


def _write(file: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    new = file.with_suffix(".new")
    with new.open("w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(file)


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def main() -> None:
    """Leave the caller at once, and keep."""
    place, mongod, *flags = sys.argv[1:]
    folder = Path(place)
    with contextlib.suppress(FileNotFoundError):  # from here on, `port` is our server's
        (folder / "port").replace(folder / "port.last")
    if os.fork():
        os._exit(0)  # we are an orphan now: whoever started us need not wait for us
    os.chdir("/")
    os.umask(0o077)  # what we and mongod write is for the owner alone
    try:
        code = keep(folder, mongod, ephemeral="--ephemeral" in flags)
    except OSError as error:
        sys.exit(str(error))
    if code:
        sys.exit(f"mongod ended with code {code}")


if __name__ == "__main__":
    main()
