"""One server for all tests in here, and a root of each test's own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import anyio
import pytest

from providers.s3.provider import S3Provider
from tests.servers.faulty import Faulty, faulty
from tests.servers.s3 import S3Server, moto, rclone

VERSIONED = "studio-versions"


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run moto, with a plain bucket and one that keeps versions."""
    with moto(tmp_path_factory.mktemp("moto")) as running:
        anyio.run(running.make_bucket)
        anyio.run(lambda: running.make_bucket(VERSIONED, versioned=True))
        yield running


@pytest.fixture(scope="package")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Run rclone's server, which checks who asks, and what arrives."""
    with rclone(tmp_path_factory.mktemp("rclone")) as running:
        anyio.run(running.make_bucket)
        yield running


@pytest.fixture
def folder() -> str:
    """Return a folder that no other test has."""
    return uuid4().hex


@pytest.fixture
async def site(server: S3Server, folder: str) -> AsyncIterator[S3Provider]:
    """A site with a root `work`."""
    async with server.provider({"work": f"/{folder}"}) as entered:
        yield entered


@pytest.fixture
async def second(server: S3Server, folder: str) -> AsyncIterator[S3Provider]:
    """The same site, as another process has it."""
    async with server.provider({"work": f"/{folder}"}) as entered:
        yield entered


@pytest.fixture
async def proxy(server: S3Server) -> AsyncIterator[Faulty]:
    """A proxy in front of the server that makes faults."""
    async with faulty(server.endpoint) as running:
        yield running


@pytest.fixture
async def shaky(server: S3Server, proxy: Faulty, folder: str) -> AsyncIterator[S3Provider]:
    """The same site, through the proxy."""
    async with server.provider({"work": f"/{folder}"}, endpoint=proxy.endpoint) as entered:
        proxy.calls.clear()
        yield entered
