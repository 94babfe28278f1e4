"""
What these tests share: a real mongod that fails when it is asked to.

So come about the outcomes that nobody can wait for.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import settings
from pymongo import AsyncMongoClient, MongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.conftest import POLLING

Document = dict[str, Any]

# A busy machine is no failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@dataclass(frozen=True)
class Faults:
    """A client of the faulty server, a database of the test's own, and the server's faults."""

    client: AsyncMongoClient[Document]
    database: AsyncDatabase[Document]

    def failing(
        self, *commands: str, times: int = 1, **how: Any
    ) -> AbstractAsyncContextManager[None]:
        """Let the next commands of these names fail, as `failCommand` describes it."""
        return self._failing({"failCommands": [*commands], **how}, {"times": times})

    @asynccontextmanager
    async def _failing(self, how: Document, mode: Document) -> AsyncGenerator[None]:
        point = {"configureFailPoint": "failCommand"}
        await self.client.admin.command({**point, "mode": mode, "data": how})
        try:
            yield
        finally:
            await self.client.admin.command({**point, "mode": "off"})


@pytest.fixture(scope="session")
def faulty_uri(start_mongod: Callable[..., int]) -> str:
    port = start_mongod("--replSet", "faulty", "--setParameter", "enableTestCommands=1")
    with MongoClient[Document]("127.0.0.1", port, directConnection=True) as server:
        members = [{"_id": 0, "host": f"127.0.0.1:{port}"}]
        server.admin.command("replSetInitiate", {"_id": "faulty", "members": members})
        hello = server.admin.command("hello")
        while not hello["isWritablePrimary"]:
            version = hello["topologyVersion"]
            hello = server.admin.command("hello", topologyVersion=version, maxAwaitTimeMS=500)
    return f"mongodb://127.0.0.1:{port}/?replicaSet=faulty&directConnection=true&{POLLING}"


@pytest.fixture
async def faults(faulty_uri: str) -> AsyncIterator[Faults]:
    async with AsyncMongoClient[Document](faulty_uri, tz_aware=True, w="majority") as client:
        yield Faults(client, client[f"test_{uuid4().hex[:12]}"])
