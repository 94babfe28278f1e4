"""Remote sites without a server: sites in memory, slow, deaf or broken when a test wants them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import anyio
from bson import ObjectId

from providers.base import (
    Copied,
    Facts,
    Handle,
    Listed,
    Location,
    Provider,
    Reader,
    Setup,
    SiteError,
    Unlisted,
)
from providers.conformance.moves import content_at, put
from providers.memory import Memory, MemoryOptions
from providers.services import Change, Changes, CopyRefusedError
from tests.path.studio import Document, Studio, openpype_hash


class Remote(Memory):
    """
    A site in memory that copies nothing by itself, unless `copies`.

    It counts readers; they stop at `stalls_after` bytes until they may `go_on`. Where it is
    `broken` they fail, be it then. Copies it `refuses`, or makes them so that they `rot`. What
    happened there it tells in `words` of its own; `listed` and `looked` count other questions.
    """

    def __init__(self, name: str, *, copies: bool = False, checksums: bool = True) -> None:
        super().__init__(Setup(name, {"work": "/work"}, MemoryOptions(store=uuid4().hex)))
        features = replace(Memory.features, copies=copies)
        self.features = features if checksums else replace(features, checksums=frozenset())
        self.reads: Counter[str] = Counter()
        self.looked: Counter[str] = Counter()
        self.listed = 0
        self.words: Callable[[Change], Change] = lambda change: change
        self.offsets: list[int] = []
        self.broken = self.refuses = self.rots = False
        self.stalls_after: int | None = None
        self.stalls = anyio.Event()
        self.go_on = anyio.Event()

    @property
    def by_hand(self) -> Memory:
        """The same place, as somebody else reaches it."""
        return Memory(self._setup)

    async def facts(self, where: Location) -> Facts | None:
        self.looked[where.path] += 1
        return await super().facts(where)

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        self.listed += 1
        async for file in super().listing(root, folder, after, unlisted):
            yield file

    async def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        if self.broken:
            raise SiteError("unreachable", "nobody answers there")
        async for batch in super().changes(root, since):
            yield replace(batch, changes=tuple(map(self.words, batch.changes)))

    def copies_from(self, source: Provider) -> bool:
        return isinstance(source, Remote) and self.features.copies

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        copied = await super().copy(source, facts, handle, progress)
        if self.refuses:
            raise CopyRefusedError("not of a file like this")
        return replace(copied, staged_checksum="xxh128:0bad") if self.rots else copied

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        return await super().checksum(where, algorithm) if self.features.checksums else None

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[Any]:
        if self.broken:
            raise SiteError("unreachable", "nobody answers there")
        self.reads[where.path] += 1
        self.offsets.append(offset)
        async with super().read(where, offset) as reader:
            yield _Slow(self, reader, offset)


class _Slow:
    """A reader that stops where its site says."""

    def __init__(self, site: Remote, reader: Reader, offset: int) -> None:
        self._site = site
        self._reader = reader
        self._at = offset
        self.facts = reader.facts
        self.unchanged = reader.unchanged

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._reader:
            stalls_after = self._site.stalls_after
            if stalls_after is not None and self._at >= stalls_after:
                self._site.stalls.set()
                await self._site.go_on.wait()
            if self._site.broken:
                raise SiteError("unreachable", "nobody answers there")
            yield chunk
            self._at += len(chunk)


def remote(studio: Studio, name: str, **how: Any) -> Remote:
    """Make one of a studio's sites a remote one."""
    site = Remote(name, **how)
    studio.providers[name] = site
    return site


async def published_at(
    studio: Studio, site: str, name: str, content: bytes, wanted: Iterable[str]
) -> ObjectId:
    """Publish a file that is at one remote site and wanted at others."""
    return await studio.publish(await element_at(studio, site, name, content, wanted))


async def element_at(
    studio: Studio, site: str, name: str, content: bytes, wanted: Iterable[str]
) -> Document:
    """Put a file to a remote site, and return its element of a document's `files`."""
    file = studio.folder / "publisher" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    await put(studio.providers[site], name, content, file.stat().st_mtime_ns)
    sites: list[Document] = [{"name": site, "created_dt": "a date"}]
    return {
        "_id": ObjectId(),
        "path": f"{{root[work]}}/{name}",
        "size": len(content),
        "hash": openpype_hash(file),
        "sites": sites + [{"name": one} for one in wanted],
    }


async def copied_to(studio: Studio, site: str, element: Document) -> None:
    """Put the same file to another remote site, too."""
    name = element["path"].partition("/")[2]
    file = studio.folder / "publisher" / name
    await put(studio.providers[site], name, file.read_bytes(), file.stat().st_mtime_ns)
    element["sites"].append({"name": site, "created_dt": "a date"})


async def held_at(studio: Studio, site: str, name: str) -> bytes:
    """Return the bytes that a remote site has."""
    return await content_at(studio.providers[site], name)
