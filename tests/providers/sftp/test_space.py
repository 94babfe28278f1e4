"""How much more an SFTP server takes, as far as it tells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

from providers.sftp.provider import SftpProvider
from providers.space import Space
from tests.servers.sftp import SftpServer

_SIZE = 32 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder that is a disk of its own, which nobody else fills or empties."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", folder], check=False)
    if mounted.returncode:
        pytest.skip("only root may mount a disk for this test")
    try:
        yield folder
    finally:
        run(["umount", "-l", folder], check=True)


async def space_of(provider: SftpProvider) -> Space | None:
    assert provider.features.space
    return await provider.space("work")


async def test_it_is_what_the_disk_below_the_root_has(server: SftpServer, disk: Path) -> None:
    async with server.provider({"work": str(disk)}) as provider:
        empty = await space_of(provider)
        (disk / "cache.abc").write_bytes(bytes(8 * 1024 * 1024))
        fuller = await space_of(provider)
        usage = shutil.disk_usage(disk)

    assert empty == Space(_SIZE, _SIZE)
    assert fuller == Space(usage.free, usage.total) == Space(_SIZE * 3 // 4, _SIZE)


async def test_of_a_root_that_is_not_made_yet_nothing_is_told(
    server: SftpServer, tmp_path: Path
) -> None:
    async with server.provider({"work": str(tmp_path / "none")}) as provider:
        assert await space_of(provider) is None
