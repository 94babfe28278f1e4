"""All published files below a folder, one PROPFIND a folder."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from providers.base import Facts, FileError, Listed, Location, Unlisted
from providers.names import NAMELESS, is_ours, is_unicode, shown
from providers.walking import Walk, each_by_itself
from sitesync_webdav.multistatus import Entry
from sitesync_webdav.places import Places
from sitesync_webdav.tree import Tree

_SLASHED = "its name holds a slash, which no path can; rename it"
_SIZELESS = "its server does not tell how large it is"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a root, from `after` on. `unlisted` is told of the rest."""

    tree: Tree
    places: Places
    root: str
    after: str
    unlisted: Callable[[Unlisted], None] | None

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files in the order of their paths."""
        async for path, size in Walk(each_by_itself(self._read), self.after).files(folder):
            yield Listed(Location(self.root, path), Facts(size))

    async def _read(self, folder: str) -> list[tuple[str, int]]:
        where = Location(self.root, folder)
        found: list[tuple[str, int]] = []
        try:
            async with aclosing(
                self.tree.inside(self.places.folder(self.root, folder), where)
            ) as inside:
                async for name, entry in inside:
                    if not is_ours(name) and self._is_listed(folder, name, entry):
                        found.append((f"{name}/" if entry.is_folder else name, entry.size or 0))
        except FileError as error:
            if self.unlisted is None:
                raise
            self.unlisted(Unlisted(where, str(error), folder=True))
        return found

    def _is_listed(self, folder: str, name: str, entry: Entry) -> bool:
        why = _flaw(name, entry)
        if why and self.unlisted is not None:
            path = f"{folder}/{shown(name)}" if folder else shown(name)
            self.unlisted(Unlisted(Location(self.root, path), why, folder=entry.is_folder))
        return why is None


def _flaw(name: str, entry: Entry) -> str | None:
    """Return why something is not listed, or None where it is."""
    if not is_unicode(name):
        return NAMELESS
    if "/" in name:
        return _SLASHED
    return None if entry.is_folder or entry.size is not None else _SIZELESS
