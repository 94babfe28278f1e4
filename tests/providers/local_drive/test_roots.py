"""Roots and markers on a disk."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from providers.base import Location, Marker, PermanentFileError, Setup, SiteError
from providers.local_drive import KIND, LocalDrive, LocalDriveOptions

from .conftest import handle, names_in, site


async def test_nothing_is_written_below_a_root_without_a_marker(
    drive: LocalDrive, root: Path, source: Path
) -> None:
    with pytest.raises(SiteError) as staging:
        await drive.stage(Location("work", "shot/file.exr"), "c1", 1)
    with pytest.raises(SiteError) as copying:
        await drive.stage_from_disk(lambda: source, handle("shot/file.exr"), lambda _: None)

    assert staging.value.kind == copying.value.kind == "marker"
    assert "sitesync site init studio" in str(staging.value)
    assert names_in(root) == []


async def test_a_root_that_is_not_there_is_an_error_that_names_the_command(
    tmp_path: Path,
) -> None:
    async with site(tmp_path / "unmounted") as drive:
        with pytest.raises(SiteError, match="sitesync site init studio"):
            await drive.marker("work")

    assert not (tmp_path / "unmounted").exists()


async def test_making_the_marker_makes_the_root(tmp_path: Path) -> None:
    async with site(tmp_path / "a/new/root") as drive:
        made = await drive.make_marker("work")

        assert await drive.marker("work") == made


async def test_two_sites_on_one_folder_see_one_marker(
    drive: LocalDrive, root: Path, marker: Marker
) -> None:
    async with site(root) as other:
        assert await other.marker("work") == marker


async def test_a_damaged_marker_is_an_error_and_stays_as_it_is(
    drive: LocalDrive, root: Path
) -> None:
    (root / ".sitesync-root").write_text("")

    with pytest.raises(SiteError, match="damaged"):
        await drive.make_marker("work")

    assert (root / ".sitesync-root").read_text() == ""


async def test_a_marker_is_made_where_there_are_no_hard_links(
    drive: LocalDrive, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", refuse)

    made = await drive.make_marker("work")

    assert await drive.marker("work") == made
    assert names_in(root) == [".sitesync-root"]


async def test_a_disk_that_tells_case_apart_is_seen(drive: LocalDrive, root: Path) -> None:
    (root / "CaSe").touch()
    folds = (root / "cAsE").exists()

    assert (await drive.make_marker("work")).folds_case is folds


async def test_a_disk_that_folds_case_is_seen(
    drive: LocalDrive, root: Path, marker: Marker
) -> None:
    if not marker.folds_case:  # stand in for it: the other spelling means the same file
        (root / ".SITESYNC-ROOT").hardlink_to(root / ".sitesync-root")

    found = await drive.marker("work")

    assert found is not None
    assert found.folds_case
    assert found.key("Shot/A.exr") == found.key("shot/a.EXR")


async def test_a_relative_root_is_refused() -> None:
    setup = Setup("studio", {"": "projects"}, LocalDriveOptions())
    async with KIND.make(setup) as drive:
        with pytest.raises(SiteError, match="whole path") as told:
            await drive.marker("")

    assert told.value.kind == "settings"


async def test_a_local_path_stays_below_its_root(
    drive: LocalDrive, root: Path, marker: Marker
) -> None:
    assert drive.local_path(Location("work", "a/b.exr")) == root / "a/b.exr"
    with pytest.raises(PermanentFileError):
        drive.local_path(Location("work", "../b.exr"))


async def test_staged_files_below_a_root_without_a_marker_are_not_told(
    drive: LocalDrive, root: Path
) -> None:
    (root / ".sitesync-c1.part").touch()

    with pytest.raises(SiteError) as refused:
        _ = [file async for file in drive.staged("work")]

    assert refused.value.kind == "marker"


async def test_staged_files_behind_a_link_are_not_told(
    drive: LocalDrive, marker: Marker, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/.sitesync-c1.part").touch()
    (root / "link").symlink_to(tmp_path / "outside", target_is_directory=True)

    assert [file async for file in drive.staged("work")] == []
