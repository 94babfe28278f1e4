"""
MongoDB stops, is killed, or has no primary, while files are on their way.

Bytes that are under way go on, what is to be recorded waits, people are told, and once the
database is back everything is there, sent once.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from pymongo import MongoClient

from providers.base import Handle, Setup
from providers.memory import Memory, MemoryOptions
from providers.memory.streams import MemorySink
from reactor.database import connect
from tests.conftest import POLLING, initiate
from tests.faults.replica_set import NAME, Node
from tests.path.studio import PATIENCE, Studio, some_bytes, studio_of
from tests.servers.processes import free_port

MIB = 1024 * 1024
SIZE = 6 * MIB
FILES = 4
_SOON = "connectTimeoutMS=1000&heartbeatFrequencyMS=500&serverSelectionTimeoutMS=2000"


class FarSink(MemorySink):
    """A staged file that takes no more than a byte, until it may take the rest."""

    def __init__(self, staged: bytearray, site: Far) -> None:
        super().__init__(staged)
        self._site = site

    async def write(self, chunk: bytes) -> None:
        self._site.begun.set()
        await self._site.go_on.wait()
        await super().write(chunk)
        self._site.received += len(chunk)


class Far(Memory):
    """A site where bytes arrive when a test says so."""

    def __init__(self) -> None:
        super().__init__(Setup("vendor", {"work": "/work"}, MemoryOptions(store=uuid4().hex)))
        self.begun, self.go_on = anyio.Event(), anyio.Event()
        self.received = 0

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        async with super().write(handle, offset):
            yield FarSink(self._bytes(handle), self)


class Away:
    """Ways in which a database goes away, and comes back."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self.uri = f"mongodb://{node.address}/?replicaSet={NAME}&{_SOON}&{POLLING}"

    def stop(self, how: str) -> None:
        if how == "stopped":
            self._signal(signal.SIGSTOP)
        elif how == "killed":
            self._node.kill()
        else:
            self._command({"replSetStepDown": 600, "force": True})

    def heal(self, how: str) -> None:
        if how == "stopped":
            self._signal(signal.SIGCONT)
        elif how == "killed":
            self._node.start()
        else:
            self._command({"replSetFreeze": 0})

    def wait_until_it_serves(self) -> None:
        """Return when it takes writes again."""
        with MongoClient[dict[str, Any]](
            self._node.host, self._node.port, directConnection=True
        ) as server:
            while not server.admin.command("hello")["isWritablePrimary"]:
                time.sleep(0.05)

    def _signal(self, number: signal.Signals) -> None:
        assert self._node.process is not None
        self._node.process.send_signal(number)

    def _command(self, command: dict[str, Any]) -> None:
        with MongoClient[dict[str, Any]](
            self._node.host, self._node.port, directConnection=True
        ) as server:
            server.admin.command(command)


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Away]:
    """A replica set of one server that these tests may harm."""
    made = Node(0, "127.0.0.1", free_port(), tmp_path_factory.mktemp("mongod") / "node")
    made.start()
    try:
        initiate(made.port, NAME, electionTimeoutMillis=1000)
        yield Away(made)
    finally:
        made.kill()


@pytest.fixture
async def studio(away: Away, tmp_path: Path) -> AsyncIterator[Studio]:
    client = await connect(away.uri)
    async with (
        client,
        studio_of(
            client, f"test_{uuid4().hex[:12]}", tmp_path, providers={"vendor": Far()}
        ) as made,
    ):
        yield made
        await client.drop_database(made.database)


@pytest.mark.timeout(120)  # a slow machine needs half a minute until a killed server serves again
@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("stopped", "does not answer"),
        ("without a primary", "has no primary"),
        ("killed", "does not answer"),
    ],
)
async def test_bytes_go_on_and_nothing_is_lost_or_sent_twice(
    studio: Studio, away: Away, how: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    far, log = studio.providers["vendor"], Log(capsys)
    assert isinstance(far, Far)
    elements: list[dict[str, Any]] = []
    for number in range(FILES):
        studio.file(f"{number}.abc", some_bytes(SIZE))
        elements.append(studio.files_entry(f"{number}.abc"))

    async with studio.running():
        representation = await studio.publish(*elements)
        with anyio.fail_after(PATIENCE):
            await far.begun.wait()
        before = far.received
        away.stop(how)
        try:
            far.go_on.set()
            with anyio.fail_after(PATIENCE):
                while far.received < FILES * SIZE or "does not answer" not in log.text():
                    await anyio.sleep(0.05)
            told = await anyio.to_thread.run_sync(_status, studio, away.uri)
        finally:
            away.heal(how)
            await anyio.to_thread.run_sync(away.wait_until_it_serves)
        for position in range(FILES):
            await studio.until(representation, "vendor", position=position)

    assert before < FILES * SIZE
    assert told.returncode != 0
    assert said in told.stderr
    attempts = await studio.attempts()
    assert [(one["outcome"], one["sent"]) for one in attempts] == [("available", SIZE)] * FILES
    assert (
        await studio.state["claims"].count_documents({"site": {"$ne": ""}}) == 0
    )  # turns have none


class Log:
    """What was logged."""

    def __init__(self, captured: pytest.CaptureFixture[str]) -> None:
        self._captured = captured
        self._said = ""

    def text(self) -> str:
        self._said += self._captured.readouterr().out
        return self._said


def _status(studio: Studio, uri: str) -> subprocess.CompletedProcess[str]:
    """Ask for `sitesync status`, as somebody would who wonders."""
    settings = studio.folder / "sitesync.toml"
    mongo = f"[mongo]\nuri = {json.dumps(uri)}\ndatabase = {json.dumps(studio.database)}\n"
    settings.write_text(mongo)
    return subprocess.run(
        [sys.executable, "-m", "reactor", "--config", str(settings), "status"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
