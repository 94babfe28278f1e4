"""Each answer of MongoDB takes a fifth of a second: files arrive all the same, each sent once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from pymongo.uri_parser import parse_uri

from reactor.database import connect
from tests.conftest import POLLING
from tests.path.studio import Document, Studio, some_bytes, studio_of
from tests.servers.proxy import Proxy, proxied

DELAY = 0.1  # each way: a file's way takes some twenty questions, one after the other
FILES = 100
SIZE = 100_000


@pytest.fixture
async def line(mongo_uri: str) -> AsyncIterator[Proxy]:
    """The line to the database: fast, until a test says otherwise."""
    _, port = parse_uri(mongo_uri)["nodelist"][0]
    async with proxied(int(port or 0)) as proxy:
        yield proxy


@pytest.fixture
async def studio(line: Proxy, tmp_path: Path) -> AsyncIterator[Studio]:
    uri = f"mongodb://127.0.0.1:{line.port}/?directConnection=true&{POLLING}"
    client = await connect(uri)
    name = f"test_{uuid4().hex[:12]}"
    async with client, studio_of(client, name, tmp_path) as made:
        yield made
        await client.drop_database(name)


async def test_files_arrive_and_are_recorded_each_once(studio: Studio, line: Proxy) -> None:
    contents = [some_bytes(SIZE) for _ in range(FILES)]
    elements: list[Document] = []
    for number, content in enumerate(contents):
        studio.file(f"{number:03}.exr", content)
        elements.append(studio.files_entry(f"{number:03}.exr"))

    async with studio.running():
        line.delay = DELAY
        representation = await studio.publish(*elements)
        attempts = await studio.until_attempts(FILES)
        line.delay = 0.0

    arrived = [studio.path("vendor", f"{number:03}.exr").read_bytes() for number in range(FILES)]
    assert arrived == contents
    assert [(one["outcome"], one["sent"]) for one in attempts] == [("available", SIZE)] * FILES
    for position in range(FILES):
        await studio.until(representation, "vendor", position=position)
    assert await studio.state["claims"].count_documents({"site": {"$ne": ""}}) == 0
