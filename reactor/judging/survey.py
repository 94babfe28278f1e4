"""
What lies at a site, held against what documents say of it: both in the order of paths.

One listing and one aggregation are gone through side by side, so memory holds a few batches
whatever there is. What is plainly right passes at once; the rest is for `Inspection` to judge.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

import anyio
from pymongo.errors import CursorNotFound

from providers.base import Facts, Listed, Unlisted
from reactor.judging.inspection import Depth, Inspection
from reactor.judging.inventory import Part, Row, inventory, row_of
from reactor.judging.merging import Merge, Stretch
from reactor.reader import Cursor, Reader
from reactor.sites import Site
from reactor.tasks import plain_errors

_ROWS = 2_000
_NAMELESS = 1_000
_AHEAD = 100_000
_NONE: list[Listed] = []
_TOGETHER, _DEEP = 500, 32  # what is read takes long, and may be interrupted
_MICROSECOND = 1_000

Batch = Sequence[tuple[str, Facts | None]]


@dataclass(frozen=True, slots=True)
class Ground:
    """
    One root of a site, and what projects call it.

    Only what lies in some `folders` directly below it is gone through, where there are any.
    """

    site: Site
    root: str
    parts: tuple[Part, ...]
    folders: tuple[str, ...] = ()


class Survey:
    """
    Goes through a ground once, from a path on.

    `shut` are folders that could not be read, and `nameless` files that no document can hold,
    the first of them; `left_out` counts those.
    """

    def __init__(self, reader: Reader, ground: Ground, depth: Depth, after: str = "") -> None:
        self.shut: list[Unlisted] = []
        self.nameless: list[Unlisted] = []
        self.left_out = 0
        self._ground = ground
        self._after = after
        self._merge = Merge(after, doubted=depth == "bytes", within_ns=_within(ground, depth))
        self._at_once = _DEEP if depth == "bytes" else _TOGETHER
        self._rows = _Rows(reader, ground, after, timed=depth == "time")

    async def stretches(self) -> AsyncGenerator[Stretch]:
        """
        Yield what is found, stretch by stretch.

        What a document names below a folder that cannot be read is neither there nor missing.
        Raises `SiteError` where the root is not there or has no marker.
        """
        merge = self._merge
        async with (
            aclosing(self._rows) as rows,
            aclosing(self._files()) as files,
            aclosing(_batches(files, self._at_once)) as listed,
        ):
            await self._begin(rows, listed)
            while not merge.is_over:
                yield self._without_hidden(merge.merge(self._at_once))
                if merge.wants_rows:
                    merge.add_rows(await rows.more())
                if merge.wants_files:
                    merge.add_files(await anext(listed, _NONE))

    async def _begin(self, rows: _Rows, listed: AsyncGenerator[list[Listed]]) -> None:
        """Read the first rows, and list while the server sorts: up to a bound, both take long."""
        sorting = anyio.Event()

        async def list_ahead() -> None:
            ahead = 0
            while not sorting.is_set() and ahead < _AHEAD:
                files = await anext(listed, _NONE)
                self._merge.add_files(files)
                ahead += len(files) or _AHEAD

        with plain_errors():
            async with anyio.create_task_group() as together:
                together.start_soon(list_ahead)
                self._merge.add_rows(await rows.more())
                sorting.set()

    async def _files(self) -> AsyncGenerator[Listed]:
        provider, root = self._ground.site.provider, self._ground.root
        for folder in sorted(f"{name}/" for name in self._ground.folders) or [""]:
            if folder >= self._after or self._after.startswith(folder):
                found = provider.listing(root, folder[:-1], self._after, self._leave_out)
                async for file in found:
                    yield file

    def _leave_out(self, unlisted: Unlisted) -> None:
        if unlisted.folder:
            self.shut.append(unlisted)
        else:
            self.left_out += 1
            self.nameless += [unlisted] if self.left_out <= _NAMELESS else []

    def _without_hidden(self, stretch: Stretch) -> Stretch:
        hidden = tuple(f"{one.where.path}/" for one in self.shut)
        if hidden:
            stretch.doubts = [
                doubt
                for doubt in stretch.doubts
                if doubt.facts or not doubt.row.path.startswith(hidden)
            ]
        return stretch


class _Rows:
    """What documents say of a ground; a cursor that the server forgot is opened anew."""

    def __init__(self, reader: Reader, ground: Ground, after: str, *, timed: bool) -> None:
        self._reader = reader
        self._ground = ground
        self._after = after  # all rows up to there were read
        self._timed = timed
        self._cursor: Cursor | None = None

    async def more(self) -> list[Row]:
        """Return the next rows, or none where there are no more; some may come twice."""
        try:
            found = await (await self._opened()).to_list(_ROWS)
        except CursorNotFound:  # what came before took longer than the server waits
            self._cursor = None
            found = await (await self._opened()).to_list(_ROWS)
        rows = [row_of(raw) for raw in found]
        whole = (row.path for row in reversed(rows) if row.path != rows[-1].path)
        self._after = next(whole, self._after)
        return rows

    async def aclose(self) -> None:
        """Let the server forget the cursor."""
        if self._cursor is not None:
            await self._cursor.close()

    async def _opened(self) -> Cursor:
        if self._cursor is None:
            parts, folders = self._ground.parts, self._ground.folders
            rows = inventory(parts, self._after, folders, timed=self._timed)
            self._cursor = await self._reader.inventory(parts[0].project, rows)
        return self._cursor


async def doubtful(inspection: Inspection, root: str) -> AsyncGenerator[Batch]:
    """Yield the documents' paths of one project below a root that may not be as they are said to be."""
    places, topology = inspection.places, inspection.topology
    site = places.site
    group = topology.alternatives_of(site.name)
    part = Part.of(topology.project, site.roots, [root], group)
    survey = Survey(inspection.desk.reader, Ground(site, root, (part,)), inspection.depth)
    async with aclosing(survey.stretches()) as stretches:
        async for stretch in stretches:
            doubts = [(doubt.row.text, doubt.facts) for doubt in stretch.doubts]
            for start in range(0, len(doubts), _TOGETHER):
                yield doubts[start : start + _TOGETHER]


def _within(ground: Ground, depth: Depth) -> int | None:
    """Return how near its published time a file's must be, in nanoseconds, where that counts."""
    resolution = ground.site.provider.features.mtime_resolution_ns
    return max(resolution, _MICROSECOND) if depth == "time" and resolution else None


async def _batches(files: AsyncIterator[Listed], most: int) -> AsyncGenerator[list[Listed]]:
    batch: list[Listed] = []
    async for file in files:
        batch.append(file)
        if len(batch) >= most:
            yield batch
            batch = []
    if batch:
        yield batch
