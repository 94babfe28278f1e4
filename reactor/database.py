"""The connection to MongoDB: a replica set that takes our login, or a clear word why not."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeAlias, TypeVar

import anyio
import pymongo.lock
import structlog
from anyio import CancelScope
from pymongo import AsyncMongoClient
from pymongo.errors import (
    ConnectionFailure,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)
from pymongo.topology_description import TopologyDescription

from reactor.backoff import RECONNECT
from reactor.refusals import is_refusal

Client: TypeAlias = AsyncMongoClient[dict[str, Any]]
_T = TypeVar("_T")

log = structlog.stdlib.get_logger()

_MOST_FAILURES = 8  # in a row: some half a minute, more where no server is found

_SHARDED = "isdbgrid"  # a mongos says so; it has streams and transactions too
_TIMEOUTS = {"connectTimeoutMS": 5_000, "serverSelectionTimeoutMS": 15_000}  # an election fits in
# Other programs may have written dates beyond Python's, and text that is none: told as they are.
_READING: dict[str, Any] = {
    "tz_aware": True,
    "datetime_conversion": "DATETIME_AUTO",
    "unicode_decode_error_handler": "replace",
}
_UNAUTHORIZED = 13
_WRONG_LOGIN = frozenset({11, 18, 8000})  # no such user, wrong password, either (Atlas)


async def _wait_for(awaitable: Awaitable[_T], timeout: float | None) -> _T:  # noqa: ASYNC109 - as it is called
    """Wait in the same task, as `asyncio.wait_for` of Python 3.12 does."""
    async with asyncio.timeout(timeout):
        return await awaitable


if sys.version_info < (3, 12):
    # The driver waits for a server under a lock, by `asyncio.wait_for`. That of 3.11 waits in a
    # task of its own, and leaves it behind where the cancellation comes again, as anyio's does. The
    # task then takes the lock for ever: whatever this client is asked, even to close, hangs.
    _driver: Any = pymongo.lock
    _driver.wait_for = _wait_for


class DatabaseError(Exception):
    """MongoDB cannot be used as it is. The text says what to do; no password is in it."""


class AddressError(DatabaseError):
    """The address itself is wrong: whoever tries again needs other settings."""


class NotAReplicaSetError(DatabaseError):
    """The server answers, but has no change streams and no transactions."""


async def connect(uri: str) -> Client:
    """
    Return a client of a replica set that answers and takes our login. The caller closes it.

    Writes are acknowledged by a majority and dates are aware, whatever the address says;
    its timeouts go before ours.
    """
    client = _make_client(uri)
    try:
        await require_replica_set(client)
    except BaseException:
        with CancelScope(shield=True):
            await client.close()
        raise
    return client


async def patiently(
    ask: Callable[[], Awaitable[_T]], final: tuple[type[PyMongoError], ...] = ()
) -> _T:
    """
    Ask something of a database that has just answered, again where it changes its primary.

    Raises what it said last where it does not answer for far longer than an election takes, and
    what it refuses, or is `final`, at once.
    """
    for failures in range(1, _MOST_FAILURES):
        try:
            return await ask()
        except (ConnectionFailure, OperationFailure) as error:
            if is_refusal(error) or isinstance(error, final):
                raise
            log.warning("database does not answer", why=_brief(error))
            await anyio.sleep(RECONNECT.delay(failures, random.random()))  # noqa: S311 - jitter
    return await ask()


async def require_replica_set(client: Client) -> None:
    """Raise a `DatabaseError` unless the client can work: reachable, logged in, a replica set."""
    hosts = _hosts(client.topology_description)
    try:
        # Where none is found to ask, the driver has waited for one long enough.
        final = (ServerSelectionTimeoutError, OperationFailure)
        await patiently(partial(_ask_who, client, hosts), final)
    except ServerSelectionTimeoutError as error:
        raise _unusable(hosts, client.topology_description) from error
    except OperationFailure as error:
        raise _refused(hosts, error) from error
    except PyMongoError as error:
        raise DatabaseError(f"MongoDB at {hosts} cannot be used: {_brief(error)}") from error


async def _ask_who(client: Client, hosts: str) -> None:
    hello = await client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != _SHARDED:
        raise _not_a_replica_set(hosts, only_initiate="isreplicaset" in hello)
    # Unlike `hello`, this is answered only after a login, where one is asked for.
    await client.admin.command("listDatabases", nameOnly=True)


def _make_client(uri: str) -> Client:
    timeouts: dict[str, Any] = {
        name: ms for name, ms in _TIMEOUTS.items() if name.lower() not in uri.lower()
    }
    try:
        return Client(uri, appname="sitesync", w="majority", **_READING, **timeouts)
    except (PyMongoError, ValueError):  # their texts can quote a piece of the password
        raise AddressError(
            "[mongo] uri cannot be read. It looks like mongodb://USER:PASSWORD@HOST:PORT/; "
            "in user and password write @ as %40, : as %3A, / as %2F, % as %25"
        ) from None


def _unusable(hosts: str, seen: TopologyDescription) -> DatabaseError:
    """Return why no server could be chosen, from what the driver saw of them."""
    servers = seen.server_descriptions().values()
    wanted = seen.replica_set_name
    if not servers:  # the driver drops those that answer but are not of the set
        return _not_a_replica_set(hosts, wanted=wanted)
    if any(server.server_type_name == "RSGhost" for server in servers):
        return _not_a_replica_set(hosts, only_initiate=True)
    if any(server.is_readable for server in servers):
        return DatabaseError(
            f"replica set {wanted!r} at {hosts} has no primary: most of its servers must run"
        )
    reasons = "; ".join(_brief(server.error) for server in servers if server.error)
    return DatabaseError(
        f"MongoDB at {hosts} does not answer: start it, or correct [mongo] uri ({reasons})"
    )


def _not_a_replica_set(
    hosts: str, *, only_initiate: bool = False, wanted: str | None = None
) -> NotAReplicaSetError:
    if only_initiate:
        return NotAReplicaSetError(
            f"MongoDB at {hosts} is to be a replica set, but was not made one. Once, run:\n"
            + _initiate(hosts)
        )
    name = wanted or "rs0"
    doubt = f" (or of another set than {wanted!r})" if wanted else ""
    return NotAReplicaSetError(
        f"MongoDB at {hosts} is a standalone server{doubt}. SiteSync needs a replica set, "
        "which one server can be; the data stays. On its machine, once, run:\n"
        f"  echo 'replication: {{replSetName: {name}}}' | sudo tee -a /etc/mongod.conf\n"
        "  sudo systemctl restart mongod\n" + _initiate(hosts, name)
    )


def _initiate(hosts: str, name: str = "") -> str:
    """
    Return the command that initiates a replica set of one, under the address that is in use.

    Without its name the server picks an address itself, which other machines may not know.
    """
    host = hosts.split(",", maxsplit=1)[0]
    config = f'{{_id: "{name}", members: [{{_id: 0, host: "{host}"}}]}}' if name else ""
    return f"  mongosh 'mongodb://{host}/?directConnection=true' --eval 'rs.initiate({config})'"


def _refused(hosts: str, error: OperationFailure) -> DatabaseError:
    if error.code in _WRONG_LOGIN:
        return DatabaseError(f"MongoDB at {hosts} refuses the user or password in [mongo] uri")
    if error.code == _UNAUTHORIZED:
        return DatabaseError(
            f"MongoDB at {hosts} asks for a login: write [mongo] uri as mongodb://USER:PASSWORD@…"
        )
    return DatabaseError(f"MongoDB at {hosts} cannot be used: {_brief(error)}")


def _hosts(seen: TopologyDescription) -> str:
    servers = seen.server_descriptions()
    return ",".join(host if port is None else f"{host}:{port}" for host, port in servers)


def _brief(error: Exception) -> str:
    """Return what happened, without the settings that the driver appends to it."""
    return str(error).partition(" (configured timeouts")[0].partition(", full error:")[0]
