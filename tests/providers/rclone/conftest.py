"""A disk as a remote, in a configuration of each test's own: so each has a daemon of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from providers.rclone.provider import RcloneProvider
from tests.servers.rclone import configuration, site


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of an empty root with a marker."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / ".sitesync-root").write_text("0123456789abcdef\n")
    return folder


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """rclone's configuration with one remote, `disk`."""
    return configuration(tmp_path / "rclone.conf", {"disk": {"type": "local"}})


@pytest.fixture
async def provider(config: Path, root: Path) -> AsyncIterator[RcloneProvider]:
    """The disk as a site."""
    async with site("disk", config, {"work": str(root)}) as entered:
        assert isinstance(entered, RcloneProvider)
        yield entered
