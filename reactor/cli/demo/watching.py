"""
Watching from outside, as a tool of the studio would: what the documents say, and since when.

Times are of this process's monotonic clock, from just before a document was written to the
moment at which a reader of the change stream has read that its file is available. So they
contain the stream's own delay, and no two machines' clocks are compared.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from anyio.abc import TaskStatus
from pymongo.asynchronous.collection import AsyncCollection

from reactor.cli.demo.layout import DRIVE, PROJECT, RETRY_COUNT, Layout
from reactor.documents import parse_representation
from reactor.model import Entry, File, Representation

Document = dict[str, Any]

_STAGED = ".sitesync-*.part"


class Copy(NamedTuple):
    """One published file at one site; a file republished under its path is another."""

    representation: object
    path: str
    hash: str | None
    site: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """How much of what is wanted is there, at one site."""

    site: str
    files: int
    files_wanted: int
    size: int
    size_wanted: int


@dataclass(slots=True)
class Watch:
    """The project's representations as they were read last, and when copies were first seen."""

    layout: Layout
    documents: AsyncCollection[Document]
    representations: dict[object, Representation] = field(
        default_factory=dict[object, Representation]
    )
    seen: dict[Copy, float] = field(default_factory=dict[Copy, float])

    async def read(self) -> None:
        """Read all representations."""
        found = self.documents.find({"type": "representation"})
        async for document in found:
            self._note(document)

    async def follow(self, *, task_status: TaskStatus[None]) -> None:
        """Read whatever changes, for ever; started once nothing can be missed."""
        async with await self.documents.watch(_KEYS_ONLY) as changes:
            await self.read()
            task_status.started()
            async for change in changes:
                document = await self.documents.find_one({"_id": change["documentKey"]["_id"]})
                if document is not None and document["type"] == "representation":
                    self._note(document)

    def _note(self, document: Document) -> None:
        now = time.monotonic()
        representation = parse_representation(PROJECT, document)
        self.representations[representation.id] = representation
        for copy, file, _ in copies(self.layout, representation):
            if file.available_at(copy.site):
                self.seen.setdefault(copy, now)

    async def is_complete(self) -> bool:
        """Return whether all files are available wherever they are wanted."""
        if any(self.missing()):
            return False
        await self.read()  # what was read last may be older than what was written last
        return not any(self.missing())

    def missing(self) -> Iterator[tuple[Copy, Entry | None]]:
        """Yield the copies that are not there yet, with their entries if they have one."""
        for representation in self.representations.values():
            for copy, file, entry in copies(self.layout, representation):
                if not file.available_at(copy.site):
                    yield copy, entry

    def problem(self) -> str | None:
        """Return what has failed for good, if anything has."""
        for copy, entry in self.missing():
            if entry is not None and entry.tries >= RETRY_COUNT:
                return f"{copy.path} did not get to {copy.site!r}: {entry.error}"
        return None

    def arrived(self, site: str) -> Arrived:
        """
        Return how much is there at a site: of bytes, what lies on its disk, staged ones too.

        The documents show progress every few seconds only, to spare the database; of a Drive
        there is nothing else to look at.
        """
        files = [file for one in self.representations.values() for file in one.files]
        size = _told(site, files) if site == DRIVE else self._lying(site, files)
        wanted = sum(file.size or 0 for file in files)
        return Arrived(
            site,
            files=sum(file.available_at(site) for file in files),
            files_wanted=len(files),
            size=min(size, wanted),
            size_wanted=wanted,
        )

    def _lying(self, site: str, files: Sequence[File]) -> int:
        # Staged ones first: what is published in between counts twice, not never.
        staged = sum(_size(part) for part in self.layout.site(site).rglob(_STAGED))
        return staged + sum(_size(self.layout.path(site, file.path)) for file in files)


def _told(site: str, files: Sequence[File]) -> int:
    return sum(file.size or 0 for file in files if file.available_at(site))


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0  # not there yet, or published a moment ago


def copies(
    layout: Layout, representation: Representation
) -> Iterator[tuple[Copy, File, Entry | None]]:
    """Yield every file of a representation at every site that is to have it."""
    for file in representation.files:
        for site in layout.wanted_at:
            copy = Copy(representation.id, file.path, file.hash, site)
            yield copy, file, file.at(site)


_KEYS_ONLY = [{"$project": {"documentKey": 1}}]
