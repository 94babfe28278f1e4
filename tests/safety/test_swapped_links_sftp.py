"""A link put in a folder's place on a server, after that folder was looked at and remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers.base import Location, PermanentFileError
from providers.sftp.provider import SftpProvider
from tests.servers.sftp import SftpServer, sshd

_WHERE = Location("work", "shots/a.exr")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    (folder / "shots").mkdir(parents=True)
    (folder / "shots/a.exr").write_bytes(b"published")
    (folder / ".sitesync-root").write_text("0123456789abcdef\n")
    return folder


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "a.exr").write_bytes(b"another's")
    return folder


@pytest.fixture
async def provider(server: SftpServer, root: Path) -> AsyncIterator[SftpProvider]:
    async with server.provider({"work": str(root)}) as entered:
        yield entered


def _swap(root: Path, outside: Path) -> None:
    (root / "shots").rename(root / "shots.real")
    (root / "shots").symlink_to(outside, target_is_directory=True)


async def test_nothing_is_removed_behind_a_link_that_came_later(
    provider: SftpProvider, root: Path, outside: Path
) -> None:
    assert await provider.facts(_WHERE)
    _swap(root, outside)

    with pytest.raises(PermanentFileError, match="leads out of its root"):
        await provider.remove(_WHERE)

    assert (outside / "a.exr").read_bytes() == b"another's"


async def test_nothing_is_published_behind_a_link_that_came_later(
    provider: SftpProvider, root: Path, outside: Path
) -> None:
    handle = await provider.stage(_WHERE, "c1", 1)
    (outside / ".sitesync-c1.part").write_bytes(b"planted")
    _swap(root, outside)

    (told,) = await provider.publish([(handle, None)])

    assert isinstance(told, PermanentFileError)
    assert (outside / "a.exr").read_bytes() == b"another's"
