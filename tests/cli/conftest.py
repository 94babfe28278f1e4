"""A machine whose settings name real folders and the tests' own database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from pymongo import MongoClient

from tests.cli.machine import Machine
from tests.conftest import POLLING


@pytest.fixture(autouse=True)
def _own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No settings of this machine's user, and no log that outlives a call of the program."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in ("SITESYNC_CONFIG", "SITESYNC_SITE_ID", "SITESYNC_MONGO_URI", "OPENPYPE_LOCAL_ID"):
        monkeypatch.delenv(name, raising=False)
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture
def machine_of(tmp_path: Path) -> Iterator[Callable[..., Machine]]:
    """
    Yield a function that makes a machine of a database's address; its databases are dropped.

    Its documents are written `through` another address, where its own login may not.
    """
    made: list[Machine] = []

    def make(uri: str, through: str = "") -> Machine:
        client = MongoClient[dict[str, Any]](through or uri)
        machine = Machine(tmp_path, uri, f"test_{uuid4().hex[:12]}", client)
        made.append(machine)
        return machine

    yield make
    for machine in made:
        machine.client.drop_database(machine.database)
        machine.client.drop_database(machine.state_database)
        machine.client.close()


@pytest.fixture
def machine(machine_of: Callable[..., Machine], mongo_uri: str) -> Machine:
    """The studio's own machine: `studio` and `vendor` are marked folders, `vendor` the remote."""
    machine = machine_of(mongo_uri)
    machine.write_settings(sites={"studio": {}, "vendor": {}})
    machine.make_markers("studio", "vendor")
    return machine


@pytest.fixture(scope="session")
def guarded(
    start_mongod: Callable[..., int], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The addresses of a replica set that asks for a login, for `admin` and for `reader`."""
    key = tmp_path_factory.mktemp("guarded") / "key"
    key.write_text("only/for/these/tests")
    key.chmod(0o600)
    port = start_mongod("--replSet", "guarded", "--keyFile", str(key))
    address = f"127.0.0.1:{port}/?directConnection=true&{POLLING}"
    uris = {user: f"mongodb://{user}:top-secret@{address}" for user in ("admin", "reader")}
    with MongoClient[dict[str, Any]](f"mongodb://{address}") as server:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        server.admin.command("replSetInitiate", {"_id": "guarded", "members": members})
        while not server.admin.command("hello")["isWritablePrimary"]:
            pass
        server.admin.command("createUser", "admin", pwd="top-secret", roles=["root"])
    with MongoClient[dict[str, Any]](uris["admin"]) as server:
        server.admin.command("createUser", "reader", pwd="top-secret", roles=["readAnyDatabase"])
    return uris
