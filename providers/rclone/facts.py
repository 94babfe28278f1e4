"""What rclone tells of a file (`operations/stat`, `operations/list`), as facts. Pure: no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from providers.base import Facts
from providers.rclone.traits import Traits

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
    return Facts(item.size, mtime_ns, item.id)


def nanoseconds(text: str) -> int:
    """Return a time of RFC 3339, of which Python reads microseconds, to the nanosecond."""
    whole, dot, rest = text.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    zone = rest[len(digits) :]
    seconds = int(datetime.fromisoformat(whole + zone).timestamp())
    return seconds * _SECOND + (int(digits.ljust(9, "0")[:9]) if dot else 0)
