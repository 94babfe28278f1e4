"""From places in documents to files in Drive."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import anyio

from providers.base import FileError, Handle, Location, PermanentFileError, Setup
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry, newest
from providers.gdrive.errors import Words
from providers.gdrive.lookups import Lookups
from providers.gdrive.recent import Recent
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root, Roots
from providers.gdrive.telling import Telling
from providers.gdrive.tree import Names, Tree
from providers.names import components

_FRESH_SECONDS = 60.0
_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """A place below a root: the folders that lead there, and the file's name."""

    root: Root
    folders: Names
    name: str


class Places:
    """Looks up the files of one site."""

    def __init__(self, setup: Setup, calls: Calls, words: Words) -> None:
        self._setup = setup
        self.calls = calls
        self.words = words
        self.telling = Telling(setup.site)
        self.roots = Roots(calls, words, self.telling)
        self.tree = Tree(calls, words, self.telling)
        self.recent = Recent()
        self._lookups = Lookups(calls, self.recent)
        self._known_roots: dict[str, Root] = {}
        self._finding = anyio.Lock()
        self._looks: OrderedDict[Location, tuple[float, Entry | None]] = OrderedDict()

    @contextmanager
    def explained(self, where: Location | Handle | str) -> Generator[None]:
        """Say it in people's words where Google refuses."""
        try:
            yield
        except RefusedError as error:
            raise self.words.of(error, where) from error

    async def root(self, name: str, *, make: bool = False) -> Root:
        """Return a root by its name in documents."""
        path = self._setup.root(name)
        async with self._finding:
            if path not in self._known_roots:
                self._known_roots[path] = await self.roots.find(path, make=make)
        return self._known_roots[path]

    def forget_root(self, name: str) -> None:
        """Find a root anew: what is told of it is no longer so."""
        self._known_roots.pop(self._setup.root(name), None)

    async def place(self, where: Location) -> Place:
        """Return where a file is or would be, or refuse a path that is no such thing."""
        *folders, name = components(where)
        return Place(await self.root(where.root), tuple(folders), name)

    async def all_named(self, where: Location) -> list[Entry]:
        """Return whatever has the name of a place."""
        place = await self.place(where)
        folder = await self.tree.find(place.root, place.folders)
        if folder is None:
            return []
        return [*await self._lookups.named(folder.ids, place.name, place.root.drive)]

    async def look(self, where: Location) -> Entry | None:
        """Return the file at a place; of several, the one that came last."""
        found = await self.all_named(where)
        files = [entry for entry in found if entry.is_file]
        if found and not files:
            what = "a folder" if found[0].is_folder else "a Google document or a shortcut"
            raise PermanentFileError(
                f"{where} at site {self._setup.site!r} is {what}, not a file; move it away"
            )
        chosen = newest(files) if files else None
        if chosen is not None:
            self.telling.duplicates("files", str(where), chosen, files)
        self.remember(where, chosen)
        return chosen

    async def latest(self, where: Location) -> Entry | None:
        """
        Return the file at a place as the last look found it, and look if there was none lately.

        For what is done under the claim under which that look was made: it answers once.
        """
        since, entry = self._looks.pop(where, (float("-inf"), None))
        if since > time.monotonic() - _FRESH_SECONDS:
            return entry
        return await self.look(where)

    async def known(self, where: Location) -> Entry:
        """Return the file at a place, told of lately or now; `MissingFileError` if none is there."""
        since, entry = self._looks.get(where, (float("-inf"), None))
        if entry is None or since <= time.monotonic() - _FRESH_SECONDS:
            entry = await self.look(where)
        if entry is None:
            raise self.words.missing(where)
        return entry

    async def trash(self, entry: Entry) -> None:
        """Move a file to the trash; one that is gone is no error."""
        try:
            self.recent.note(await self.calls.update(entry.id, trashed=True))
        except RefusedError as error:
            if not error.is_missing:
                raise

    def remember(self, where: Location, entry: Entry | None) -> None:
        """Remember what is at a place."""
        self._looks[where] = time.monotonic(), entry
        self._looks.move_to_end(where)
        if len(self._looks) > _MOST:
            self._looks.popitem(last=False)

    def lost(self, where: Location, root: Root, folders: Names) -> FileError:
        """Forget what is at a place, and how to get there: it was moved by somebody else."""
        self.tree.forget(root, folders)
        self._looks.pop(where, None)
        return FileError(
            f"{where} or its folder was moved or removed in Drive while it was sent; it is sent "
            "again"
        )
