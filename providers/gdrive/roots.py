"""
Where a root of the settings is in Drive: which folder, and in which shared drive if in any.

`/My Drive/a/b` is what the owner of a folder sees. The service account sees that folder only if
it is shared with it, or one above it: then what comes before is of no account. `/Name/a/b` is
below the shared drive `Name`, or below a shared folder `Name`. The address of a folder, as a
browser shows it, always means that folder; names behind it lead on from there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import SiteError
from providers.gdrive import queries
from providers.gdrive.calls import Calls
from providers.gdrive.entries import Entry, oldest
from providers.gdrive.errors import Words
from providers.gdrive.refusals import RefusedError
from providers.gdrive.telling import Telling

MY_DRIVE = "My Drive"
_ADDRESS = re.compile(
    r"""
      https://drive\.google\.com/(?:drive/(?:u/\d+/)?folders/|open\?id=)(?P<id>[\w-]+)
      (?:[?&\#][^/]*)?  # what a browser adds
      (?P<below>.*)
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Root:
    """The folder of a root, and the shared drive that it is in."""

    path: str
    folder: str
    drive: str | None
    takes_children: bool


@dataclass(frozen=True, slots=True)
class _Start:
    """A folder to walk from, the names that are left to walk, and what lies in between."""

    folder: str
    drive: str | None
    names: tuple[str, ...]


class Roots:
    """Finds roots, and makes folders that are missing on the way to them."""

    def __init__(self, calls: Calls, words: Words, telling: Telling) -> None:
        self._calls = calls
        self._words = words
        self._telling = telling

    async def find(self, path: str, *, make: bool = False) -> Root:
        """Return a root; `SiteError` where the account does not see it."""
        try:
            if address := _ADDRESS.match(path):
                top = await self._root(path, address["id"])
                if not (names := _names(address["below"])):
                    return top
                starts: Sequence[_Start] = [_Start(top.folder, top.drive, names)]
            else:
                names = _names(path)
                starts = await self._starts(path, names)
            for start in starts:
                if (folder := await self._walk(path, start)) is not None:
                    return await self._root(path, folder)
            if make and starts and starts[-1].folder != "root":
                return await self._root(path, await self._walk_and_make(path, starts[-1]))
        except RefusedError as error:
            raise self._words.of(error, path) from error
        raise self._words.not_shared(path, names[-1] if names else MY_DRIVE)

    async def _starts(self, path: str, names: tuple[str, ...]) -> Sequence[_Start]:
        """Return where the walk may start, the likeliest first."""
        if names[:1] == (MY_DRIVE,):
            own = _Start("root", None, names[1:])
            return [own, *await self._shared(path, names[1:])]
        drives = [
            each for each, name in (await self._calls.drives()).items() if [name] == [*names[:1]]
        ]
        if len(drives) > 1:
            raise self._ambiguous(path, "shared drives", names[0])
        if drives:
            return [_Start(drives[0], drives[0], names[1:])]
        return await self._shared(path, names)

    async def _shared(self, path: str, names: tuple[str, ...]) -> Sequence[_Start]:
        """Return the first folder of a path that is shared with the account."""
        for depth, name in enumerate(names):
            query = queries.folders_named(name, queries.SHARED_WITH_ME)
            shared = [e async for e in self._calls.listed(query, None) if e.name == name]
            if len(shared) > 1:
                raise self._ambiguous(path, "folders", name)
            if shared:
                return [_Start(shared[0].id, shared[0].drive, names[depth + 1 :])]
        return []

    async def _walk(self, path: str, start: _Start) -> str | None:
        folder = start.folder
        for name in start.names:
            found = await self._child(path, folder, start.drive, name)
            if found is None:
                return None
            folder = found.id
        return folder

    async def _walk_and_make(self, path: str, start: _Start) -> str:
        folder = start.folder
        for name in start.names:
            found = await self._child(path, folder, start.drive, name)
            if found is None:
                made = await self._calls.make_folder(await self._calls.new_id(), name, folder)
                found = await self._child(path, folder, start.drive, name) or made
            folder = found.id
        return folder

    async def _child(self, path: str, folder: str, drive: str | None, name: str) -> Entry | None:
        query = queries.folders_named(name, queries.inside([folder]))
        found = [e async for e in self._calls.listed(query, drive) if e.name == name]
        if not found:
            return None
        chosen = oldest(found)
        self._telling.duplicates("folders", path, chosen, found)
        return chosen

    async def _root(self, path: str, folder: str) -> Root:
        try:
            entry = await self._calls.get(folder)
        except RefusedError as error:
            if not error.is_missing:
                raise
            raise self._words.not_shared(path, path) from None
        if not entry.is_folder or entry.trashed:
            what = "in the trash" if entry.trashed else "no folder"
            raise SiteError(
                "settings", f"site {self._words.site!r}: {path!r} is {what}; correct its root"
            )
        # A folder of a drive that it is no member of is shared with the account by itself.
        drive = entry.drive if entry.drive in await self._calls.drives() else None
        return Root(path, entry.id, drive, entry.takes_children)

    def _ambiguous(self, path: str, what: str, name: str) -> SiteError:
        return SiteError(
            "settings",
            f"site {self._words.site!r}: {self._words.email} sees several {what} named {name!r}; "
            f"write the folder's address in place of {path!r}, as your browser shows it "
            "(https://drive.google.com/drive/folders/…)",
        )


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split("/") if name)
