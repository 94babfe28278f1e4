"""The database's time, as near as this process knows it: no artist's clock decides anything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pymongo import AsyncMongoClient


class DatabaseClock:
    """The database's clock, seen from here by its distance to ours."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    async def ask(self, client: AsyncMongoClient[dict[str, Any]]) -> timedelta:
        """Measure again how far the database's clock is ahead of ours, and return it."""
        before = datetime.now(UTC)
        answer = await client.admin.command("hello")
        after = datetime.now(UTC)
        there: datetime = answer["localTime"]
        self.ahead = there.replace(tzinfo=UTC) - (before + (after - before) / 2)
        return self.ahead

    def now(self) -> datetime:
        """Return the database's time."""
        return datetime.now(UTC) + self.ahead
