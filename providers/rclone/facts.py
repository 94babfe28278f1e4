"""
What rclone tells of files (`operations/stat`, `operations/list`), and of the room that they have.

Pure: no I/O.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.base import Facts
from providers.rclone.traits import Traits
from providers.space import Space

_SECOND = 1_000_000_000
SIZELESS = "is a document of the service's own, without a size; export it as a file"


@dataclass(frozen=True, slots=True)
class Item:
    """A file or folder as rclone tells of it, with all that tells one state from another."""

    name: str
    is_folder: bool
    size: int
    time: str
    id: str | None
    hashes: Mapping[str, str]


def item_of(told: Mapping[str, Any]) -> Item:
    """Return what rclone tells of one file or folder."""
    return Item(
        name=told["Name"],
        is_folder=told["IsDir"],
        size=told["Size"],
        time=told.get("ModTime") or "",
        id=told.get("ID") or None,
        hashes=told.get("Hashes") or {},
    )


def facts_of(item: Item, traits: Traits) -> Facts:
    """Return an item's facts; its size must be known."""
    mtime_ns = nanoseconds(item.time) if traits.keeps_times and item.time else None
    return Facts(item.size, mtime_ns, item.id, checksum_of(item, traits.told))


def checksum_of(item: Item, algorithm: str | None) -> str | None:
    """Return `"algorithm:hex"` where it was told."""
    digest = item.hashes.get(algorithm) if algorithm else None
    return f"{algorithm}:{digest.lower()}" if digest else None


def nanoseconds(text: str) -> int:
    """Return a time of RFC 3339, of which Python reads microseconds, to the nanosecond."""
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :]
    seconds = int(datetime.fromisoformat(whole + zone).timestamp())
    return seconds * _SECOND + (int(digits.ljust(9, "0")[:9]) if dot else 0)


def space_of(usage: Mapping[str, Any]) -> Space | None:
    """Return the room that rclone tells of; None where there is no limit, or none that is told."""
    total, free, used = (usage.get(key) for key in ("total", "free", "used"))
    if total is None and free is not None and used is not None:
        total = free + used
    elif free is None and total is not None and used is not None:
        free = total - used
    if free is None or not total:
        return None
    return Space(max(0, min(free, total)), total)
