"""What `connect` makes of a replica set, and what it says of servers that are none."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    AutoReconnect,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WriteConcernError,
)
from pymongo.uri_parser import parse_uri
from pymongo.write_concern import WriteConcern

from reactor import database as of_reactor
from reactor.backoff import Backoff
from reactor.database import DatabaseError, NotAReplicaSetError, connect, patiently
from reactor.embedded import embedded_mongod
from tests.conftest import POLLING, initiate
from tests.servers.processes import free_port
from tests.servers.proxy import End, Proxy

_SOON = f"serverSelectionTimeoutMS=500&{POLLING}"


@pytest.fixture(scope="session")
def standalone(start_mongod: Callable[..., int]) -> str:
    """The host of a server that is no replica set."""
    return f"127.0.0.1:{start_mongod()}"


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a replica set that asks for a login."""
    async with embedded_mongod(tmp_path, ephemeral=True) as address:
        yield f"{address}&{POLLING}"


@pytest.fixture
def headless(start_mongod: Callable[..., int]) -> str:
    """The host of a replica set, one of whose three servers runs."""
    port = start_mongod("--replSet", "studio")
    initiate(port, "studio", electionTimeoutMillis=300)
    with MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as server:
        config = server.admin.command("replSetGetConfig")["config"]
        config["members"] += [{"_id": n, "host": f"127.0.0.1:{free_port()}"} for n in (1, 2)]
        config["version"] += 1
        server.admin.command("replSetReconfig", config, force=True)
        while server.admin.command("hello")["isWritablePrimary"]:
            pass
    return f"127.0.0.1:{port}"


async def refusal(uri: str) -> DatabaseError:
    with pytest.raises(DatabaseError) as raised:
        await connect(uri)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # as said at POLLING
        gc.collect()
    return raised.value


async def test_a_replica_set_is_connected_to(mongo_uri: str) -> None:
    async with await connect(mongo_uri) as client:
        assert await client.admin.command("ping")


class Shaky(Proxy):
    """Drops the connection by which the driver asks, once: after the greeting, as long as the first."""

    dropped = 0

    def accept(self, client: End) -> None:
        if self.accepted == 1 and not self.dropped:
            greeting = self.forwarded - self.sent
            self.resets_after = 2 * greeting + greeting // 2
        super().accept(client)

    def reset(self) -> None:
        self.dropped += 1
        self.resets_after = None
        super().reset()


async def test_a_connection_that_is_lost_while_it_is_asked_is_made_again(mongo_uri: str) -> None:
    _, port = parse_uri(mongo_uri)["nodelist"][0]
    proxy = Shaky(int(port or 0))
    async with await proxy.listen():
        try:
            async with await connect(
                f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true&{_SOON}"
            ):
                assert proxy.dropped
        finally:
            await proxy.close()


async def test_writes_wait_for_a_majority_whatever_the_address_says(mongo_uri: str) -> None:
    async with await connect(f"{mongo_uri}&w=1") as client:
        assert client.write_concern == WriteConcern("majority")


async def test_dates_are_read_with_their_zone(
    mongo_uri: str, database: AsyncDatabase[dict[str, Any]]
) -> None:
    await database["dates"].insert_one({"at": datetime.now(UTC)})

    async with await connect(mongo_uri) as client:
        found = await client[database.name]["dates"].find_one()

    assert found is not None
    assert found["at"].tzinfo is not None


async def test_the_right_login_is_taken(guarded: str) -> None:
    async with await connect(guarded) as client:
        assert "admin" in await client.list_database_names()


async def test_a_standalone_is_refused_with_the_three_commands(standalone: str) -> None:
    error = await refusal(f"mongodb://{standalone}/?{POLLING}")

    assert isinstance(error, NotAReplicaSetError)
    assert re.findall(r"^  (?:sudo )?(\S+)", str(error), re.M) == ["echo", "systemctl", "mongosh"]
    assert f'host: "{standalone}"' in str(error)


async def test_a_standalone_that_is_taken_for_a_replica_set_is_told_to_become_that_one(
    standalone: str,
) -> None:
    error = await refusal(f"mongodb://{standalone}/?replicaSet=studio&{_SOON}")

    assert isinstance(error, NotAReplicaSetError)
    assert "replSetName: studio" in str(error)


@pytest.mark.parametrize("option", ["directConnection=true", "replicaSet=studio", "w=1"])
async def test_a_replica_set_that_was_never_initiated_is_told_so(
    start_mongod: Callable[..., int], option: str
) -> None:
    port = start_mongod("--replSet", "studio")

    error = await refusal(f"mongodb://127.0.0.1:{port}/?{option}&{_SOON}")

    assert isinstance(error, NotAReplicaSetError)
    assert "rs.initiate()" in str(error)
    assert "systemctl" not in str(error)


async def test_a_replica_set_without_a_primary_is_told_so(headless: str) -> None:
    error = await refusal(f"mongodb://{headless}/?replicaSet=studio&{_SOON}")

    assert "has no primary" in str(error)


async def test_a_server_that_does_not_answer_is_named() -> None:
    host = f"127.0.0.1:{free_port()}"

    error = await refusal(f"mongodb://{host}/?{_SOON}")

    assert f"MongoDB at {host} does not answer" in str(error)
    assert "configured timeouts" not in str(error)


async def test_a_wrong_login_is_refused_without_its_password(guarded: str) -> None:
    host = guarded.rpartition("@")[2]

    error = await refusal(f"mongodb://sitesync:topsecret@{host}")

    assert "refuses the user or password" in str(error)
    assert "topsecret" not in str(error)


async def test_a_missing_login_is_asked_for(guarded: str) -> None:
    host = guarded.rpartition("@")[2]

    error = await refusal(f"mongodb://{host}")

    assert "asks for a login" in str(error)


@pytest.mark.parametrize("password", ["top/secret", "top:secret", "top@secret", "top%secret"])
async def test_an_address_that_cannot_be_read_is_refused_without_its_password(
    password: str,
) -> None:
    error = await refusal(f"mongodb://sitesync:{password}@127.0.0.1/")

    assert "[mongo] uri cannot be read" in str(error)
    assert "secret" not in str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


class Electing:
    """A database that fails in these ways, and then answers."""

    def __init__(self, *failures: PyMongoError) -> None:
        self.failures = [*failures]

    async def ask(self) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_reactor, "RECONNECT", Backoff(first=0.001, most=0.001))


@pytest.mark.usefixtures("at_once")
async def test_a_database_that_elects_a_primary_is_asked_again() -> None:
    assert await patiently(Electing(AutoReconnect("closed"), AutoReconnect("no")).ask) == "answer"


@pytest.mark.usefixtures("at_once")
async def test_a_write_that_its_primary_could_not_see_through_is_asked_for_again() -> None:
    """Not a lost connection: the server answers that it stepped down while it waited."""
    stepped_down = WriteConcernError("Primary stepped down while waiting for replication", 189)
    assert await patiently(Electing(stepped_down).ask) == "answer"


@pytest.mark.usefixtures("at_once")
async def test_a_database_that_stays_away_is_told() -> None:
    with pytest.raises(AutoReconnect, match="closed"):
        await patiently(Electing(*[AutoReconnect("closed")] * 100).ask)


@pytest.mark.usefixtures("at_once")
async def test_what_a_database_refuses_is_asked_once() -> None:
    database = Electing(OperationFailure("not authorized"))
    with pytest.raises(OperationFailure):
        await patiently(database.ask)
    assert not database.failures


async def test_who_gives_up_waiting_for_a_server_leaves_the_client_as_it_was() -> None:
    nobody = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=5000&{POLLING}"
    client = AsyncMongoClient[dict[str, Any]](nobody)
    with anyio.move_on_after(0.2):
        async with anyio.create_task_group() as asking:
            for _ in range(8):
                asking.start_soon(client.admin.command, "ping")

    with anyio.fail_after(10):
        with pytest.raises(ServerSelectionTimeoutError):
            await client.admin.command("ping")
        await client.close()
