"""A site on real disks: the test's own folder, and small ones that are mounted for one test."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from providers.base import Handle, Location, Marker, Setup
from providers.local_drive import LocalDrive, LocalDriveOptions

Mount = Callable[..., Path]


def site(root: Path) -> LocalDrive:
    return LocalDrive(Setup("studio", {"work": str(root)}, LocalDriveOptions()))


def handle(path: str, claim: str = "c1") -> Handle:
    return Handle(Location("work", path), claim)


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def remount_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "root"
    folder.mkdir()
    return folder


@pytest.fixture
async def drive(root: Path) -> AsyncGenerator[LocalDrive]:
    async with site(root) as entered:
        yield entered


@pytest.fixture
async def marker(drive: LocalDrive) -> Marker:
    return await drive.make_marker("work")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source.exr"
    file.write_bytes(bytes(range(256)) * 4096)
    return file


@pytest.fixture
def mount(tmp_path: Path) -> Generator[Mount]:
    """Mount file systems for the length of a test; where that is not allowed, skip it."""
    with ExitStack() as mounted:

        def make(*arguments: str) -> Path:
            folder = Path(tmp_path / f"disk{len(list(tmp_path.glob('disk*')))}")
            folder.mkdir()
            done = subprocess.run(
                ["mount", *arguments, str(folder)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                pytest.skip(f"mounting needs root and a kernel that allows it: {done.stderr}")
            mounted.callback(subprocess.run, ["umount", str(folder)], check=True)
            return folder

        yield make


@pytest.fixture
def reflink_disk(mount: Mount, tmp_path: Path) -> Path:
    """Return an XFS of its own in a file, where copies can share their blocks."""
    if shutil.which("mkfs.xfs") is None:
        pytest.skip("no mkfs.xfs here: install xfsprogs")
    image = tmp_path / "xfs.img"
    with image.open("wb") as file:
        file.truncate(320 * 1024 * 1024)
    subprocess.run(["mkfs.xfs", "-q", "-m", "reflink=1", str(image)], check=True)
    return mount("-o", "loop", str(image))
