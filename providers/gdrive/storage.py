"""An account's own storage, as Google tells it."""

from __future__ import annotations

from providers.gdrive.shapes import count_or_none, table
from providers.gdrive.wire import Json
from providers.space import Space


def space_told(about: Json) -> Space | None:
    """Return what is left of an account's storage; None where it has no limit."""
    quota = table(about.get("storageQuota") or {})
    limit = count_or_none(quota, "limit")
    if limit is None:
        return None
    return Space(max(0, limit - (count_or_none(quota, "usage") or 0)), limit)
