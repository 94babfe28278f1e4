"""
Where an interrupted pass stopped, kept in the state database for a day.

It belongs to a site and a project, or all; another way to validate begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pymongo.asynchronous.collection import AsyncCollection

_KIND = "validate"
_DAY_MS = 24 * 3600 * 1000


@dataclass(slots=True)
class Bookmark:
    """
    How far a pass is: by the root's marker, the last path that was judged, None at its end.

    `at` is when an earlier pass was interrupted, or None; `kept` is what else it had noted.
    """

    collection: AsyncCollection[dict[str, Any]]
    name: str
    manner: str
    places: dict[str, str | None] = field(default_factory=dict[str, "str | None"], init=False)
    kept: Mapping[str, Any] | None = field(default=None, init=False)
    at: datetime | None = field(default=None, init=False)

    async def find(self) -> None:
        """Go on from where an interrupted pass stopped, if it was one like this, within a day."""
        lately = {"$gt": ["$at", {"$subtract": ["$$NOW", _DAY_MS]}]}
        same = {"_id": self._id, "manner": self.manner, "$expr": lately}
        if found := await self.collection.find_one(same):
            self.places = dict(found["places"])
            self.kept, self.at = found["kept"], found["at"]

    async def put(self, marker: str, after: str | None, kept: Mapping[str, Any]) -> None:
        """Note how far the pass is below a root, with all that is to be remembered of it."""
        self.places[marker] = after
        noted = {
            "kind": _KIND,
            "manner": self.manner,
            "places": [[marker, after] for marker, after in self.places.items()],
            "kept": dict(kept),
        }
        document = {"$mergeObjects": [{"$literal": {"_id": self._id, **noted}}, {"at": "$$NOW"}]}
        await self.collection.update_one(
            {"_id": self._id}, [{"$replaceWith": document}], upsert=True
        )

    async def remove(self) -> None:
        """Forget it: the pass is over."""
        await self.collection.delete_one({"_id": self._id})

    @property
    def _id(self) -> str:
        return f"{_KIND} {self.name}"
