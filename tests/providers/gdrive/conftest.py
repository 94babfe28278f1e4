"""A Drive emulator for all tests here, and for each a shared drive of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from providers.base import Provider
from tests.providers.gdrive.sites import Studio, studio_of
from tests.servers.drive import DriveEmulator, drive_emulator


@pytest.fixture(scope="package")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriveEmulator]:
    with drive_emulator(tmp_path_factory.mktemp("drive")) as running:
        yield running


@pytest.fixture
def drive(emulator: DriveEmulator) -> Iterator[DriveEmulator]:
    yield emulator
    emulator.faults()


@pytest.fixture(scope="package")
def key_file(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    email = emulator.service_account("studio", storage=10**12)
    return emulator.key_file(tmp_path_factory.mktemp("key") / "key.json", email)


@pytest.fixture
def studio(drive: DriveEmulator, key_file: Path) -> Studio:
    return studio_of(drive, drive.service_account("studio"), key_file)


@pytest.fixture
async def site(studio: Studio) -> AsyncIterator[Provider]:
    async with studio.provider() as entered:
        await entered.make_marker("work")
        yield entered
