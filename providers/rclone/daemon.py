"""
One `rclone rcd` for all sites of this process that share a configuration.

It listens on loopback, lets in only who knows the password in its environment (nothing is on its
command line), and ends with us however we end. It is started when the first site needs it, and
again when it has died.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import aiohttp
import anyio
from anyio import to_thread
from anyio.abc import Process

from providers.base import CHUNK, SiteError
from providers.rclone.feed import Feed
from providers.rclone.options import RcloneOptions
from providers.rclone.program import find_rclone, refuse_old
from providers.rclone.requests import RcError, ask

_LAUNCHER = Path(__file__).with_name("launcher.py")
_ADDRESS = re.compile(rb"remote control on (http://127\.0\.0\.1:\d+/)")
_START = 30.0
_END = 10.0  # longer than a launcher gives it
_POLL = 0.01
_LONGEST = 4096
_SETTINGS = {
    "RCLONE_RC_ADDR": "127.0.0.1:0",
    "RCLONE_RC_SERVE": "true",
    # Both count from the start of a transfer, and large files take longer than an hour.
    "RCLONE_RC_SERVER_READ_TIMEOUT": "8760h",
    "RCLONE_RC_SERVER_WRITE_TIMEOUT": "8760h",
    # Answers are kept for who asks later; nobody does, and listings are large.
    "RCLONE_RC_JOB_EXPIRE_DURATION": "1s",
    "RCLONE_RC_JOB_EXPIRE_INTERVAL": "1s",
    "RCLONE_ASK_PASSWORD": "false",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A daemon that answers: where, and how to ask it."""

    process: Process
    output: IO[bytes]
    session: aiohttp.ClientSession
    address: str

    @property
    def lives(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None


class Daemon:
    """An rclone that is shared by providers; it ends with the last of them."""

    def __init__(self, options: RcloneOptions) -> None:
        self._options = options
        self._running: Running | None = None
        self._starting = anyio.Lock()
        self.feed = Feed()
        self.users = 0

    async def running(self, site: str) -> Running:
        """Return the daemon, started if there is none that lives; `SiteError` if it cannot be."""
        async with self._starting:
            if self._running is not None and not self._running.lives:
                await self._end()
            if self._running is None:
                await self.feed.open()
                self._running = await self._start(site)
        return self._running

    async def close(self) -> None:
        """End the daemon."""
        async with self._starting:
            await self._end()
            await self.feed.close()

    async def _start(self, site: str) -> Running:
        program = await to_thread.run_sync(find_rclone, site, self._options.rclone)
        user, password = secrets.token_hex(8), secrets.token_hex(32)
        output = tempfile.TemporaryFile()  # noqa: SIM115 - it is open while the daemon runs
        process = await anyio.open_process(
            [sys.executable, "-I", "-S", str(_LAUNCHER), str(os.getpid()), str(program), "rcd"],
            stdout=output,
            stderr=output,
            env=_environment(self._options) | _login(user, password),
            start_new_session=True,  # Ctrl-C is for us: transfers that end need it for a while
        )
        session = _session(user, password)
        try:
            address = await _address(site, process, output)
            running = Running(process, output, session, address)
            await _greet(site, program, running)
        except BaseException:
            await _ended(process, session, output)
            raise
        return running

    async def _end(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            await _ended(running.process, running.session, running.output)


# One process, one daemon for each configuration: sites are made one by one, and know only this.
_DAEMONS: dict[tuple[object, ...], Daemon] = {}


def join(options: RcloneOptions) -> Daemon:
    """Return the daemon of a configuration, to be given back by `leave`."""
    daemon = _DAEMONS.setdefault(_key(options), Daemon(options))
    daemon.users += 1
    return daemon


async def leave(daemon: Daemon, options: RcloneOptions) -> None:
    """Give a daemon back; it ends with its last user."""
    daemon.users -= 1
    if not daemon.users:
        del _DAEMONS[_key(options)]
        await daemon.close()


def last_words(running: Running) -> str:
    """Return the end of what a daemon has printed."""
    size = running.output.seek(0, os.SEEK_END)
    running.output.seek(max(0, size - _LONGEST))
    return running.output.read().decode(errors="replace")


def _key(options: RcloneOptions) -> tuple[object, ...]:
    return options.rclone, options.config_file, options.config_password


def _environment(options: RcloneOptions) -> dict[str, str]:
    """Return our own environment with rclone's settings in it; others' for its server are left out."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("RCLONE_RC", "SITESYNC"))}
    if options.config_file is not None:
        kept["RCLONE_CONFIG"] = str(options.config_file)
    if options.config_password is not None:
        kept["RCLONE_CONFIG_PASS"] = options.config_password.get_secret_value()
    return kept | _SETTINGS


def _login(user: str, password: str) -> dict[str, str]:
    return {"RCLONE_RC_USER": user, "RCLONE_RC_PASS": password}


def _session(user: str, password: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers={
            "Authorization": f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}",
            "Accept-Encoding": "identity",
        },
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),  # rclone knows how long its services may take
        read_bufsize=CHUNK,
        auto_decompress=False,  # a file that was stored compressed is wanted as it was stored
    )


async def _address(site: str, process: Process, output: IO[bytes]) -> str:
    """Return where a daemon listens, as soon as it says so."""
    with anyio.move_on_after(_START):
        while process.returncode is None:
            output.seek(0)
            if found := _ADDRESS.search(output.read()):
                return found[1].decode()
            await anyio.sleep(_POLL)
    output.seek(0)
    said = output.read(_LONGEST).decode(errors="replace").strip().splitlines()
    why = said[-1] if said else f"it did not answer for {_START:.0f} s"
    raise SiteError("settings", f"site {site!r}: rclone does not start: {why}")


async def _greet(site: str, program: Path, running: Running) -> None:
    """Learn how old a daemon is, and have it print nothing more: whoever asks is told."""
    version: dict[str, Any] = await ask(running.session, f"{running.address}core/version", {})
    refuse_old(site, program, str(version["version"]), version["decomposed"])
    quiet = {"main": {"LogLevel": "CRITICAL"}}
    await ask(running.session, f"{running.address}options/set", quiet)


async def _ended(process: Process, session: aiohttp.ClientSession, output: IO[bytes]) -> None:
    with anyio.CancelScope(shield=True):
        await session.close()
        if process.stdin is not None:
            await process.stdin.aclose()  # what a launcher that stays waits for
        if sys.platform == "linux" and process.returncode is None:
            process.terminate()
        with anyio.move_on_after(_END) as patience:
            await process.wait()
        if patience.cancelled_caught:
            process.kill()
            await process.wait()
        output.close()


__all__ = ["Daemon", "RcError", "Running", "join", "last_words", "leave"]
