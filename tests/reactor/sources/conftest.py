"""A project, and the state that streams keep of it, for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

Document = dict[str, Any]


@pytest.fixture
async def project(
    client: AsyncMongoClient[Document], database: AsyncDatabase[Document]
) -> AsyncGenerator[str]:
    await database["Show"].insert_one({"type": "project"})
    yield "Show"
    await client.drop_database(f"{database.name}_state")
