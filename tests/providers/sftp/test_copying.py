"""What the server copies by itself, and what it is not asked to."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from providers.base import Location, Marker, PermanentFileError, Setup
from providers.memory import Memory, MemoryOptions
from providers.services import CopyRefusedError
from providers.sftp import copying
from providers.sftp.provider import SftpProvider
from tests.servers.sftp import SftpServer, sshd

FILE = Location("work", "shot/file.exr")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The root of another site, with its marker and one file."""
    folder = tmp_path / "other"
    (folder / "shot").mkdir(parents=True)
    (folder / ".sitesync-root").write_text("fedcba9876543210\n")
    (folder / FILE.path).write_bytes(b"original")
    return folder


async def copied(provider: SftpProvider, source: SftpProvider) -> bytes:
    facts = await source.facts(FILE)
    assert facts is not None
    handle = await provider.begin_copy(FILE, uuid4().hex, facts.size)
    await provider.copy(source, facts, handle, lambda _: None)
    async with provider.read_staged(handle) as reader:
        return b"".join([chunk async for chunk in reader])


async def test_large_files_are_copied_part_by_part(
    server: SftpServer, root: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 1000)
    content = bytes(range(256)) * 37
    (other / FILE.path).write_bytes(content)

    async with (
        server.provider({"work": str(root)}) as to,
        server.provider({"work": str(other)}) as source,
    ):
        assert await copied(to, source) == content


async def test_other_servers_and_other_kinds_of_site_are_not_copied_from(
    server: SftpServer, root: Path, other: Path, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    memory = Memory(Setup("cache", {"work": "/work"}, MemoryOptions()))
    with sshd(tmp_path / "second") as second:
        async with (
            server.provider({"work": str(root)}) as to,
            second.provider({"work": str(other)}) as source,
        ):
            assert not to.copies_from(source)
            assert not to.copies_from(memory)


async def test_where_no_checksums_are_told_nothing_is_copied(
    server: SftpServer, root: Path, other: Path
) -> None:
    async with (
        server.provider({"work": str(root)}) as to,
        server.provider({"work": str(other)}, checksum="off") as source,
    ):
        assert not to.copies_from(source)
        assert not source.features.copies


async def test_a_server_without_the_extension_does_not_copy(
    tmp_path: Path, root: Path, other: Path
) -> None:
    (tmp_path / "old").mkdir()
    with sshd(tmp_path / "old", sftp="internal-sftp -P copy-data") as old:
        async with old.provider({"work": str(root)}) as to:
            assert to.features.checksums
            assert not to.features.copies


async def test_a_folder_that_is_another_one_to_this_login_is_not_copied_from(
    server: SftpServer, root: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def seen_by_its_own_login(_: str) -> Marker:
        return Marker("what is in another folder of this name")

    async with (
        server.provider({"work": str(root)}) as to,
        server.provider({"work": str(other)}) as source,
    ):
        monkeypatch.setattr(source, "marker", seen_by_its_own_login)

        with pytest.raises(CopyRefusedError, match="does not see"):
            await copied(to, source)


async def test_a_link_out_of_the_sources_root_is_not_copied(
    server: SftpServer, root: Path, other: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.exr").write_bytes(b"secret!!")
    async with (
        server.provider({"work": str(root)}) as to,
        server.provider({"work": str(other)}) as source,
    ):
        facts = await source.facts(FILE)
        assert facts is not None
        handle = await to.begin_copy(FILE, uuid4().hex, facts.size)
        (other / FILE.path).unlink()
        (other / FILE.path).symlink_to(tmp_path / "secret.exr")

        with pytest.raises(PermanentFileError, match="leads out"):
            await to.copy(source, facts, handle, lambda _: None)

        assert await to.staged_size(handle) == 0
