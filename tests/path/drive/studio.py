"""A studio whose vendor is on Google Drive."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from uuid import uuid4

from providers.base import Provider, Setup
from providers.table import PROVIDERS
from tests.path.studio import Studio
from tests.servers.drive import DriveEmulator


@dataclass
class DriveStudio(Studio):
    """The vendor's root is a shared drive of its own, which is `shared`."""

    drive: DriveEmulator = field(kw_only=True)
    key_file: Path = field(kw_only=True)
    calls_per_second: float = field(default=1000.0, kw_only=True)

    @cached_property
    def shared_name(self) -> str:
        return f"Show {uuid4().hex[:8]}"

    @cached_property
    def shared(self) -> str:
        return self.drive.shared_drive(self.shared_name)

    def provider(self, name: str) -> Provider:
        if name != "vendor":
            return super().provider(name)
        kind = PROVIDERS["gdrive"]
        options = kind.options.model_validate(
            {
                "key_file": self.key_file,
                "endpoint": self.drive.url,
                "calls_per_second": self.calls_per_second,
            }
        )
        return kind.make(Setup(name, {"work": f"/{self.shared_name}"}, options))

    async def make_markers(self) -> None:
        for name in self.names:
            async with self.provider(name) as entered:
                await entered.make_marker("work")

    @property
    def at_vendor(self) -> dict[str, bytes]:
        """The bytes of what the vendor has, by path."""
        contents = self.drive.contents(self.shared)
        return {path: content for path, content in contents.items() if ".sitesync-" not in path}
