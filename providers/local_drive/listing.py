"""The published files below a folder, a batch at a time. Blocking calls, for worker threads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from providers.base import Facts, Listed, Location
from providers.names import is_ours, is_unicode


def walk(root: str, top: Path, folder: Path) -> Iterator[Listed]:
    """
    Yield every published file below `folder`, by its path below `top`.

    Links are not followed, and names that are not Unicode cannot stand in a document: both
    are left out. A folder that may not be read is an error: its files must not seem gone.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        with suppress(FileNotFoundError), os.scandir(current) as entries:
            for entry in entries:
                if is_ours(entry.name) or not is_unicode(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False):
                    with suppress(FileNotFoundError):
                        yield _listed(root, top, entry)


def _listed(root: str, top: Path, entry: os.DirEntry[str]) -> Listed:
    found = entry.stat(follow_symlinks=False)
    path = Path(entry.path).relative_to(top).as_posix()
    return Listed(Location(root, path), Facts(found.st_size, found.st_mtime_ns))
