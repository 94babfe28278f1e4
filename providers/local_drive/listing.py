"""The files below a folder, published or staged. Blocking calls, for worker threads."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from providers.base import Facts, Handle, Listed, Location, StagedFile
from providers.folders.paths import WINDOWS, is_link
from providers.names import claim_of, is_ours, is_unicode


@dataclass(frozen=True, slots=True)
class Walk:
    """
    Goes through the folders below a root in the order of paths; one folder's names are held.

    `after` is the path that the walk goes on from. `refused` is told of each folder that the
    operating system does not let us read, and `nameless` of each name that is not Unicode.
    """

    root: str
    after: str
    refused: Callable[[OSError, str], None]
    nameless: Callable[[str], None]

    def files(self, folder: Path, below: str) -> Iterator[Listed]:
        """
        Yield every published file of a folder, which is `below` its root.

        Links are not followed: they are left out, and cannot lead in circles.
        """
        begun = [(str(folder), below, self._names(str(folder), below))]
        while begun:
            native, below, names = begun[-1]
            for name in names:
                if name.endswith("/"):
                    inner, path = f"{native}{os.sep}{name[:-1]}", below + name
                    begun.append((inner, path, self._names(inner, path)))
                    break
                if found := _regular(f"{native}{os.sep}{name}"):
                    facts = Facts(found.st_size, found.st_mtime_ns)
                    yield Listed(Location(self.root, below + name), facts)
            else:
                begun.pop()

    def _names(self, folder: str, below: str) -> Iterator[str]:
        """Return what a folder holds, in order; the names of folders end with a slash."""
        try:
            with os.scandir(folder) as entries:
                names = [*self._named(entries, below)]
        except FileNotFoundError:
            return iter(())
        except OSError as error:
            self.refused(error, below.rstrip("/"))
            return iter(())
        names.sort()
        return iter(names)

    def _named(self, entries: Iterable[os.DirEntry[str]], below: str) -> Iterator[str]:
        after = self.after
        for entry in entries:
            name = entry.name
            if is_ours(name):
                continue
            if not is_unicode(name):
                self.nameless(below + name)
                continue
            if _is_folder(entry):
                name += "/"
            path = below + name
            if path > after or (after.startswith(path) and name.endswith("/")):
                yield name


def walk_staged(root: str, top: Path) -> Iterator[list[StagedFile]]:
    """Yield the staged files of each folder, none of most: who stops in between waits for one."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        found: list[StagedFile] = []
        for entry in _entries(folder):
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            elif claim := claim_of(entry.name):
                with suppress(FileNotFoundError):
                    found.append(_staged(root, top, entry, claim))
        yield found


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield what a folder holds under names that are Unicode; nothing if it is gone."""
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        yield from (entry for entry in entries if is_unicode(entry.name))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a folder, and no link; Windows has links that are both."""
    plain = entry.is_dir(follow_symlinks=False)
    return plain and not (WINDOWS and is_link(entry.stat(follow_symlinks=False)))


def _regular(path: str) -> os.stat_result | None:
    """
    Return the facts of a file, or None where there is none or it is something else.

    Asked of the file itself: on Windows, a folder's own word for sizes may be an old one.
    """
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _staged(root: str, top: Path, entry: os.DirEntry[str], claim: str) -> StagedFile:
    found = entry.stat(follow_symlinks=False)
    beside = Path(entry.path).relative_to(top).with_name(claim).as_posix()
    # Times are set to those of the source before a file gets its name: only both tell.
    touched = max(found.st_mtime_ns, found.st_ctime_ns)
    return StagedFile(Handle(Location(root, beside), claim), touched)
