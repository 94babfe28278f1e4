"""
What all tests share: a real mongod, one-node replica set, and a database for each test.

The server has no password and does not use `reactor.embedded`'s keeper, so that a fault
there fails its own tests only. It ends with pytest, whichever way pytest ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import uuid4

import pytest
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.embedded import find_mongod
from tests.lacking import say_lacking
from tests.packages import Packages
from tests.servers.processes import free_port, served

# A client that is closed while its second, streaming monitor connects leaks that socket until
# the garbage collector comes by (PYTHON-5867): a warning in whichever test runs then.
POLLING = "serverMonitoringMode=poll"
_OPTIONS = (
    *("--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25", "--quiet"),
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Generator[None]:
    """Say after all else what the skipped tests lack."""
    yield
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    if told := say_lacking(str(report.longrepr) for report in skipped):
        terminalreporter.write_line(told)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def start_mongod() -> Iterator[Callable[..., int]]:
    """Yield a function that starts a mongod with further options, and returns its port."""
    with ExitStack() as servers:
        yield partial(_start, servers)


@pytest.fixture(scope="session")
def mongo_uri(start_mongod: Callable[..., int], pytestconfig: pytest.Config) -> str:
    """The address of a real one-node replica set."""
    port = start_mongod("--replSet", "test")
    initiate(port, "test")
    # So does what is cancelled while the driver connects for it. Other sockets are still ours.
    told = rf"unclosed <socket\.socket .*raddr=\('127\.0\.0\.1', {port}\)>"
    pytestconfig.addinivalue_line("filterwarnings", f"ignore:{told}:ResourceWarning")
    return f"mongodb://127.0.0.1:{port}/?replicaSet=test&directConnection=true&{POLLING}"


@pytest.fixture
async def client(mongo_uri: str) -> AsyncIterator[AsyncMongoClient[dict[str, Any]]]:
    """A client on the test's own event loop."""
    async with AsyncMongoClient[dict[str, Any]](
        mongo_uri, tz_aware=True, w="majority", serverSelectionTimeoutMS=10_000
    ) as connected:
        yield connected


@pytest.fixture
async def database(
    client: AsyncMongoClient[dict[str, Any]],
) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    """An empty database of the test's own; it is dropped afterwards."""
    own = client[f"test_{uuid4().hex[:12]}"]
    yield own
    await client.drop_database(own.name)


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    """A folder of packages that this process and those that it starts can import."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    installed = Packages(folder)
    yield installed
    for module in installed.modules:
        sys.modules.pop(module, None)


def initiate(port: int, name: str, **settings: int) -> None:
    """Make a server a replica set of one, and return when it takes writes."""
    with MongoClient[dict[str, Any]]("127.0.0.1", port, directConnection=True) as server:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        config = {"_id": name, "members": members, "settings": settings}
        server.admin.command("replSetInitiate", config)
        hello = server.admin.command("hello")
        while not hello["isWritablePrimary"]:
            version = hello["topologyVersion"]
            hello = server.admin.command("hello", topologyVersion=version, maxAwaitTimeMS=500)


def _start(servers: ExitStack, *options: str) -> int:
    folder = Path(servers.enter_context(TemporaryDirectory(prefix="mongod-")))
    port = free_port()
    command = [
        str(find_mongod()),
        "--port",
        str(port),
        "--dbpath",
        str(folder),
        *_OPTIONS,
        *options,
    ]
    server = servers.enter_context(served(command, port, folder / "mongod.log"))
    servers.callback(server.kill)  # nothing is kept: no need for the second of a clean end
    return port
