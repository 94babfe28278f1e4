"""All published files below a folder, with the facts that the listing itself carries."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from operator import itemgetter

import anyio

from providers.base import FileError, Listed, Location, ProviderError, Unlisted
from providers.names import NAMELESS, is_ours
from providers.sftp import requests
from providers.sftp.errors import is_missing, translated
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.pool import Pool
from providers.sftp.requests import Entry
from providers.sftp.streams import facts_of

_FOLDERS_AT_ONCE = 16

# Names in order, those of folders with a slash at their end: so paths come in order, too.
_Names = deque[tuple[str, Attributes]]


@dataclass(slots=True)
class _Open:
    """A folder that is gone through, and what of it is left."""

    below: str
    names: _Names = field(default_factory=_Names)


@dataclass(slots=True)
class Listing:
    """
    Walks a tree in the order of paths; the folders that come next are read together.

    What is held is what those few contain. `unlisted` is told what cannot be listed.
    """

    site: str
    pool: Pool
    root: str
    top: bytes
    after: str
    unlisted: Callable[[Unlisted], None] | None
    _read_ahead: dict[str, _Names] = field(default_factory=dict[str, _Names], init=False)

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files; links are neither followed nor listed."""
        below = f"{folder}/" if folder else ""
        begun = [_Open(below, await self._names(below, []))]
        while begun:
            current = begun[-1]
            if not current.names:
                begun.pop()
                continue
            name, attributes = current.names.popleft()
            path = current.below + name
            if name.endswith("/"):
                begun.append(_Open(path, await self._names(path, begun)))
            else:
                yield Listed(Location(self.root, path), facts_of(attributes))

    async def _names(self, below: str, begun: list[_Open]) -> _Names:
        """Return what a folder holds, and read those that come after it along with it."""
        if below not in self._read_ahead:
            room = _FOLDERS_AT_ONCE - len(self._read_ahead)
            some = [below]
            for path in _following(begun):
                if len(some) >= room:
                    break
                if path not in self._read_ahead:
                    some.append(path)
            failures: list[ProviderError] = []

            async def read(path: str) -> None:
                try:
                    self._read_ahead[path] = await self._read(path)
                except ProviderError as error:
                    failures.append(error)

            async with anyio.create_task_group() as tasks:
                for path in some:
                    tasks.start_soon(read, path)
            if failures:
                raise failures[0]
        return self._read_ahead.pop(below)

    async def _read(self, below: str) -> _Names:
        folder = below.rstrip("/")
        entries: list[Entry] = []
        try:
            entries = await self._entries(folder)
        except FileError as error:
            if self.unlisted is None:
                raise
            self.unlisted(Unlisted(Location(self.root, folder), str(error), folder=True))
        named = (self._named(below, entry) for entry in entries)
        return deque(sorted((one for one in named if one), key=itemgetter(0)))

    def _named(self, below: str, entry: Entry) -> tuple[str, Attributes] | None:
        """Return the name under which an entry is listed, or None if it is not."""
        if entry.name in (b".", b".."):
            return None
        try:
            name = entry.name.decode()
        except UnicodeDecodeError:
            self._tell_nameless(below, entry.name)
            return None
        attributes = entry.attributes
        if is_ours(name) or "/" in name or "\0" in name:
            return None
        if attributes.is_folder:
            name += "/"
        elif not attributes.is_file:
            return None
        path = below + name
        goes_on = name.endswith("/") and self.after.startswith(path)
        return (name, attributes) if goes_on or path > self.after else None

    def _tell_nameless(self, below: str, name: bytes) -> None:
        if self.unlisted is not None:
            path = below + name.decode(errors="backslashreplace")
            self.unlisted(Unlisted(Location(self.root, path), NAMELESS))

    async def _entries(self, folder: str) -> list[Entry]:
        path = self.top + (b"/" + folder.encode() if folder else b"")
        entries: list[Entry] = []
        async with self.pool.channel() as channel:
            try:
                handle = await channel.open(requests.open_folder(path))
                while more := await channel.ask(requests.next_entries(handle)):
                    entries += more
                await channel.ask(requests.close(handle))
            except StatusError as error:
                if not is_missing(error):
                    raise translated(self.site, Location(self.root, folder), error) from error
        return entries


def _following(begun: list[_Open]) -> Iterator[str]:
    """Yield the folders that come next, the nearest first."""
    for current in reversed(begun):
        yield from (current.below + name for name, _ in current.names if name.endswith("/"))
