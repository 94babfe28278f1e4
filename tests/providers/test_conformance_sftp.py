"""The suite over three servers: OpenSSH, OpenSSH as it was long ago, and ProFTPD."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers.base import Provider
from providers.conformance.suite import (
    CopyConformance,
    FolderConformance,
    ProviderConformance,
    ServerConformance,
)
from tests.servers.processes import free_port
from tests.servers.sftp import SftpServer, proftpd, sshd

_NEWER = "posix-rename,fsync,statvfs,fstatvfs,limits,lsetstat,copy-data"


@pytest.fixture(scope="module")
def openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def old_openssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    folder = tmp_path_factory.mktemp("old")
    with sshd(folder, "ForceCommand internal-sftp -P " + _NEWER) as server:
        yield server


@pytest.fixture(scope="module")
def mod_sftp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with proftpd(tmp_path_factory.mktemp("proftpd")) as server:
        yield server


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    for name in ("work", "bare"):
        (tmp_path / "roots" / name).mkdir(parents=True)
    return tmp_path / "roots" / "work"


@pytest.fixture
async def provider(server: SftpServer, storage: Path) -> AsyncIterator[Provider]:
    roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
    async with server.provider(roots) as entered:
        yield entered


@pytest.fixture
async def neighbour(server: SftpServer, tmp_path: Path) -> AsyncIterator[Provider]:
    async with server.provider({"work": str(tmp_path / "neighbour")}) as entered:
        yield entered


class TestOpenSsh(ProviderConformance, FolderConformance, CopyConformance):
    @pytest.fixture
    def server(self, openssh: SftpServer) -> SftpServer:
        return openssh

    @pytest.fixture
    async def other(self, server: SftpServer, storage: Path) -> AsyncIterator[Provider]:
        roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
        async with server.provider(roots) as entered:
            yield entered


class TestOpenSshWithoutExtensions(ProviderConformance, FolderConformance):
    @pytest.fixture
    def server(self, old_openssh: SftpServer) -> SftpServer:
        return old_openssh


class TestProftpd(ProviderConformance, FolderConformance):
    @pytest.fixture
    def server(self, mod_sftp: SftpServer) -> SftpServer:
        return mod_sftp


class TestTrouble(ServerConformance):
    @pytest.fixture
    def unreachable(self, mod_sftp: SftpServer) -> Provider:
        return mod_sftp.provider({"work": "/work"}, port=free_port())

    @pytest.fixture
    def refused(self, mod_sftp: SftpServer) -> Provider:
        return mod_sftp.provider({"work": "/work"}, password="not this one")
