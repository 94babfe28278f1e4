"""A studio with a remote site whose service tells of changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.path.remotes import Remote
from tests.path.services.following import Document, policy
from tests.path.studio import Studio, studio_of


@pytest.fixture
async def drive() -> Remote:
    return Remote("drive")


@pytest.fixture
async def studio(
    client: AsyncMongoClient[Document],
    database: AsyncDatabase[Document],
    tmp_path: Path,
    drive: Remote,
) -> AsyncIterator[Studio]:
    """A studio with its disk, and a remote site whose service tells of changes."""
    settings: Document = {"names": ("studio", "drive"), "remote": "drive"}
    async with studio_of(
        client, database.name, tmp_path, providers={"drive": drive}, **settings
    ) as made:
        made.policy = policy()
        yield made
