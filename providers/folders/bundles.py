"""
Small files staged together, in one hop into a thread.

All are written before the first is synced: the file system then commits them together,
where a sync after each would make it commit as many times.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from providers.base import Copied, Facts, Handle, Location, ProviderError
from providers.checksums import checksum_of
from providers.local_drive import copying, disk
from providers.local_drive.inside import held, make_folders
from providers.local_drive.paths import Paths
from providers.names import staged_name
from providers.small import SMALL, SmallFile

PathOf = Callable[[Location, set[str]], Path]


@dataclass(frozen=True, slots=True)
class _Written:
    """A staged file that is whole, but not yet on the disk."""

    source: Path
    before: os.stat_result
    facts: Facts
    checksum: str
    staged: Path
    root: Path
    file: FileIO


def stage_bundle(paths: Paths, source: PathOf, handles: Sequence[Handle]) -> list[Copied | None]:
    """
    Stage copies of small files whose places are empty, below roots that have their markers.

    None where that needs a closer look or fails; nothing is left staged there.
    """
    plain: set[str] = set()  # folders that are no links: looked at once, not for each file
    written: list[_Written | None] = []
    try:
        # One by one: what was begun before a failure has to be closed.
        written.extend(_begun(paths, source, handle, plain) for handle in handles)
        return [_ended(one) for one in written]
    finally:
        for one in written:
            if one is not None:
                one.file.close()


def _begun(paths: Paths, source: PathOf, handle: Handle, plain: set[str]) -> _Written | None:
    with suppress(OSError, ProviderError):  # met again, and told, by who takes the closer look
        target, root = paths.file(handle.where, plain), paths.root(handle.where.root)
        if not os.path.lexists(target):
            if str(target.parent) not in plain:
                make_folders(target.parent, root)
            staged = target.with_name(staged_name(handle.claim))
            return _written(source(handle.where, plain), staged, root)
    return None


def read_bundle(paths: Paths, files: Sequence[Location]) -> list[SmallFile | None]:
    """Read small files that are at rest; None where that needs a closer look."""
    plain: set[str] = set()
    return [_small(paths, where, plain) for where in files]


def _small(paths: Paths, where: Location, plain: set[str]) -> SmallFile | None:
    with suppress(OSError, ProviderError):
        source = paths.file_without_links(where, plain)
        if (read := _read(source)) and disk.same_file(read[0], source.stat()):
            return SmallFile(disk.facts_of(read[0], source), read[1])
    return None


def _read(source: Path) -> tuple[os.stat_result, bytes] | None:
    """Return a small file as it was when it was opened; None where it is none."""
    with copying.open_source(source) as reading:
        before = os.fstat(reading.fileno())
        size = disk.facts_of(before, source).size
        return None if size > SMALL else (before, reading.read(size + 1) or b"")


def _written(source: Path, staged: Path, root: Path) -> _Written | None:
    read = _read(source)
    if read is None:
        return None
    before, content = read
    with held(staged.parent, root) as folder:
        file = folder.make_file(staged.name)
    try:
        copying.write(file, memoryview(content))
        disk.start_writeback(file.fileno(), 0, len(content))
    except BaseException:
        file.close()
        _remove(staged, root)
        raise
    facts, checksum = disk.facts_of(before, source), checksum_of("xxh128", (content,))
    return _Written(source, before, facts, checksum, staged, root, file)


def _remove(staged: Path, root: Path) -> None:
    with suppress(OSError, ProviderError), held(staged.parent, root) as folder:
        folder.remove(staged.name)


def _ended(written: _Written | None) -> Copied | None:
    if written is None:
        return None
    with suppress(OSError):
        disk.sync_file(written.file.fileno())
        unchanged = disk.same_file(written.before, written.source.stat())
        if unchanged:
            there = checksum_of("xxh128", _content(written.file))
            return Copied(written.facts, written.checksum, there)
    _remove(written.staged, written.root)
    return None


def _content(file: FileIO) -> Iterator[bytes]:
    file.seek(0)
    yield file.read(SMALL + 1) or b""
