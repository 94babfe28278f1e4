"""All published files below a folder; some folders are read with one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from providers.base import Listed, Location, Unlisted
from providers.gdrive import queries
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry, fits_path, newest
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root
from providers.gdrive.telling import Telling
from providers.gdrive.tree import Tree
from providers.names import is_ours
from providers.walking import Walk

_NO_PATH = "its name holds a character that no path can hold; rename it in Drive"


@dataclass(slots=True)
class Listing:
    """
    Lists a tree in the order of paths.

    Folders of one name are gone through as one; of files of one name the last that came is
    listed. Google documents and shortcuts are no files. `unlisted` is told what cannot be listed.
    """

    calls: Calls
    telling: Telling
    tree: Tree
    root: tuple[str, Root]
    after: str
    unlisted: Callable[[Unlisted], None] | None
    _ids: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], init=False)

    async def files(self, folder: str, ids: tuple[str, ...]) -> AsyncIterator[Listed]:
        """List files below a folder of these ids."""
        self._ids[folder] = ids
        async for path, entry in Walk(self._read, self.after).files(folder):
            yield Listed(Location(self.root[0], path), entry.facts)

    async def _read(self, folders: Sequence[str]) -> Mapping[str, list[tuple[str, Entry]]]:
        ids = {folder: self._ids.pop(folder) for folder in folders}
        children = await self._children({each for some in ids.values() for each in some})
        return {
            folder: self._names(folder, [entry for each in some for entry in children[each]])
            for folder, some in ids.items()
        }

    async def _children(self, ids: Collection[str]) -> Mapping[str, list[Entry]]:
        children: defaultdict[str, list[Entry]] = defaultdict(list)
        try:
            async for entry in self.calls.listed(queries.children(ids), self.root[1].drive):
                for parent in entry.parents:
                    children[parent].append(entry)
        except RefusedError as error:
            if not error.is_missing:
                raise
            children.clear()  # one of them is gone since it was seen
            for each in ids if len(ids) > 1 else ():
                children.update(await self._children([each]))
        return children

    def _names(self, folder: str, entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
        """Return what is listed of a folder, with the names that it has there."""
        below = f"{folder}/" if folder else ""
        named: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            if not is_ours(entry.name) and (entry.is_folder or entry.is_file):
                if fits_path(entry.name):
                    named[entry.name + "/" if entry.is_folder else entry.name].append(entry)
                else:
                    self._tell_nameless(below, entry)
        found: list[tuple[str, Entry]] = []
        for name, same in named.items():
            chosen = newest(same)
            if name.endswith("/"):
                self.tree.met.meet(same)
                self._ids[below + name[:-1]] = tuple(entry.id for entry in same)
            else:
                self.telling.duplicates("files", below + name, chosen, same)
            found.append((name, chosen))
        return found

    def _tell_nameless(self, below: str, entry: Entry) -> None:
        if self.unlisted is not None:
            where = Location(self.root[0], below + entry.name)
            self.unlisted(Unlisted(where, _NO_PATH, folder=entry.is_folder))
