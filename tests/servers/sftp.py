"""SFTP servers written by others: OpenSSH's sshd, and ProFTPD's mod_sftp."""

from __future__ import annotations

import getpass
import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asyncssh import generate_private_key, read_public_key  # pyright: ignore[reportUnknownVariableType]  # its **kwargs have no types

from providers.base import Setup
from providers.sftp import SftpOptions
from providers.sftp.provider import SftpProvider
from tests.servers.processes import free_port, served

PASSWORD = "only for these tests"
_SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
_PROFTPD = shutil.which("proftpd", path="/usr/sbin:/usr/local/sbin:/usr/bin")


@dataclass(frozen=True)
class SftpServer:
    """A running server, and all that a client needs to get in."""

    port: int
    folder: Path
    login: dict[str, Any]

    @property
    def host_key(self) -> Path:
        """The public half of the server's key."""
        return self.folder / "host.pub"

    @property
    def user_key(self) -> Path:
        """The private key that the server lets in."""
        return self.folder / "user"

    def options(self, **changes: Any) -> SftpOptions:
        """Return settings that let one in, changed as a test wants them."""
        settings = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "known_hosts": self.folder / "known_hosts",
            **self.login,
            **changes,
        }
        return SftpOptions.model_validate(
            {key: value for key, value in settings.items() if value is not None}
        )

    def provider(self, roots: dict[str, str], **changes: Any) -> SftpProvider:
        """Return a provider for this server."""
        return SftpProvider(Setup("vendor", roots, self.options(**changes)))


@contextmanager
def sshd(folder: Path, *settings: str, sftp: str = "internal-sftp") -> Generator[SftpServer]:
    """Run OpenSSH's server, as whoever runs the tests."""
    if _SSHD is None:
        pytest.skip("no sshd here; on Debian: apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it locks itself in before the login
    server = _server(folder, {"key_file": folder / "user"})
    config = folder / "sshd_config"
    config.write_text(
        "\n".join(
            (
                *settings,
                f"Port {server.port}",
                "ListenAddress 127.0.0.1",
                f"HostKey {folder / 'host'}",
                f"AuthorizedKeysFile {folder / 'user.pub'}",
                "PidFile none",
                "StrictModes no",
                "UsePAM no",
                "PasswordAuthentication no",
                "PermitRootLogin prohibit-password",
                "MaxStartups 100",
                f"Subsystem sftp {sftp}",
                f"SetEnv HOME={folder}",  # commands do not wait for what the user's profile does
            )
        )
    )
    command = [_SSHD, "-f", str(config), "-D", "-e"]
    with served(command, server.port, folder / "sshd.log"):
        yield server


@contextmanager
def proftpd(folder: Path) -> Generator[SftpServer]:
    """Run ProFTPD with mod_sftp: passwords, other answers, `check-file`."""
    if _PROFTPD is None:
        pytest.skip("no ProFTPD here; on Debian: apt-get install proftpd-mod-crypto")
    server = _server(folder, {"user": "guest", "password": PASSWORD})
    me, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(os.getegid()).gr_name
    secret = subprocess.run(
        ["openssl", "passwd", "-6", PASSWORD], check=True, capture_output=True, text=True
    ).stdout.strip()
    users = folder / "users"
    users.write_text(f"guest:{secret}:{me.pw_uid}:{me.pw_gid}::{folder}:/bin/sh\n")
    users.chmod(0o600)
    config = folder / "proftpd.conf"
    config.write_text(
        "\n".join(
            (
                "LoadModule mod_sftp.c",
                "ServerType standalone",
                "ServerName test",
                f"Port {server.port}",
                "DefaultAddress 127.0.0.1",
                "SocketBindTight on",
                f"User {me.pw_name}",
                f"Group {group}",
                f"PidFile {folder / 'pid'}",
                f"ScoreboardFile {folder / 'scoreboard'}",
                f"DelayTable {folder / 'delay'}",
                "WtmpLog off",
                "TransferLog none",
                "UseReverseDNS off",
                "RequireValidShell off",
                "RootLogin on",
                "AuthOrder mod_auth_file.c",
                f"AuthUserFile {users}",
                "AllowOverwrite on",
                "AllowStoreRestart on",
                "SFTPEngine on",
                f"SFTPHostKey {folder / 'host'}",
                "SFTPAuthMethods password",
            )
        )
    )
    command = [_PROFTPD, "-n", "-q", "-c", str(config)]
    with served(command, server.port, folder / "proftpd.log"):
        yield server


def make_key(file: Path) -> None:
    """Write a new private key, and its public half beside it."""
    key = generate_private_key("ssh-ed25519")  # pyright: ignore[reportUnknownVariableType]  # its **kwargs have no types
    key.write_private_key(file)
    key.write_public_key(file.with_suffix(".pub"))
    file.chmod(0o600)


def _server(folder: Path, login: dict[str, Any]) -> SftpServer:
    for name in ("host", "user"):
        make_key(folder / name)
    server = SftpServer(free_port(), folder, login)
    key_line = read_public_key(server.host_key).export_public_key().decode()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {key_line}")
    return server
