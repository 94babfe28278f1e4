"""Using the embedded server: hold the folder's lock, have a keeper, make it a primary."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import anyio
from anyio import CancelScope, to_thread
from pymongo import AsyncMongoClient
from pymongo.errors import PyMongoError

from reactor.embedded.binary import EmbeddedError, explain
from reactor.embedded.filelock import FileLock

_Server: TypeAlias = AsyncMongoClient[dict[str, Any]]

_KEEPER = Path(__file__).with_name("keeper.py")
_PATIENCE = 120.0  # replaying a long journal after a power cut takes a while
_STARTS = 3  # a port can be taken between being chosen and being opened
_POLL = 0.01
_USER = "sitesync"


@asynccontextmanager
async def serving(home: Path, program: Path, *flags: str) -> AsyncGenerator[str, None]:
    """Yield the address of the server in a folder. It runs at least until we leave."""
    with FileLock(home / "users.lock") as users, FileLock(home / "keeper.lock") as keeper:
        await _until(users.try_shared, home)  # a server that is ending keeps us out until then
        try:
            yield await _serve(home, (str(home), str(program), *flags))
        finally:
            users.release()
            with CancelScope(shield=True):
                await _until(lambda: keeper.try_shared() or _used_by_others(users), home)


def _used_by_others(users: FileLock) -> bool:
    """Return whether the lock is held by users: not by nobody, nor by a keeper that ends."""
    others = not users.try_exclusive() and users.try_shared()
    users.release()
    return others


async def _until(true: Callable[[], bool], home: Path) -> None:
    with _patience(home):
        while not true():  # noqa: ASYNC110 - no event tells of another process's lock
            await anyio.sleep(_POLL)


@contextmanager
def _patience(home: Path) -> Generator[None, None, None]:
    try:
        with anyio.fail_after(_PATIENCE):
            yield
    except TimeoutError as error:
        raise EmbeddedError(
            f"the embedded MongoDB in {home} did not answer for {_PATIENCE:.0f} s: look into "
            f"{home / 'mongod.log'}. A folder that several machines share cannot be used"
        ) from error


async def _serve(home: Path, arguments: tuple[str, ...]) -> str:
    """Return the server's address once it takes writes; start a keeper if there is none."""
    starts = 0
    with _patience(home):
        while True:
            with FileLock(home / "keeper.lock") as lock:
                if lock.try_exclusive():
                    if starts == _STARTS:
                        raise EmbeddedError(await to_thread.run_sync(explain, home))
                    starts += 1
                    await _start_keeper(lock, home, arguments)
            if address := await _address(home):
                return address
            await anyio.sleep(_POLL)


async def _start_keeper(lock: FileLock, home: Path, arguments: tuple[str, ...]) -> None:
    """Start a keeper that inherits the lock, in a session of its own: Ctrl-C is not for it."""
    with (home / "keeper.log").open("wb") as log:
        await anyio.run_process(
            [sys.executable, "-I", "-S", str(_KEEPER), *arguments],
            check=False,  # whether it lives is seen by its lock
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(lock.fileno(),),
            start_new_session=True,
        )


async def _address(home: Path) -> str | None:
    """Return the server's address if it is up, ours, and takes writes."""
    try:
        port, secret = await to_thread.run_sync(_written, home)
        await (await anyio.connect_tcp("127.0.0.1", port)).aclose()
        await _prepare(f"127.0.0.1:{port}", secret)
    except (OSError, ValueError, PyMongoError):
        return None
    return f"mongodb://{_USER}:{secret}@127.0.0.1:{port}/?directConnection=true"


def _written(home: Path) -> tuple[int, str]:
    return int((home / "port").read_text()), (home / "password").read_text()


async def _prepare(host: str, secret: str) -> None:
    """
    Make the server a primary that knows our user. Any number of processes may, at once.

    Logging in with the key file's content works before there is a user, and proves that
    the server is ours and not just anybody's on this port.
    """
    async with _Server(
        host,
        directConnection=True,
        username="__system",
        password=secret,
        authSource="local",
        serverMonitoringMode="poll",  # gone before a stream of changes would tell anything
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        socketTimeoutMS=20_000,
    ) as server:
        await _make_primary(server, host)
        if not (await server.admin.command("usersInfo", _USER))["users"]:
            await server.admin.command("createUser", _USER, pwd=secret, roles=["root"])


async def _make_primary(server: _Server, host: str) -> None:
    hello = await server.admin.command("hello")
    if "setName" not in hello:
        await _configure(server, host)
    while not hello["isWritablePrimary"]:  # the server answers when that changes
        version = hello["topologyVersion"]
        hello = await server.admin.command("hello", topologyVersion=version, maxAwaitTimeMS=500)


async def _configure(server: _Server, host: str) -> None:
    """Make the server a replica set of one, or tell it that its port is another now."""
    members = [{"_id": 0, "host": host}]
    config = await server.local["system.replset"].find_one()
    if config is None:
        await server.admin.command("replSetInitiate", {"_id": "sitesync", "members": members})
    elif config["members"][0]["host"] != host:
        config |= {"members": members, "version": config["version"] + 1}
        await server.admin.command("replSetReconfig", config, force=True)
