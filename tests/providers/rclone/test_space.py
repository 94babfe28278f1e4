"""How much more a remote takes, as far as rclone tells it."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from providers.base import SiteError
from providers.rclone.facts import space_of
from providers.rclone.provider import RcloneProvider
from providers.space import Space, SpaceProvider
from tests.servers.processes import free_port
from tests.servers.rclone import configuration, serving, site

_NOISE = 1 << 30  # what others write to this disk meanwhile


async def test_of_a_disk_it_is_what_the_disk_has(provider: RcloneProvider, root: Path) -> None:
    assert provider.features.space
    told = await provider.space("work")
    usage = shutil.disk_usage(root)

    assert told is not None
    assert told.total == usage.total
    assert abs(told.free - usage.free) < _NOISE


async def test_of_a_root_that_is_not_made_yet_nothing_is_told(config: Path, tmp_path: Path) -> None:
    async with site("disk", config, {"work": str(tmp_path / "none")}) as provider:
        assert isinstance(provider, SpaceProvider)
        assert await provider.space("work") is None


async def test_a_remote_that_cannot_tell_says_so_and_is_served(tmp_path: Path) -> None:
    config = configuration(tmp_path / "rclone.conf", {"m": {"type": "memory"}})
    async with site("m", config, {"work": "/work"}) as provider:
        assert not provider.features.space
        assert isinstance(provider, SpaceProvider)
        assert await provider.space("work") is None
        assert (await provider.make_marker("work")).id


async def test_a_server_that_tells_no_quota_after_all_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "served/work").mkdir(parents=True)
    with serving("webdav", tmp_path / "served") as port:
        remote = {"type": "webdav", "url": f"http://127.0.0.1:{port}", "vendor": "other"}
        config = configuration(tmp_path / "rclone.conf", {"dav": remote})
        async with site("dav", config, {"work": "/work"}) as provider:
            assert isinstance(provider, SpaceProvider)
            assert provider.features.space
            assert await provider.space("work") is None


async def test_a_server_that_is_away_is_the_site_s_trouble(tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    remote = {"type": "webdav", "url": url, "vendor": "other"}
    config = configuration(tmp_path / "rclone.conf", {"dav": remote})
    async with site("dav", config, {"work": "/work"}) as provider:
        assert isinstance(provider, SpaceProvider)
        with pytest.raises(SiteError, match="cannot be reached") as away:
            await provider.space("work")

    assert away.value.kind == "unreachable"


@pytest.mark.parametrize(
    ("usage", "space"),
    [
        ({"total": 10, "free": 4, "used": 6}, Space(4, 10)),
        ({"total": 10, "used": 6}, Space(4, 10)),
        ({"free": 4, "used": 6}, Space(4, 10)),
        ({"total": 10, "used": 12}, Space(0, 10)),
        ({"total": 10, "free": 12}, Space(10, 10)),
        ({"used": 6, "trashed": 1}, None),
        ({"total": 0, "free": 0, "used": 0}, None),
        ({"free": 4}, None),
        ({}, None),
    ],
)
def test_what_a_service_leaves_out_is_worked_out_or_not_told(
    usage: Mapping[str, int], space: Space | None
) -> None:
    assert space_of(usage) == space
