"""A tree is listed in order, with one reading of each folder, and some of them at a time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest

from providers.base import SiteError
from providers.sftp.listing import Listing
from providers.sftp.provider import SftpProvider
from providers.sftp.requests import Entry
from tests.servers.sftp import SftpServer


@dataclass
class Readings:
    """The folders that were read; `together` is how many at a time, `broken` one that fails."""

    broken: str = "-"
    folders: list[str] = field(default_factory=list[str])
    together: int = 0
    _now: int = 0

    async def note(self, listing: Listing, folder: str) -> list[Entry]:
        self.folders.append(folder)
        if folder == self.broken:
            raise SiteError("unreachable", "the connection was lost")
        self._now += 1
        self.together = max(self.together, self._now)
        await anyio.lowlevel.checkpoint()  # as if the server were far away
        found = await _ENTRIES(listing, folder)
        self._now -= 1
        return found


_ENTRIES = Listing._entries  # pyright: ignore[reportPrivateUsage] - one reading of one folder


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> Readings:
    noted = Readings()

    async def entries(listing: Listing, folder: str) -> list[Entry]:
        return await noted.note(listing, folder)

    monkeypatch.setattr(Listing, "_entries", entries)
    return noted


@pytest.fixture
async def provider(server: SftpServer, root: Path) -> AsyncIterator[SftpProvider]:
    """A site of 5 sequences of 10 shots each, with a frame in each shot."""
    for number in range(50):
        shot = root / f"sq{number % 5}/sh{number:02}"
        shot.mkdir(parents=True)
        (shot / "x.exr").touch()
    async with server.provider({"work": str(root)}) as entered:
        yield entered


async def listed(provider: SftpProvider, after: str = "") -> list[str]:
    return [file.where.path async for file in provider.listing("work", after=after)]


async def test_each_folder_is_read_once(provider: SftpProvider, readings: Readings) -> None:
    found = await listed(provider)

    assert found == sorted(found)
    assert len(found) == 50
    assert len(readings.folders) == len(set(readings.folders)) == 56


async def test_the_folders_that_come_next_are_read_together(
    provider: SftpProvider, readings: Readings
) -> None:
    await listed(provider)

    assert 8 < readings.together <= 16


async def test_after_a_path_no_folder_before_it_is_read(
    provider: SftpProvider, readings: Readings
) -> None:
    found = await listed(provider, after="sq4/sh39/x.exr")

    assert found == ["sq4/sh44/x.exr", "sq4/sh49/x.exr"]
    assert sorted(readings.folders) == ["", "sq4", "sq4/sh39", "sq4/sh44", "sq4/sh49"]


async def test_a_failure_of_the_site_comes_out_as_itself(
    provider: SftpProvider, readings: Readings
) -> None:
    readings.broken = "sq2"

    with pytest.raises(SiteError, match="was lost"):
        await listed(provider)
