"""The suite over the Drive emulator: a shared drive, and a folder of somebody's My Drive."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from providers.base import Provider
from providers.conformance.suite import ProviderConformance
from tests.providers.gdrive.sites import Studio, studio_of
from tests.servers.drive import DriveEmulator, drive_emulator


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriveEmulator]:
    with drive_emulator(tmp_path_factory.mktemp("drive")) as running:
        yield running


@pytest.fixture(scope="module")
def key_file(drive: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    email = drive.service_account("conformance", storage=10**12)
    return drive.key_file(tmp_path_factory.mktemp("key") / "key.json", email)


@pytest.fixture
def studio(drive: DriveEmulator, key_file: Path) -> Studio:
    return studio_of(drive, drive.service_account("conformance"), key_file)


class TestSharedDrive(ProviderConformance):
    @pytest.fixture
    async def provider(self, studio: Studio) -> AsyncIterator[Provider]:
        async with studio.provider() as entered:
            yield entered


class TestFolderOfSomebodysDrive(ProviderConformance):
    @pytest.fixture
    async def provider(self, studio: Studio) -> AsyncIterator[Provider]:
        shared = studio.drive.folder_in("root", f"shared-{uuid4().hex[:8]}")
        (name,) = [f.name for f in studio.drive.files() if f.id == shared]
        for root in ("work", "bare"):
            studio.drive.folder_in(shared, root)
        studio.drive.share(shared, studio.email)
        roots = {root: f"/My Drive/of the owner/{name}/{root}" for root in ("work", "bare")}
        async with studio.provider(roots) as entered:
            yield entered
