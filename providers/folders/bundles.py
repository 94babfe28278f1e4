"""
Small files read, and staged, together, in one hop into a thread.

Their folders are looked at and opened once. All are written before the first is synced: the
file system then commits them together, where a sync after each would make it commit as many
times.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO

from providers.base import Copied, Facts, Handle, Location, ProviderError
from providers.checksums import checksum_of
from providers.folders import disk, markers
from providers.folders.inside import Folders, Held, held, made
from providers.folders.paths import Paths
from providers.names import staged_name
from providers.small import SMALL, SmallFile


@dataclass(frozen=True, slots=True)
class _Source:
    """A small file as it was when it was opened; its content is good until the next is read."""

    path: str
    before: os.stat_result
    facts: Facts
    content: memoryview

    def is_unchanged(self) -> bool:
        """Return whether the path still means the very file that was read."""
        return disk.same_file(self.before, os.stat(self.path))  # noqa: PTH116 -- thousands of them


@dataclass(frozen=True, slots=True)
class _Written:
    """A staged file that is whole, but not yet on the disk."""

    source: _Source
    checksum: str
    folder: Held
    staged: str
    file: FileIO


def read_bundle(paths: Paths, files: Sequence[Location]) -> list[SmallFile | None]:
    """
    Read small files that are at rest, below roots that have their markers.

    None where that needs a closer look.
    """
    if not _are_marked(paths, files):
        return [None] * len(files)
    with Folders(paths, held) as folders:
        room = _room()
        return [_small(folders, where, room) for where in files]


def stage_bundle(paths: Paths, source: Paths, handles: Sequence[Handle]) -> list[Copied | None]:
    """
    Stage copies of small files whose places are empty, below roots that have their markers.

    None where that needs a closer look or fails; nothing is left staged there.
    """
    if not _are_marked(paths, (handle.where for handle in handles)):
        return [None] * len(handles)
    room = _room()
    written: list[_Written | None] = []
    with Folders(source, held) as sources, Folders(paths, made) as folders:
        try:
            # One by one: what was begun before a failure has to be closed.
            written.extend(_begun(sources, folders, handle, room) for handle in handles)
            return [_ended(one, room) if one else None for one in written]
        finally:
            for one in written:
                if one is not None:
                    one.file.close()


def _are_marked(paths: Paths, files: Iterable[Location]) -> bool:
    try:
        return all(markers.is_marked(paths.root(root)) for root in {one.root for one in files})
    except (OSError, ProviderError):
        return False


def _room() -> memoryview:
    """Return room for a small file and one byte more: new room for each costs more than reading."""
    return memoryview(bytearray(SMALL + 1))


def _small(folders: Folders, where: Location, room: memoryview) -> SmallFile | None:
    with suppress(OSError, ProviderError):
        source = _read(folders, where, room)
        if source is not None and source.is_unchanged():
            return SmallFile(source.facts, bytes(source.content))
    return None


def _read(folders: Folders, where: Location, room: memoryview) -> _Source | None:
    """Return a small file, whole, as it is now; None where it is none."""
    folder, name = folders.of(where)
    path = folder.path_of(name)
    with folder.open_for_reading(name) as file:
        before = os.fstat(file.fileno())
        facts = disk.facts_of(before, path)
        if facts.size > SMALL or file.readinto(room) != facts.size:
            return None
        return _Source(path, before, facts, room[: facts.size])


def _begun(sources: Folders, folders: Folders, handle: Handle, room: memoryview) -> _Written | None:
    with suppress(OSError, ProviderError):  # met again, and told, by who takes the closer look
        folder, name = folders.of(handle.where)
        if not folder.has(name) and (source := _read(sources, handle.where, room)):
            return _written(source, folder, staged_name(handle.claim))
    return None


def _written(source: _Source, folder: Held, staged: str) -> _Written:
    file = folder.make_file(staged)
    try:
        disk.write(file, source.content)
        disk.start_writeback(file.fileno(), 0, len(source.content))
    except BaseException:
        file.close()
        _remove(folder, staged)
        raise
    return _Written(source, checksum_of("xxh128", (source.content,)), folder, staged, file)


def _ended(written: _Written, room: memoryview) -> Copied | None:
    with suppress(OSError), written.file:  # closed before it is removed: Windows insists
        disk.sync_file(written.file.fileno())
        if written.source.is_unchanged():
            written.file.seek(0)
            there = room[: written.file.readinto(room)]
            return Copied(written.source.facts, written.checksum, checksum_of("xxh128", (there,)))
    _remove(written.folder, written.staged)
    return None


def _remove(folder: Held, staged: str) -> None:
    with suppress(OSError):
        folder.remove(staged)
