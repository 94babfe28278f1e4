"""Which path a folder has, found from below: by its parents, as far as the root."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry, fits_path
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root

_DEEPEST = 200
_MOST = 50_000


class Folders:
    """The names and parents of folders, as far as they were met, by id."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: OrderedDict[str, tuple[str, str | None]] = OrderedDict()

    def meet(self, entries: Iterable[Entry]) -> None:
        """Take note of folders as they are now."""
        for entry in entries:
            self._known[entry.id] = entry.name, next(iter(entry.parents), None)
            self._known.move_to_end(entry.id)
        while len(self._known) > _MOST:
            self._known.popitem(last=False)

    def knows(self, folder: str) -> bool:
        """Return whether a folder was met."""
        return folder in self._known

    async def path(self, root: Root, name: str, parent: str | None) -> str | None:
        """Return the path of a name in a folder below a root, or None if it is not below it."""
        names = [name]
        while parent != root.folder and parent is not None and len(names) < _DEEPEST:
            name, parent = await self._folder(parent)
            names.append(name)
        is_below = parent == root.folder and all(map(fits_path, names))
        return "/".join(reversed(names)) if is_below else None

    async def path_before(self, root: Root, folder: str) -> str | None:
        """Return the path that a folder had when it was met."""
        return await self.path(root, *self._known[folder])

    async def _folder(self, folder: str) -> tuple[str, str | None]:
        if folder not in self._known:
            try:
                self.meet([await self._calls.get(folder)])
            except RefusedError as error:
                if not error.is_missing:
                    raise
                return "", None
        return self._known[folder]
