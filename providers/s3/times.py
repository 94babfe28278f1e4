"""Times of files as object metadata, spelled as rclone does."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from providers.base import Facts
from providers.s3.requests import Head

MTIME = "mtime"
_SECOND = 1_000_000_000


def as_metadata(mtime_ns: int | None) -> dict[str, str]:
    """Return the metadata that keep a time: seconds since the epoch, to the nanosecond."""
    if mtime_ns is None:
        return {}
    sign, (seconds, rest) = "-" if mtime_ns < 0 else "", divmod(abs(mtime_ns), _SECOND)
    return {MTIME: f"{sign}{seconds}.{rest:09d}"}


def mtime_of(metadata: Mapping[str, str]) -> int | None:
    """Return the time that was kept, or None: when it was uploaded says nothing of the file."""
    try:
        return int(Decimal(metadata[MTIME]).scaleb(9))
    except (KeyError, InvalidOperation, ValueError, OverflowError):
        return None


def facts_of(head: Head) -> Facts:
    """Return what is told of an object as facts; `id` is its version, where there are versions."""
    return Facts(head.size, mtime_of(head.metadata), head.version)
