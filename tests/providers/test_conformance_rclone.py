"""
The suite over remotes that can do different things.

A disk renames, hashes and keeps times to the nanosecond; WebDAV keeps seconds and hashes nothing,
or not even times; memory copies and hashes, but does not rename; `crypt` hides names and hashes.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import pytest

from providers.base import PermanentFileError, Provider, Unlisted
from providers.conformance.moves import at, content_at, payload, put
from providers.conformance.names import CALLS, ODD, Call, NameConformance
from providers.conformance.suite import (
    CopyConformance,
    FolderConformance,
    ProviderConformance,
)
from tests.servers.rclone import configuration, obscured, serving, site

_FAST = {"pacer_min_sleep": "0s"}
UNKEPT = tuple(name for name in ODD if "\n" in name)


@pytest.fixture(scope="module")
def webdav(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("webdav") / "files"
    folder.mkdir()
    with serving("webdav", folder) as port:
        yield port


@pytest.fixture(scope="module")
def config(webdav: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One configuration with all remotes."""
    url = f"http://127.0.0.1:{webdav}/"
    folder = tmp_path_factory.mktemp("rclone")
    return configuration(
        folder / "rclone.conf",
        {
            "disk": {"type": "local"},
            "dav": {"type": "webdav", "url": url, "vendor": "rclone", **_FAST},
            "old_dav": {"type": "webdav", "url": url, "vendor": "other", **_FAST},
            "memory": {"type": "memory"},
            "hidden": {"type": "crypt", "remote": "memory:hidden", "password": obscured("x")},
        },
    )


@pytest.fixture(scope="module")
def another_machines(config: Path) -> Path:
    """The same configuration at another place: another rclone, as another machine has one."""
    return Path(shutil.copy(config, config.with_name("another.conf")))


@pytest.fixture(scope="module", autouse=True)
async def _two_daemons(config: Path, another_machines: Path) -> AsyncIterator[None]:
    """Keep the daemons that all tests share running from the first to the last."""
    roots = {"work": "none"}
    async with site("memory:", config, roots), site("memory:", another_machines, roots):
        yield


class RcloneConformance(ProviderConformance):
    """All that holds for every provider, but for the names that rclone does not keep."""

    remote: str

    @pytest.fixture
    async def provider(self, config: Path, roots: dict[str, str]) -> AsyncIterator[Provider]:
        async with site(self.remote, config, roots) as entered:
            yield entered

    @pytest.fixture
    def others(self, another_machines: Path) -> Path:
        """The configuration of whoever else uses the same remote."""
        return another_machines

    @pytest.fixture
    async def other(self, others: Path, roots: dict[str, str]) -> AsyncIterator[Provider]:
        async with site(self.remote, others, roots) as entered:
            yield entered

    @pytest.mark.parametrize("name", [name for name in ODD if name not in UNKEPT])
    async def test_an_odd_name_is_kept_as_it_is(self, provider: Provider, name: str) -> None:
        await NameConformance.test_an_odd_name_is_kept_as_it_is(self, provider, name)

    @pytest.mark.parametrize("name", UNKEPT)
    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
    async def test_a_name_that_is_not_kept_is_refused_for_good(
        self, provider: Provider, call: Call, name: str
    ) -> None:
        with pytest.raises(PermanentFileError, match="rename the file"):
            await call(provider, at(f"shot/{name}"))

    async def test_a_file_of_the_same_size_and_time_is_replaced(self, provider: Provider) -> None:
        await put(provider, "file.exr", payload(10))
        newer = payload(10)

        await put(provider, "file.exr", newer)

        assert await content_at(provider, "file.exr") == newer


class OfRemote(RcloneConformance):
    """A remote of which each test has two folders of its own."""

    @pytest.fixture
    def roots(self) -> dict[str, str]:
        own = uuid4().hex
        return {"work": f"{own}/work", "bare": f"{own}/bare"}


class TestDisk(RcloneConformance, FolderConformance):
    remote = "disk"

    @pytest.fixture
    def storage(self, tmp_path: Path) -> Path:
        for name in ("work", "bare"):
            (tmp_path / "roots" / name).mkdir(parents=True)
        return tmp_path / "roots/work"

    @pytest.fixture
    def roots(self, storage: Path) -> dict[str, str]:
        return {"work": str(storage), "bare": str(storage.parent / "bare")}

    async def test_a_listing_leaves_out_names_that_are_not_unicode_and_tells_them(
        self, provider: Provider, storage: Path
    ) -> None:
        """As of every provider, but rclone does not say which bytes they are of."""
        (storage / os.fsdecode(b"bad\xff")).mkdir()
        (storage / os.fsdecode(b"bad\xff") / "below.exr").touch()
        (storage / os.fsdecode(b"bad\xff.exr")).touch()
        await put(provider, "good.exr", payload(1))
        told: list[Unlisted] = []

        found = [file.where.path async for file in provider.listing("work", "", "", told.append)]

        assert found == ["good.exr"]
        assert {one.where.path for one in told} == {"bad\ufffd", "bad\ufffd.exr"}


class TestWebdav(OfRemote):
    remote = "dav:"


class TestWebdavWithoutTimes(OfRemote):
    remote = "old_dav:below"

    async def test_a_reader_passes_no_mix_of_two_files_for_a_whole_one(
        self, provider: Provider, other: Provider
    ) -> None:
        """As of every provider, but such a server tells apart only what came in other seconds."""
        await put(provider, "file.exr", payload(1000))
        newer = payload(1000)

        async with provider.read(at("file.exr")) as reader:
            await anyio.sleep(1.0)
            await put(other, "file.exr", newer)

            assert not await reader.unchanged()
        assert await content_at(provider, "file.exr") == newer


class InMemory(OfRemote):
    """What an rclone keeps in its memory no other one has."""

    @pytest.fixture
    def others(self, config: Path) -> Path:
        return config


class TestMemory(InMemory):
    remote = "memory:bucket"


class TestCopies(CopyConformance):
    """Between two folders of one remote, whose service copies by itself."""

    @pytest.fixture
    async def provider(self, config: Path) -> AsyncIterator[Provider]:
        async with site("memory:copies", config, {"work": uuid4().hex}) as entered:
            yield entered

    @pytest.fixture
    async def neighbour(self, config: Path) -> AsyncIterator[Provider]:
        async with site("memory:copies", config, {"work": uuid4().hex}) as entered:
            yield entered


class TestCrypt(InMemory):
    remote = "hidden:"
