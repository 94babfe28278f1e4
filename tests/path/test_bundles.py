"""Frames that are sent together to a real server: what is damaged there is never marked as it is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from providers.base import Handle, SiteError
from providers.sftp.provider import SftpProvider
from tests.path.studio import Studio, some_bytes
from tests.servers.sftp import SftpServer, sshd

FRAMES = 12
After = Callable[[Sequence[Handle], list[str | None]], Any]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@asynccontextmanager
async def vendor_at(studio: Studio, server: SftpServer) -> AsyncGenerator[SftpProvider]:
    """Let the vendor be an SFTP site, as the reactor is composed with."""
    vendor = server.provider({"work": str(studio.path("vendor"))})
    async with vendor:
        studio.providers["vendor"] = vendor
        yield vendor
    del studio.providers["vendor"]


def staged_at(studio: Studio) -> list[Path]:
    return sorted(studio.path("vendor").rglob("*.part"))


async def _published(studio: Studio) -> list[bytes]:
    contents = [some_bytes() for _ in range(FRAMES)]
    for n, content in enumerate(contents):
        studio.file(f"Show/x.{n:04}.exr", content)
    document = await studio.publish(
        *(studio.files_entry(f"Show/x.{n:04}.exr") for n in range(FRAMES))
    )
    await studio.run_until_idle()
    for n in range(FRAMES):
        entry = await studio.entry(document, "vendor", n)
        assert entry["verified"] == "checksum"
    return contents


async def test_what_is_damaged_before_it_is_hashed_is_sent_again(
    studio: Studio, server: SftpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SftpProvider.staged_checksums
    damaged: list[Path] = []

    async def damage_first(
        self: SftpProvider, handles: Sequence[Handle], algorithm: str
    ) -> Sequence[str | None]:
        if not damaged:
            damaged.append(staged_at(studio)[0])
            damaged[0].write_bytes(b"\0" * damaged[0].stat().st_size)
        return await whole(self, handles, algorithm)

    monkeypatch.setattr(SftpProvider, "staged_checksums", damage_first)
    async with vendor_at(studio, server):
        contents = await _published(studio)

    assert damaged
    there = [studio.path("vendor", f"Show/x.{n:04}.exr").read_bytes() for n in range(FRAMES)]
    assert there == contents


@pytest.mark.parametrize("answer", ["none", "short", "lost"])
async def test_what_the_server_cannot_tell_together_is_asked_for_alone(
    studio: Studio, server: SftpServer, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    async def odd(
        self: SftpProvider, handles: Sequence[Handle], algorithm: str
    ) -> Sequence[str | None]:
        del self, algorithm
        if answer == "lost":
            raise SiteError("unreachable", "the connection was lost")
        return [None] * (len(handles) - (answer == "short"))

    monkeypatch.setattr(SftpProvider, "staged_checksums", odd)
    async with vendor_at(studio, server):
        contents = await _published(studio)

    there = [studio.path("vendor", f"Show/x.{n:04}.exr").read_bytes() for n in range(FRAMES)]
    assert there == contents
    assert staged_at(studio) == []
