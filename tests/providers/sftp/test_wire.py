"""What comes is handed on in small pieces, whole and in order."""

from __future__ import annotations

import os
from pathlib import Path

import asyncssh
import pytest

from providers.base import Location
from tests.servers.sftp import SftpServer

_PIECE = 32 * 1024


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of all that asyncssh is given."""
    sizes: list[int] = []
    received = asyncssh.SSHClientConnection.data_received

    def noted(self: asyncssh.SSHClientConnection, data: bytes) -> None:
        sizes.append(len(data))
        received(self, data)

    monkeypatch.setattr(asyncssh.SSHClientConnection, "data_received", noted)
    return sizes


async def test_a_large_file_comes_whole_and_in_small_pieces(
    server: SftpServer, root: Path, pieces: list[int]
) -> None:
    content = os.urandom(8 * 1024 * 1024 + 1)
    (root / "cache.abc").write_bytes(content)

    async with (
        server.provider({"work": str(root)}) as provider,
        provider.read(Location("work", "cache.abc")) as reader,
    ):
        read = b"".join([chunk async for chunk in reader])

    assert read == content
    assert sum(pieces) > len(content)
    assert max(pieces) == _PIECE
