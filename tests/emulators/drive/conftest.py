"""One emulator for all of these tests; each has a shared drive of its own in it, and no faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.emulators.drive.google import google_client
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
def keys(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file as Google makes them."""
    folder = tmp_path_factory.mktemp("keys")
    return emulator.key_file(folder / "key.json", token_uri=GOOGLE_TOKENS)


@pytest.fixture(scope="session")
def own_keys(emulator: DriveEmulator, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key file, of another account, that asks the emulator itself for tokens."""
    folder = tmp_path_factory.mktemp("keys")
    return emulator.key_file(folder / "key.json", emulator.service_account("python"))


@pytest.fixture
def drive(emulator: DriveEmulator) -> Iterator[DriveEmulator]:
    emulator.forget_requests()
    yield emulator
    emulator.faults()


@pytest.fixture
def shared(drive: DriveEmulator) -> str:
    """The id of a new shared drive, whose files both accounts may put in order."""
    made = drive.shared_drive("Show", fileOrganizer=drive.service_account())
    drive.share(made, drive.service_account("python"), "fileOrganizer")
    return made


@pytest.fixture
def rclone(proxy: TlsProxy, keys: Path, shared: str) -> Rclone:
    return Rclone(proxy, keys, shared_drive=shared)


@pytest.fixture
def google(drive: DriveEmulator, own_keys: Path) -> Iterator[Any]:
    """Google's own client for Python."""
    with google_client(drive.url, own_keys) as client:
        yield client


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder to upload."""
    folder = tmp_path / "source"
    folder.mkdir()
    return folder
