"""A link put in a folder's place on a server, after that folder was looked at and remembered."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers.base import Location, PermanentFileError
from providers.sftp.provider import SftpProvider
from tests.safety.swapping import outside_in, root_in, swap
from tests.servers.sftp import SftpServer, sshd

_WHERE = Location("work", "shots/a.exr")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return root_in(tmp_path)


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    return outside_in(tmp_path, ["a.exr"], b"another's")


@pytest.fixture
async def provider(server: SftpServer, root: Path) -> AsyncIterator[SftpProvider]:
    async with server.provider({"work": str(root)}) as entered:
        yield entered


async def test_nothing_is_removed_behind_a_link_that_came_later(
    provider: SftpProvider, root: Path, outside: Path
) -> None:
    assert await provider.facts(_WHERE)
    swap(root, outside)

    with pytest.raises(PermanentFileError, match="leads out of its root"):
        await provider.remove(_WHERE)

    assert (outside / "a.exr").read_bytes() == b"another's"


async def test_nothing_is_published_behind_a_link_that_came_later(
    provider: SftpProvider, root: Path, outside: Path
) -> None:
    handle = await provider.stage(_WHERE, "c1", 1)
    (outside / ".sitesync-c1.part").write_bytes(b"planted")
    swap(root, outside)

    (told,) = await provider.publish([(handle, None)])

    assert isinstance(told, PermanentFileError)
    assert (outside / "a.exr").read_bytes() == b"another's"
