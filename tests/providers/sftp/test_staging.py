from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from providers.base import (
    CHUNK,
    ChangedFileError,
    Handle,
    Location,
    PermanentFileError,
    SiteError,
)
from providers.sftp.provider import SftpProvider
from providers.sftp.streams import FileSink
from tests.servers.sftp import SftpServer, sshd

_FILE = Location("work", "shot/file.exr")
_MANY = 64  # chunks


async def _staged(provider: SftpProvider, where: Location, content: bytes) -> Handle:
    handle = await provider.stage(where, uuid4().hex, len(content))
    async with provider.write(handle) as sink:
        for start in range(0, len(content), CHUNK):
            await sink.write(content[start : start + CHUNK])
        await sink.flush()
    return handle


async def test_without_its_marker_a_root_is_sent_nothing(
    server: SftpServer, tmp_path: Path
) -> None:
    async with server.provider({"work": str(tmp_path)}) as provider:
        with pytest.raises(SiteError, match="sitesync site init vendor") as refused:
            await provider.stage(_FILE, uuid4().hex, 1)

    assert refused.value.kind == "marker"
    assert _names(tmp_path) == []


async def test_a_damaged_marker_is_not_taken_for_an_id(server: SftpServer, root: Path) -> None:
    _marker(root).write_text("two words\n")

    async with server.provider({"work": str(root)}) as provider:
        with pytest.raises(SiteError, match="damaged"):
            await provider.marker("work")


async def test_a_root_without_a_leading_slash_lies_below_the_logins_folder(
    tmp_path: Path, root: Path
) -> None:
    (tmp_path / "sshd").mkdir()

    with sshd(tmp_path / "sshd", f"ForceCommand internal-sftp -d {tmp_path}") as running:
        async with running.provider({"work": "root"}) as provider:
            await provider.publish([(await _staged(provider, _FILE, b"here"), None)])

    assert (root / "shot/file.exr").read_bytes() == b"here"


async def test_a_folder_that_vanished_since_it_was_seen_is_made_again(
    server: SftpServer, root: Path
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        await provider.revoke(await _staged(provider, _FILE, b""))
        (root / "shot").rmdir()

        await provider.publish([(await _staged(provider, _FILE, b"new"), None)])

    assert (root / "shot/file.exr").read_bytes() == b"new"


async def test_a_folder_at_the_final_name_is_an_error_of_that_file(
    server: SftpServer, root: Path
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        handle = await _staged(provider, _FILE, b"x")
        good = await _staged(provider, Location("work", "shot/good.exr"), b"y")
        (root / "shot/file.exr").mkdir()

        refused, published = await provider.publish([(handle, None), (good, None)])

    assert isinstance(refused, PermanentFileError)
    assert "folder" in str(refused)
    assert not isinstance(published, Exception)


async def test_a_file_where_a_folder_is_needed_is_an_error_of_that_file(
    server: SftpServer, root: Path
) -> None:
    (root / "shot").write_bytes(b"")

    async with server.provider({"work": str(root)}) as provider:
        with pytest.raises(PermanentFileError, match="move that file away"):
            await provider.stage(_FILE, uuid4().hex, 1)


async def test_a_flush_does_not_wait_for_what_others_write_meanwhile(
    server: SftpServer, root: Path
) -> None:
    flushed = anyio.Event()
    written = 0

    async def flush(sink: FileSink) -> None:
        await sink.flush()
        flushed.set()

    async with server.provider({"work": str(root)}) as provider:
        handle = await provider.stage(_FILE, uuid4().hex, _MANY * CHUNK)
        async with provider.write(handle) as sink, anyio.create_task_group() as tasks:
            await sink.write(bytes(CHUNK))
            tasks.start_soon(flush, sink)
            while written < _MANY and not flushed.is_set():
                await sink.write(bytes(CHUNK))
                written += 1

    assert written < _MANY


@pytest.mark.parametrize("path", ["..\\..\\escape", "a/..\\b"])
async def test_a_windows_way_out_is_refused(server: SftpServer, root: Path, path: str) -> None:
    async with server.provider({"work": str(root)}) as provider:
        with pytest.raises(PermanentFileError):
            await provider.facts(Location("work", path))


async def test_a_name_that_is_too_long_is_an_error_of_that_file(
    server: SftpServer, root: Path
) -> None:
    async with server.provider({"work": str(root)}) as provider:
        with pytest.raises(PermanentFileError, match="too long"):
            await provider.stage(Location("work", "x" * 300), uuid4().hex, 1)

    assert _names(root) == [".sitesync-root"]


async def test_a_file_that_shrinks_while_it_is_read_is_an_error(
    server: SftpServer, root: Path
) -> None:
    (root / "file").write_bytes(bytes(20 * CHUNK))

    async with server.provider({"work": str(root)}) as provider:
        with pytest.raises(ChangedFileError):
            await _read_while_it_shrinks(provider, root / "file")


async def test_a_listing_of_many_files_is_whole(server: SftpServer, root: Path) -> None:
    names = {f"{n % 30}/frame.{n}.exr" for n in range(1500)}
    for name in names:
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()

    async with server.provider({"work": str(root)}) as provider:
        found = {listed.where.path async for listed in provider.listing("work")}

    assert found == names


async def test_a_server_that_takes_no_writes_is_told_from_a_broken_file(
    tmp_path: Path, root: Path
) -> None:
    (tmp_path / "sshd").mkdir()

    with sshd(tmp_path / "sshd", "ForceCommand internal-sftp -R") as running:
        async with running.provider({"work": str(root)}) as provider:
            with pytest.raises(PermanentFileError, match="right to read and write"):
                await provider.stage(Location("work", "file"), uuid4().hex, 1)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux mounts a small disk"
)
async def test_a_full_disk_is_a_failure_of_the_site(server: SftpServer, root: Path) -> None:
    with _mounted(root, "size=4m"):
        async with server.provider({"work": str(root)}) as provider:
            await provider.make_marker("work")
            with pytest.raises(SiteError) as full:
                await _staged(provider, _FILE, bytes(8 * CHUNK))

    assert full.value.kind == "full"


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="only root on Linux mounts a disk"
)
async def test_a_disk_mounted_read_only_is_a_failure_of_the_site(
    server: SftpServer, root: Path
) -> None:
    with _mounted(root, "size=4m"):
        async with server.provider({"work": str(root)}) as provider:
            await provider.make_marker("work")
            _make_read_only(root)
            with pytest.raises(SiteError) as refused:
                await provider.stage(Location("work", "file"), uuid4().hex, 1)

    assert refused.value.kind == "read-only"


def _marker(root: Path) -> Path:
    return root / ".sitesync-root"


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _read_while_it_shrinks(provider: SftpProvider, file: Path) -> None:
    async with provider.read(Location("work", file.name)) as reader:
        async for _ in reader:
            os.truncate(file, CHUNK)


def _make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


@contextmanager
def _mounted(folder: Path, options: str) -> Generator[None]:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
