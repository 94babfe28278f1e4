"""Simulated storage with paths: what one machine's kernel copies between."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

from providers.base import (
    ChangedFileError,
    Copied,
    Facts,
    Handle,
    Location,
    MissingFileError,
    ProviderError,
    StagedFile,
)
from providers.checksums import checksum_of
from tests.simulation.provider import Provider, path_of
from tests.simulation.storage import Inode, Root


class Disk(Provider):
    """Storage with paths, that one machine's kernel copies between."""

    def root_path(self, root: str) -> Path:
        return Path("/", self._store.name, self._setup.root(root).strip("/"))

    def local_path(self, where: Location) -> Path:
        return self.root_path(where.root) / path_of(where)

    def _find(self, path: Path) -> tuple[Root, str]:
        """Return where a path leads that another disk of this machine has told."""
        _, store, folder, *below = path.parts
        return self._caller.store(store).root(f"/{folder}"), "/".join(below)

    def _open(self, path: Path) -> Inode:
        root, below = self._find(path)
        if below not in root.published:
            raise MissingFileError(f"{path} is not there")
        return root.published[below]

    def _is_unchanged(self, path: Path, inode: Inode, facts: Facts) -> bool:
        root, below = self._find(path)
        return root.published.get(below) is inode and inode.facts == facts

    async def stage_small(self, source: Disk, handles: Sequence[Handle]) -> Sequence[Copied | None]:
        return [await self._small(source.local_path(one.where), one) for one in handles]

    async def _small(self, path: Path, handle: Handle) -> Copied | None:
        def begin() -> tuple[Inode, Facts, Inode] | None:
            try:
                if path_of(handle.where) in self._marked(handle.where.root).published:
                    return None
                found = self._open(path)
                made = self._make(handle)
            except ProviderError:
                return None
            made.content += found.content
            return found, found.facts, made

        begun = await self._do("stage small", begin)
        if begun is None:
            return None
        inode, facts, made = begun
        checksum = checksum_of("xxh128", [bytes(made.content)])

        def end() -> Copied | None:
            if self._is_unchanged(path, inode, facts):
                return Copied(facts, checksum, checksum_of("xxh128", [bytes(made.content)]))
            root, key = self._staged(handle)
            root.staged.pop(key, None)
            return None

        return await self._do("look again", end)

    async def stage_from_disk(
        self,
        source: Callable[[], Path],
        handle: Handle,
        progress: Callable[[int], None],
        kept: int = 0,
    ) -> Copied:
        path = source()

        def begin() -> tuple[Inode, Facts, Inode]:
            found = self._open(path)
            return found, found.facts, self._inode(handle) if kept else self._make(handle)

        inode, facts, made = await self._do("stage from disk", begin)

        def end() -> Copied:
            if not self._is_unchanged(path, inode, facts):
                raise ChangedFileError(f"{path} changed while it was copied; it is tried again")
            digests = [checksum_of("xxh128", [bytes(i.content)]) for i in (inode, made)]
            return Copied(facts, digests[0], digests[1])

        try:
            for start in range(kept, facts.size, self._chunk):
                await self._do("copy", partial(self._copy, inode, made, handle, start))
                progress(min(self._chunk, facts.size - start))
            return await self._do("hash both", end)
        except ProviderError:
            await self.revoke(handle)
            raise

    def _copy(self, inode: Inode, made: Inode, handle: Handle, start: int) -> None:
        self._has_room()
        if not made.claim.endswith("revoked"):
            self._is_ours(made, handle.claim)
        made.content[start:] = inode.content[start : start + self._chunk]

    async def staged(self, root: str) -> AsyncIterator[StagedFile]:
        def look() -> list[StagedFile]:
            return [
                StagedFile(Handle(Location(root, path), inode.claim), inode.mtime_ns)
                for (path, _), inode in self._root(root).staged.items()
            ]

        for one in await self._do("list staged", look):
            yield one
