"""Sites of the Drive emulator, as tests want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from providers.base import Provider, Setup
from providers.gdrive import KIND, GdriveOptions
from tests.servers.drive import DriveEmulator

SITE = "gdrive"


@dataclass(frozen=True)
class Studio:
    """A studio at Google: a service account, its key, and a shared drive of its own."""

    drive: DriveEmulator
    email: str
    key_file: Path
    name: str
    id: str

    @property
    def roots(self) -> dict[str, str]:
        """The folders `work` and `bare` of the shared drive, as settings name them."""
        return {name: f"/{self.name}/{name}" for name in ("work", "bare")}

    def options(self, **changes: object) -> GdriveOptions:
        """The settings of a site."""
        usual = {"key_file": self.key_file, "endpoint": self.drive.url, "calls_per_second": 1000}
        return GdriveOptions.model_validate({**usual, **changes})

    def provider(self, roots: Mapping[str, str] | None = None, **options: object) -> Provider:
        """A site, as one process has it."""
        return KIND.make(Setup(SITE, roots or self.roots, self.options(**options)))

    def folder(self, name: str = "work") -> str:
        """The id of a folder at the top of the shared drive, made if it is not there."""
        for file in self.drive.files():
            if file.parent == self.id and file.name == name:
                return file.id
        return self.drive.folder_in(self.id, name)


def studio_of(drive: DriveEmulator, email: str, key_file: Path) -> Studio:
    """A shared drive with the folders `work` and `bare`, of which the account is a member."""
    name = f"Studio {uuid4().hex[:8]}"
    drive_id = drive.shared_drive(name, fileOrganizer=email)
    studio = Studio(drive, email, key_file, name, drive_id)
    for folder in studio.roots:
        drive.folder_in(drive_id, folder)
    return studio
