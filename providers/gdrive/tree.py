"""
Folders by their paths below a root; never more of the drive than what is asked for.

Names are not unique in Drive. Whoever makes a folder looks again afterwards: of several, the
oldest is the one that everybody uses, and who made another takes it back while it is empty. What
lies in any of them is found, whatever comes of that.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from providers.base import FileError
from providers.gdrive import queries
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry
from providers.gdrive.errors import Words
from providers.gdrive.folders import Folders
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root
from providers.gdrive.telling import Telling
from providers.rounds import Rounds

Names = tuple[str, ...]
_Key = tuple[str, Names]

# People move folders about; until that is noticed, files go to where the folder was.
_TRUSTED_SECONDS = 60.0
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Folder:
    """All folders of one path: the first is used, in the others files are found, too."""

    ids: tuple[str, ...]
    takes_children: bool


class Tree:
    """The folders of one site, as far as they were met."""

    def __init__(self, calls: Calls, words: Words, telling: Telling) -> None:
        self._calls = calls
        self._words = words
        self._telling = telling
        self.met = Folders(calls)
        self._known: OrderedDict[_Key, tuple[float, Folder]] = OrderedDict()
        self._rounds = Rounds()
        self._making: dict[_Key, anyio.Lock] = {}

    async def find(self, root: Root, names: Names) -> Folder | None:
        """Return a folder, or None if there is none."""
        if not names:
            return Folder((root.folder,), root.takes_children)
        key = (root.folder, names)
        if found := self._trusted(key):
            return found
        parent = await self.find(root, names[:-1])
        if parent is None:
            return None
        await self._rounds.after(key, partial(self._look, root, names, parent.ids))
        return self._trusted(key)

    async def make(self, root: Root, names: Names) -> Folder:
        """Return a folder, made if there is none, in which files may be made."""
        folder = await self.find(root, names) or await self._made(root, names)
        if not folder.takes_children:
            raise self._words.may_not_write("/".join((root.path, *names)))
        return folder

    def forget(self, root: Root, names: Names) -> None:
        """Forget a folder, and those above it: something was not as it was known."""
        for depth in range(1, len(names) + 1):
            self._known.pop((root.folder, names[:depth]), None)

    def moved(self, root: Root, path: str) -> None:
        """Forget what was known of a path and of all below it: another folder may lie there now."""
        names = tuple(path.split("/"))
        for top, known in [*self._known]:
            if top == root.folder and known[: len(names)] == names:
                del self._known[top, known]

    async def _made(self, root: Root, names: Names) -> Folder:
        key = (root.folder, names)
        lock = self._making.setdefault(key, anyio.Lock())
        try:
            async with lock:
                if found := self._trusted(key):
                    return found
                parent = await self.make(root, names[:-1])
                mine = await self._calls.make_folder(
                    await self._calls.new_id(), names[-1], parent.ids[0]
                )
                if mine.trashed:  # so is the folder that it was made in
                    self.forget(root, names)
                    raise FileError(
                        f"the folder {'/'.join(names)} was removed meanwhile; try again"
                    )
                there = await self._list(root, names, parent.ids)
                return await self._settled(root, names, [e for e in there if e.id != mine.id], mine)
        finally:
            self._making.pop(key, None)

    async def _settled(
        self, root: Root, names: Names, others: Sequence[Entry], mine: Entry
    ) -> Folder:
        """Return the folder that all makers agree on; what was made in vain is taken back."""
        if others and min(others, key=_age).age < mine.age and await self._taken_back(root, mine):
            return self._keep(root, names, others)
        return self._keep(root, names, [*others, mine])

    async def _taken_back(self, root: Root, mine: Entry) -> bool:
        """Move a folder to the trash, unless somebody has put something into it by then."""
        try:
            if not await self._is_empty(root, mine):
                return False
            await self._calls.update(mine.id, trashed=True)
            if await self._is_empty(root, mine, trashed=True):
                return True
            await self._calls.update(mine.id, trashed=False)
        except RefusedError:
            return False
        return False

    async def _is_empty(self, root: Root, folder: Entry, *, trashed: bool = False) -> bool:
        query = queries.inside([folder.id]) if trashed else queries.children([folder.id])
        return not [entry async for entry in self._calls.listed(query, root.drive)]

    async def _look(self, root: Root, names: Names, parents: Sequence[str]) -> None:
        found = await self._list(root, names, parents)
        if found:
            self._keep(root, names, found)

    async def _list(self, root: Root, names: Names, parents: Sequence[str]) -> list[Entry]:
        query = queries.folders_named(names[-1], queries.inside(parents))
        try:
            found = [entry async for entry in self._calls.listed(query, root.drive)]
        except RefusedError as error:
            if not error.is_missing:
                raise
            self.forget(root, names)  # the folder above it is gone for good
            return []
        return [entry for entry in found if entry.name == names[-1]]

    def _keep(self, root: Root, names: Names, entries: Sequence[Entry]) -> Folder:
        ordered = sorted(entries, key=_age)
        self.met.meet(ordered)
        self._telling.duplicates("folders", "/".join(names), ordered[0], ordered)
        folder = Folder(tuple(entry.id for entry in ordered), ordered[0].takes_children)
        self._known[root.folder, names] = time.monotonic(), folder
        self._known.move_to_end((root.folder, names))
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return folder

    def _trusted(self, key: _Key) -> Folder | None:
        since, folder = self._known.get(key, (float("-inf"), None))
        return folder if since > time.monotonic() - _TRUSTED_SECONDS else None


def _age(entry: Entry) -> tuple[str, str]:
    return entry.age
