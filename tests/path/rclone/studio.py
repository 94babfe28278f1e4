"""A studio whose other sites are on remotes of rclone's; rclone's own command line looks there, too."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from providers.base import Provider, Setup
from providers.rclone import RcloneOptions
from providers.rclone.provider import RcloneProvider
from tests.path.studio import Studio
from tests.servers.rclone import RCLONE


@dataclass
class RcloneStudio(Studio):
    """`places` are where sites are, as rclone names it: each site is a folder of its name there."""

    config: Path = field(kw_only=True)
    places: Mapping[str, str] = field(kw_only=True)

    def setup(self, name: str) -> Setup:
        options = RcloneOptions(remote=self.places[name], config_file=self.config)
        return Setup(name, {"work": name}, options)

    def provider(self, name: str) -> Provider:
        if name in self.providers or name not in self.places:
            return super().provider(name)
        return RcloneProvider(self.setup(name))

    async def make_markers(self) -> None:
        async with AsyncExitStack() as together:  # one rclone for all of them
            for name in self.names:
                entered = await together.enter_async_context(self.provider(name))
                await entered.make_marker("work")

    def held(self, site: str, name: str) -> bytes:
        """The bytes of a file at a site."""
        return self._rclone("cat", f"{self.places[site]}/{site}/{name}")

    def hash_held(self, site: str, name: str) -> str:
        """The checksum that a site's service tells of a file."""
        told = self._rclone("hashsum", "md5", f"{self.places[site]}/{site}/{name}")
        return f"md5:{told.decode().split()[0]}"

    def names_held(self, site: str) -> set[str]:
        """The names of all files at a site, but for the marker."""
        told = self._rclone("lsf", "-R", "--files-only", f"{self.places[site]}/{site}")
        return {*told.decode().splitlines()} - {".sitesync-root"}

    def put_by_hand(self, site: str, name: str) -> None:
        """Copy a file of the studio's to a site."""
        to = f"{self.places[site]}/{site}/{name}"
        self._rclone("copyto", str(self.path("studio", name)), to)

    def _rclone(self, *arguments: str) -> bytes:
        command = [str(RCLONE), "--config", str(self.config), *arguments]
        return subprocess.run(command, check=True, capture_output=True, timeout=30).stdout
