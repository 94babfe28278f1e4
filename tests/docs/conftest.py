"""The studio that the how-tos speak of: a database, a project, and the machines in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from pymongo import MongoClient

from tests.cli.machine import Machine
from tests.docs.office import PROJECT, Office
from tests.docs.pages import block
from tests.servers.sftp import SftpServer, sshd


@pytest.fixture(autouse=True)
def _own_log() -> Iterator[None]:
    """No log outlives a call of the program."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def studio(mongo_uri: str, tmp_path: Path) -> Iterator[Machine]:
    """The studio's database and disks; the databases are dropped afterwards."""
    with MongoClient[dict[str, Any]](mongo_uri) as client:
        machine = Machine(tmp_path, mongo_uri, f"test_{uuid4().hex[:12]}", client)
        for site in ("studio", "vendor"):
            machine.root(site).mkdir()
        client[machine.database][PROJECT].insert_one({"type": "project", "name": PROJECT})
        yield machine
        client.drop_database(machine.database)
        client.drop_database(machine.state_database)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SftpServer]:
    """An sshd that lets the pages' users in."""
    folder = tmp_path / "sshd"
    folder.mkdir()
    with sshd(folder) as running:
        yield running


@pytest.fixture
def office(studio: Machine, tmp_path: Path) -> Office:
    """The studio's own machine."""
    (tmp_path / "office").mkdir()
    return Office(studio, tmp_path / "office")


@pytest.fixture
def connected(office: Office, server: SftpServer) -> Office:
    """The studio's own machine, with a login at the vendor's server."""
    office.reach(server, "vendor")
    return office


@pytest.fixture
def disks(office: Office) -> Office:
    """The studio of the page, whose vendor is a second disk."""
    office.save("start: settings")
    settings = office.folder / "sitesync.toml"
    lines = settings.read_text().splitlines()
    login = ("host", "user", "key_file", "known_hosts")
    kept = [line for line in lines if not line.startswith(login)]
    settings.write_text("\n".join(kept).replace('"sftp"', '"local_drive"'))
    office.environ["SITESYNC_SITE_ID"] = "studio"
    office.call(block("start: markers"))
    return office
