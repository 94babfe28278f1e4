"""
The suite over remotes that can do different things.

A disk renames, hashes and keeps times to the nanosecond; WebDAV keeps seconds and hashes nothing,
or not even times; memory copies and hashes, but does not rename; `crypt` hides names and hashes.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from providers.base import PermanentFileError, Provider, Unlisted
from providers.conformance.moves import at, payload, put
from providers.conformance.names import CALLS, ODD, Call, NameConformance
from providers.conformance.suite import FolderConformance, ProviderConformance
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


@pytest.fixture(scope="module", autouse=True)
async def _one_daemon(config: Path) -> AsyncIterator[None]:
    """Keep the daemon that all tests share running from the first to the last."""
    async with site("memory:", config, {"work": "none"}):
        yield


class RcloneConformance(ProviderConformance):
    """All that holds for every provider, but for the names that rclone does not keep."""

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

        async with provider.read(at("file.exr")) as reader:
            assert b"".join([chunk async for chunk in reader]) == newer


class OfRemote(RcloneConformance):
    """A remote of which each test has two folders of its own."""

    remote: str

    @pytest.fixture
    async def provider(self, config: Path) -> AsyncIterator[Provider]:
        own = uuid4().hex
        async with site(self.remote, config, {"work": f"{own}/work", "bare": f"{own}/bare"}) as one:
            yield one


class TestDisk(RcloneConformance, FolderConformance):
    @pytest.fixture
    def storage(self, tmp_path: Path) -> Path:
        for name in ("work", "bare"):
            (tmp_path / "roots" / name).mkdir(parents=True)
        return tmp_path / "roots/work"

    @pytest.fixture
    async def provider(self, storage: Path, config: Path) -> AsyncIterator[Provider]:
        roots = {"work": str(storage), "bare": str(storage.parent / "bare")}
        async with site("disk", config, roots) as one:
            yield one

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


class TestMemory(OfRemote):
    remote = "memory:bucket"


class TestCrypt(OfRemote):
    remote = "hidden:"
