"""Small files staged together on a real server: whole and new, or left for a closer look."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from providers.base import Facts, Handle, Location, SiteError
from providers.checksums import checksum_of
from providers.sftp.provider import SftpProvider
from tests.servers.sftp import SftpServer


@pytest.fixture
async def vendor(server: SftpServer, root: Path) -> AsyncGenerator[SftpProvider]:
    async with server.provider({"work": str(root)}) as entered:
        yield entered


def handle(name: str, claim: str) -> Handle:
    return Handle(Location("work", name), claim)


def bundle(count: int) -> list[tuple[Handle, bytes]]:
    """Frames in two folders, the last one longer than what one request carries."""
    sizes = [*range(count - 1), 300_000]
    return [
        (handle(f"shot{n % 2}/é x.{n}.exr", f"c{n}"), os.urandom(size))
        for n, size in enumerate(sizes)
    ]


def staged_below(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*.part"))


async def test_all_files_of_a_bundle_are_staged_whole(vendor: SftpProvider, root: Path) -> None:
    files = bundle(40)

    staged = await vendor.stage_bundle(files)
    published = await vendor.publish([(one, 1_700_000_000 * 10**9) for one, _ in files])

    assert [*staged] == [True] * 40
    assert [*published] == [Facts(len(content), 1_700_000_000 * 10**9) for _, content in files]
    for one, content in files:
        assert (root / one.where.path).read_bytes() == content


async def test_it_says_that_it_takes_bundles(vendor: SftpProvider) -> None:
    assert vendor.features.bundles


async def test_where_something_stands_nothing_is_staged(vendor: SftpProvider, root: Path) -> None:
    files = bundle(6)
    there = root / files[2][0].where.path
    there.parent.mkdir()
    there.write_bytes(b"old")

    staged = await vendor.stage_bundle(files)

    assert [*staged] == [True, True, False, True, True, True]
    assert there.read_bytes() == b"old"
    assert ".sitesync-c2.part" not in staged_below(root)


async def test_another_file_staged_for_the_claim_stays_as_it_is(
    vendor: SftpProvider, root: Path
) -> None:
    files = bundle(3)
    (root / "shot1").mkdir()
    (root / "shot1" / ".sitesync-c1.part").write_bytes(b"what is there")

    staged = await vendor.stage_bundle(files)

    assert [*staged] == [True, False, True]
    assert (root / "shot1" / ".sitesync-c1.part").read_bytes() == b"what is there"


async def test_a_path_or_a_link_out_of_the_root_needs_a_closer_look(
    vendor: SftpProvider, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (root / "link").symlink_to(tmp_path / "outside")
    files = [
        (handle("../outside/a.exr", "c1"), b"a"),
        (handle("link/a.exr", "c2"), b"a"),
        (handle("a.exr", "c3"), b"a"),
    ]

    assert [*await vendor.stage_bundle(files)] == [False, False, True]
    assert [*(tmp_path / "outside").iterdir()] == []


async def test_without_a_marker_nothing_is_staged(vendor: SftpProvider, root: Path) -> None:
    (root / ".sitesync-root").unlink()

    with pytest.raises(SiteError, match="no marker"):
        await vendor.stage_bundle(bundle(3))

    assert staged_below(root) == []


async def test_a_bundle_that_is_cancelled_leaves_nothing(vendor: SftpProvider, root: Path) -> None:
    files = bundle(60)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(vendor.stage_bundle, files)
        while not staged_below(root):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()

    assert staged_below(root) == []
    assert [*await vendor.stage_bundle(files)] == [True] * 60


async def test_the_server_tells_the_checksums_of_a_bundle(vendor: SftpProvider) -> None:
    files = bundle(40)
    await vendor.stage_bundle(files)

    for algorithm in vendor.features.checksums:
        told = await vendor.staged_checksums([one for one, _ in files], algorithm)

        assert told == [checksum_of(algorithm, [content]) for _, content in files]
    assert vendor.features.checksums


async def test_what_is_not_there_has_no_checksum(vendor: SftpProvider) -> None:
    files = bundle(3)
    await vendor.stage_bundle(files)
    gone = handle("shot1/gone.exr", "c9")

    told = await vendor.staged_checksums([files[1][0], gone, files[2][0]], "md5")

    assert told[1] is None
    assert [told[0], told[2]] == [checksum_of("md5", [content]) for _, content in files[1:]]


async def test_by_the_extension_each_is_told_that_the_server_hashes(
    password_server: SftpServer, root: Path
) -> None:
    files = bundle(6)
    async with password_server.provider({"work": str(root)}) as vendor:
        await vendor.stage_bundle(files)

        told = await vendor.staged_checksums([one for one, _ in files], "sha256")

    right = [checksum_of("sha256", [content]) for _, content in files]
    assert told[1:] == right[1:]
    assert told[0] in (None, right[0])  # it may refuse to hash nothing
