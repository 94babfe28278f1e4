"""An SFTP site that can be killed, filled up, cut and stalled: a real sshd behind a line."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.line import Line
from tests.servers.processes import die_with_parent, free_port, wait_until_it_listens
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
        process, self.process = self.process, None
        if process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        process.kill()
        process.wait()

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
