"""Folders: made once, whoever makes them, and found by whatever name they have."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

import anyio
import pytest
from structlog.testing import capture_logs

from providers.base import Provider, SiteError, Unlisted
from providers.conformance.moves import at, content_at, listed, put
from tests.providers.gdrive.sites import Studio

_TREE = Path(__file__).parents[3]


async def test_three_processes_make_each_folder_once(studio: Studio, site: Provider) -> None:
    async def run(name: str) -> None:
        settings = (str(studio.key_file), studio.drive.url, studio.roots["work"])
        command = [sys.executable, "-m", "tests.providers.gdrive.making", *settings, name]
        await anyio.run_process(command, cwd=_TREE)

    async with anyio.create_task_group() as together:
        for name in ("one", "two", "three"):
            together.start_soon(run, name)

    made = studio.drive.files(studio.id)
    folders = Counter(file.path for file in made if file.blob is None)
    assert folders == dict.fromkeys(
        ("bare", "work", "work/Show", "work/Show/shots", "work/Show/shots/sh010"), 1
    )
    names = [f"Show/shots/sh010/{name}.{n}.exr" for name in ("one", "three", "two") for n in (0, 1)]
    assert list(await listed(site)) == names


async def test_a_name_with_quotes_is_found_again(studio: Studio, site: Provider) -> None:
    path = "it's a \\ 'shot'/x' or name != '.exr"
    await put(site, path, b"quoted")

    async with studio.provider() as other:
        assert await content_at(other, path) == b"quoted"
        assert await other.facts(at("it's a \\ 'shot'/x")) is None


async def test_a_name_in_another_case_is_another_file(studio: Studio, site: Provider) -> None:
    await put(site, "Show/Frame.exr", b"upper")
    await put(site, "show/frame.exr", b"lower")

    async with studio.provider() as other:
        assert await content_at(other, "Show/Frame.exr") == b"upper"
        assert await content_at(other, "show/frame.exr") == b"lower"


async def test_of_two_files_of_one_name_the_last_counts_and_a_person_is_told(
    studio: Studio, site: Provider
) -> None:
    folder = studio.drive.folder_in(studio.folder(), "Show")
    first = studio.drive.put(folder, "a.exr", b"first")
    await anyio.sleep(0.002)  # Drive tells times to the millisecond
    last = studio.drive.put(folder, "a.exr", b"the last")

    with capture_logs() as logs:
        facts = await site.facts(at("Show/a.exr"))
        assert await content_at(site, "Show/a.exr") == b"the last"
        await site.facts(at("Show/a.exr"))

    assert facts is not None
    assert facts.id == last
    told = [each for each in logs if each["log_level"] == "warning"]
    assert [(each["path"], each["used"], each["others"]) for each in told] == [
        (str(at("Show/a.exr")), last, [first])
    ]
    assert "rename or remove all but one" in told[0]["event"]


async def test_two_folders_of_one_name_are_one_to_us(studio: Studio, site: Provider) -> None:
    older = studio.drive.folder_in(studio.folder(), "Show")
    await anyio.sleep(0.002)
    newer = studio.drive.folder_in(studio.folder(), "Show")
    studio.drive.put(newer, "there.exr", b"there")

    await put(site, "Show/new.exr", b"new")

    assert await content_at(site, "Show/there.exr") == b"there"
    assert list(await listed(site)) == ["Show/new.exr", "Show/there.exr"]
    parents = {file.name: file.parent for file in studio.drive.files(studio.id)}
    assert parents["new.exr"] == older


async def test_a_name_that_no_disk_takes_is_told_and_left_out(
    studio: Studio, site: Provider
) -> None:
    studio.drive.put(studio.folder(), "a/b.exr", b"slash")
    odd = studio.drive.folder_in(studio.folder(), "..")
    studio.drive.put(odd, "hidden.exr", b"hidden")
    studio.drive.put(studio.folder(), "good.exr", b"good")
    told: list[Unlisted] = []

    found = [file.where.path async for file in site.listing("work", unlisted=told.append)]

    assert found == ["good.exr"]
    assert {(each.where.path, each.folder) for each in told} == {("a/b.exr", False), ("..", True)}
    assert all("rename it in Drive" in each.why for each in told)


async def test_a_root_that_is_not_shared_names_the_address_to_share_it_with(
    studio: Studio,
) -> None:
    async with studio.provider({"work": "/My Drive/projects/Bunny"}) as entered:
        with pytest.raises(SiteError, match=f"the folder 'Bunny' with {studio.email}") as refused:
            await entered.marker("work")
    assert refused.value.kind == "settings"


@pytest.mark.parametrize(
    "address",
    [
        "https://drive.google.com/drive/folders/{id}",
        "https://drive.google.com/drive/u/1/folders/{id}?usp=sharing",
        "https://drive.google.com/open?id={id}&usp=drive_fs",
    ],
)
async def test_names_behind_a_folders_address_lead_on_from_there(
    studio: Studio, address: str
) -> None:
    address = address.format(id=studio.id)

    async with studio.provider(
        {"work": f"{address}/films", "deep": f"{address}/films/a/b"}
    ) as site:
        await site.make_marker("work")
        with pytest.raises(SiteError, match="shared"):
            await site.marker("deep")
        await site.make_marker("deep")
        await put(site, "x.exr", b"below")
        assert await site.marker("deep") is not None
    async with studio.provider({"work": address}) as top:
        await top.make_marker("work")
        assert await content_at(top, "films/x.exr") == b"below"

    folders = [file.path for file in studio.drive.files(studio.id) if file.blob is None]
    assert sorted(folders) == ["bare", "films", "films/a", "films/a/b", "work"]
