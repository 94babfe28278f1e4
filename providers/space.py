"""
How much more a site takes, where that is known: the room on a disk, the quota of an account.

It is optional, as all in `providers.services` is: `features.space` says that it is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from providers.base import Provider


@dataclass(frozen=True, slots=True)
class Space:
    """Bytes that are `free` for more files, of `total`, whatever else they are for."""

    free: int
    total: int


@runtime_checkable
class SpaceProvider(Provider, Protocol):
    """A provider with `features.space`."""

    async def space(self, root: str) -> Space | None:
        """Return the room that there is for a root's files; None where it has no limit, or none that is told."""
        ...
