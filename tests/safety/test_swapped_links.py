"""A link put in a folder's place while bytes move: nothing outside the root is read or touched."""

from __future__ import annotations

import sys
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from providers.base import Handle, Location, ProviderError, Setup
from providers.checksums import checksum_of
from providers.folders import disk
from providers.folders.paths import Paths
from providers.local_drive import LocalDrive, LocalDriveOptions
from tests.safety.swapping import outside_in, root_in, swap

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no folder is held open there")

_SECRET = b"another department's picture"
_FILE = Location("work", "shots/a.exr")
_HANDLE = Handle(_FILE, "c1")
_STAGED = ".sitesync-c1.part"
Act = Callable[[LocalDrive, LocalDrive], Awaitable[object]]


def _site(root: Path) -> LocalDrive:
    return LocalDrive(Setup("studio", {"work": str(root)}, LocalDriveOptions()))


def _seen(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _times(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Return a folder of somebody else's, with names that the attacker knows."""
    return outside_in(tmp_path, ("a.exr", "b.exr", _STAGED), _SECRET)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return root_in(tmp_path)


@pytest.fixture
async def drive(root: Path) -> AsyncGenerator[LocalDrive]:
    async with _site(root) as entered:
        yield entered


@pytest.fixture
async def other(tmp_path: Path) -> AsyncGenerator[LocalDrive]:
    """Return a second site, which holds the same files."""
    (tmp_path / "other/shots").mkdir(parents=True)
    for name in ("a.exr", "b.exr"):
        (tmp_path / "other/shots" / name).write_bytes(b"published")
    async with _site(tmp_path / "other") as entered:
        await entered.make_marker("work")
        yield entered


async def _read(drive: LocalDrive, _: LocalDrive) -> bytes:
    async with drive.read(_FILE) as reader:
        return b"".join([chunk async for chunk in reader])


async def _write(drive: LocalDrive, _: LocalDrive) -> None:
    async with drive.write(_HANDLE) as sink:
        await sink.write(b"written")


async def _copy_here(drive: LocalDrive, other: LocalDrive) -> object:
    handle = Handle(_FILE, "c2")
    return await drive.stage_from_disk(lambda: other.local_path(_FILE), handle, lambda _: None)


async def _copy_away(drive: LocalDrive, other: LocalDrive) -> object:
    handle = Handle(Location("work", "away.exr"), "c2")
    return await other.stage_from_disk(lambda: drive.local_path(_FILE), handle, lambda _: None)


async def _bundle_here(drive: LocalDrive, other: LocalDrive) -> object:
    return await drive.stage_small(other, [Handle(Location("work", "shots/b.exr"), "c2")])


async def _bundle_away(drive: LocalDrive, other: LocalDrive) -> object:
    (other.root_path("work") / "shots/a.exr").unlink()
    return await other.stage_small(drive, [Handle(_FILE, "c2")])


async def _publish(drive: LocalDrive, _: LocalDrive) -> object:
    return await drive.publish([(_HANDLE, 1)])


_ACTS: dict[str, Act] = {
    "read": _read,
    "read small": lambda drive, _: drive.read_small([_FILE]),
    "hash": lambda drive, _: drive.checksum(_FILE, "xxh128"),
    "stage": lambda drive, _: drive.stage(_FILE, "c2", 1),
    "stage below": lambda drive, _: drive.stage(Location("work", "shots/new/a.exr"), "c2", 1),
    "write": _write,
    "adopt": lambda drive, _: drive.adopt(_HANDLE, "c2"),
    "publish": _publish,
    "revoke": lambda drive, _: drive.revoke(_HANDLE),
    "remove": lambda drive, _: drive.remove(_FILE),
    "copy here": _copy_here,
    "copy away": _copy_away,
    "bundle here": _bundle_here,
    "bundle away": _bundle_away,
}


@contextmanager
def _swapped_after_the_check(root: Path, outside: Path) -> Generator[None]:
    """Put a link in the folder's place as soon as a path of this site has been checked."""
    check = Paths.file

    def checked(paths: Paths, where: Location) -> Path:
        path = check(paths, where)
        if paths.root("work") == root:
            _swap_once(root, outside)
        return path

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Paths, "file", checked)
        yield


@contextmanager
def _swapped_after_opening(root: Path, outside: Path) -> Generator[None]:
    """Put a link in the folder's place as soon as what was opened in it was asked where it lies."""
    ask = disk.place_of

    def asked(opened: int) -> str | None:
        place = ask(opened)
        if place and Path(place).is_relative_to(root / "shots"):
            _swap_once(root, outside)
        return place

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(disk, "place_of", asked)
        yield


def _swap_once(root: Path, outside: Path) -> None:
    if not (root / "shots").is_symlink():
        swap(root, outside)


@pytest.mark.parametrize("swapped", [_swapped_after_the_check, _swapped_after_opening])
@pytest.mark.parametrize("act", _ACTS)
async def test_a_link_that_comes_between_check_and_use_leads_nowhere(
    drive: LocalDrive,
    other: LocalDrive,
    outside: Path,
    act: str,
    swapped: Callable[[Path, Path], AbstractContextManager[None]],
) -> None:
    await drive.stage(_FILE, "c1", 1)
    before, times = _seen(outside), _times(outside)
    root = drive.root_path("work")
    answer: object = None

    with swapped(root, outside), suppress(ProviderError):
        answer = await _ACTS[act](drive, other)

    assert (root / "shots").is_symlink(), "nothing was looked at, so nothing was tried"
    assert _seen(outside) == before
    assert _times(outside) == times
    assert answer != checksum_of("xxh128", [_SECRET]), "what lies outside was read"
    assert not any(_SECRET in path.read_bytes() for path in _files(other.root_path("work")))
    assert _SECRET not in repr(answer).encode()


async def test_a_link_in_the_staged_files_place_is_not_written_through(
    drive: LocalDrive, root: Path, outside: Path
) -> None:
    await drive.stage(_FILE, "c1", 1)
    (root / "shots" / _STAGED).unlink()
    (root / "shots" / _STAGED).symlink_to(outside / "a.exr")

    with pytest.raises(ProviderError):
        await _write(drive, drive)
    (told,) = await drive.publish([(_HANDLE, 1)])

    assert isinstance(told, ProviderError)
    assert (outside / "a.exr").read_bytes() == _SECRET
    assert (root / "shots/a.exr").read_bytes() == b"published"


async def test_a_folder_that_is_swapped_all_the_time_lets_nothing_out(
    drive: LocalDrive, other: LocalDrive, root: Path, outside: Path
) -> None:
    before, over, done = _seen(outside), threading.Event(), 0

    def swap_all_the_time() -> None:
        shots, turns = root / "shots", count()
        while not over.is_set():  # where a new folder was made meanwhile, that is swapped next
            real = root / f"real{next(turns)}"
            for step in (
                partial(shots.rename, real),
                partial(shots.symlink_to, outside),
                shots.unlink,
                partial(real.rename, shots),
            ):
                with suppress(OSError):
                    step()

    attacker = threading.Thread(target=swap_all_the_time)
    attacker.start()
    try:
        for turn in range(300):
            handle = Handle(_FILE, f"turn{turn}")
            with suppress(ProviderError):
                assert await _read(drive, other) != _SECRET
                done += 1
            with suppress(ProviderError):
                await other.stage_from_disk(
                    lambda: drive.local_path(_FILE),
                    Handle(Location("work", "away.exr"), handle.claim),
                    lambda _: None,
                )
            with suppress(ProviderError):
                await drive.stage_from_disk(lambda: other.local_path(_FILE), handle, lambda _: None)
                await drive.publish([(handle, 1)])
            with suppress(ProviderError):
                await drive.revoke(handle)
    finally:
        over.set()
        attacker.join()

    assert done, "every try was refused: nothing was shown"
    assert _seen(outside) == before
    assert not any(_SECRET in path.read_bytes() for path in _files(other.root_path("work")))


async def test_links_that_stay_inside_are_followed(drive: LocalDrive, root: Path) -> None:
    (root / "linked").symlink_to(root / "shots", target_is_directory=True)
    where = Location("work", "linked/new.exr")

    handle = await drive.stage(where, "c2", 1)
    async with drive.write(handle) as sink:
        await sink.write(b"inside")
    await drive.publish([(handle, 1)])

    assert (root / "shots/new.exr").read_bytes() == b"inside"
    assert drive.local_path(where) == root / "shots/new.exr"


async def test_a_root_that_is_a_link_itself_is_served(
    tmp_path: Path, root: Path, other: LocalDrive
) -> None:
    (tmp_path / "mnt").symlink_to(root, target_is_directory=True)
    async with _site(tmp_path / "mnt") as drive:
        assert await _read(drive, other) == b"published"
        assert await _copy_away(drive, other)
        assert await _copy_here(drive, other)


async def test_a_share_that_calls_its_folders_in_another_case_is_served(
    drive: LocalDrive, root: Path, other: LocalDrive, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root.parent / "ROOT").symlink_to(root)  # as it is found on a disk that folds case
    asked = disk.place_of

    def in_capitals(opened: int) -> str:
        return (asked(opened) or "").replace("/root", "/ROOT").replace("/shots", "/SHOTS")

    monkeypatch.setattr(disk, "place_of", in_capitals)

    assert await _read(drive, other) == b"published"
    assert await _copy_away(drive, other)
    assert await _copy_here(drive, other)


def _files(folder: Path) -> Generator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
