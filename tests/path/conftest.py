"""A studio of two disks for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from tests.path.studio import Studio, studio_of


@pytest.fixture
async def studio(
    client: AsyncMongoClient[dict[str, Any]],
    database: AsyncDatabase[dict[str, Any]],
    tmp_path: Path,
) -> AsyncIterator[Studio]:
    async with studio_of(client, database.name, tmp_path) as made:
        yield made
