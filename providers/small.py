"""
Small files, many at a time: what a disk reads together, and a site takes together.

A task, a thread and a stream for each of two thousand frames cost more than their bytes do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from providers.base import Facts, Handle, Location, Provider

SMALL = 1024 * 1024
"""Bytes: what is larger goes alone."""


@dataclass(frozen=True, slots=True)
class SmallFile:
    """A small file as it was read, whole, and at rest: its facts did not change meanwhile."""

    facts: Facts
    content: bytes


class SmallFiles(Protocol):
    """A provider with `features.local_paths` reads many small files in one hop into a thread."""

    async def read_small(self, files: Sequence[Location]) -> Sequence[SmallFile | None]:
        """
        Return the files; None for each that needs a closer look.

        It is large or missing, or anything went wrong: who looks at it alone is told.
        """
        ...


class BundleProvider(Provider, Protocol):
    """A provider with `features.bundles`: it stages many small files with few round trips."""

    async def stage_bundle(self, files: Sequence[tuple[Handle, bytes]]) -> Sequence[bool]:
        """
        Stage whole files, each new (O_EXCL) and as durable as `Sink.flush` makes it.

        False for each that needs a closer look, and of which nothing is staged: something stands
        at its place, or anything went wrong with it. Raises `SiteError`.
        """
        ...

    async def staged_checksums(
        self, handles: Sequence[Handle], algorithm: str
    ) -> Sequence[str | None]:
        """
        Return what `Provider.checksum` would of each, with few round trips.

        None for each that needs a closer look. Raises `SiteError`.
        """
        ...
