"""One server of each kind for all tests in here, and a root of each test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.sftp import SftpServer, proftpd, sshd


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """Run OpenSSH's server, which lets the key in the file `user` in."""
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="package")
def password_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    """Run ProFTPD, which lets a password in."""
    with proftpd(tmp_path_factory.mktemp("proftpd")) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of an empty root with a marker."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / ".sitesync-root").write_text("0123456789abcdef\n")
    return folder
