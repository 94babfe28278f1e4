"""A studio whose vendor is on Google Drive, played by the emulator; rclone looks at the same place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.path.drive.studio import DriveStudio
from tests.path.studio import set_up
from tests.servers.drive import GOOGLE_TOKENS, DriveEmulator, drive_emulator
from tests.servers.drive.rclone import Rclone
from tests.servers.drive.tls_proxy import TlsProxy, tls_proxy


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DriveEmulator]:
    with drive_emulator(tmp_path_factory.mktemp("drive")) as running:
        yield running


@pytest.fixture(scope="session")
def proxy(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TlsProxy]:
    with tls_proxy(emulator.port, tmp_path_factory.mktemp("ca") / "ca.pem") as running:
        yield running


@pytest.fixture(scope="session")
def key_file(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return emulator.key_file(tmp_path_factory.mktemp("keys") / "key.json")


@pytest.fixture(scope="session")
def rclone_key(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "key.json"
    return emulator.key_file(file, emulator.service_account("rclone"), token_uri=GOOGLE_TOKENS)


@pytest.fixture
async def studio(
    client: AsyncMongoClient[dict[str, Any]],
    database: AsyncDatabase[dict[str, Any]],
    emulator: DriveEmulator,
    key_file: Path,
    tmp_path: Path,
) -> AsyncIterator[DriveStudio]:
    made = DriveStudio(client, database.name, tmp_path, drive=emulator, key_file=key_file)
    emulator.share(made.shared, emulator.service_account(), "fileOrganizer")
    emulator.share(made.shared, emulator.service_account("rclone"), "fileOrganizer")
    async with set_up(made):
        yield made
    emulator.faults()


@pytest.fixture
def rclone(studio: DriveStudio, proxy: TlsProxy, rclone_key: Path) -> Rclone:
    return Rclone(proxy, rclone_key, shared_drive=studio.shared)
