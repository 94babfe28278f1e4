"""An SFTP site that can be killed, filled up, cut and stalled: a real sshd behind a proxy."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.servers.processes import die_with_parent, free_port, wait_until_it_listens
from tests.servers.proxy import Proxy, proxied
from tests.servers.sftp import make_key

_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@dataclass
class SftpSite:
    """The server, its keys, and the line in front of it."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    line: Line = field(init=False)

    def start(self) -> None:
        """Start the server, again on its port."""
        assert _SSHD is not None
        with (self.folder / "sshd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [_SSHD, "-f", str(self.folder / "sshd_config"), "-D", "-e"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it calls nothing but the kernel
            )
        wait_until_it_listens(self.process, self.port, self.folder / "sshd.log")

    def kill(self) -> None:
        """End the server and all its sessions at once."""
        if self.process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        self.process.kill()
        self.process.wait()
        self.process = None

    def settings(self, root: Path) -> str:
        """Return the site's settings, as TOML."""
        return f"""
            provider = "sftp"
            root = {{ work = "{root}" }}
            host = "127.0.0.1"
            port = {self.line.port}
            user = "{getpass.getuser()}"
            key_file = "{self.folder / "user"}"
            known_hosts = "{self.folder / "known_hosts"}"
        """


class Line:
    """A proxy with an event loop of its own, told what to do from other threads."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._proxy: Proxy

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self._proxy.port

    @property
    def forwarded(self) -> int:
        """Bytes that went over it, both ways."""
        return self._proxy.forwarded

    def start(self) -> None:
        """Return when it takes connections."""
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        """Drop all connections, and end."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def cut(self) -> None:
        """Drop all connections."""
        self._do(self._proxy.cut)

    def stall(self) -> None:
        """Let no byte pass; nobody is told."""
        self._do(self._proxy.flowing.clear)

    def flow(self) -> None:
        """Let bytes pass again."""
        self._do(self._proxy.flowing.set)

    def _do(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with proxied(self._target) as self._proxy:
            self._ready.set()
            await self._over.wait()
            self._proxy.flowing.set()


def has_sshd() -> bool:
    """Return whether OpenSSH's server is here."""
    return _SSHD is not None


@contextmanager
def sftp_site(folder: Path) -> Generator[SftpSite]:
    """Run a server and its line until the block ends."""
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in before the login
    folder.mkdir()
    for name in ("host", "user"):
        make_key(folder / name)
    site = SftpSite(folder)
    (folder / "sshd_config").write_text(
        f"Port {site.port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\n"
        f"AuthorizedKeysFile {folder / 'user.pub'}\nPidFile none\nStrictModes no\nUsePAM no\n"
        "PasswordAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
        f"Subsystem sftp internal-sftp\nSetEnv HOME={folder}\n"  # whoever's shell: no profile of it
    )
    site.start()
    site.line = Line(site.port)
    site.line.start()
    host_key = (folder / "host.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{site.line.port} {host_key}")
    try:
        yield site
    finally:
        site.line.close()
        site.kill()
