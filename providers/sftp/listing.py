"""All published files below a folder, with the facts that the listing itself carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import anyio

from providers.base import FileError, Listed, Location, ProviderError, Unlisted
from providers.names import NAMELESS, is_ours
from providers.sftp import requests
from providers.sftp.errors import is_missing, translated
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.pool import Pool
from providers.sftp.requests import Entry
from providers.sftp.streams import facts_of
from providers.walking import Names, Walk, comes_after, in_order


@dataclass(slots=True)
class Listing:
    """
    Lists a tree in the order of paths; the folders that come next are read together.

    `unlisted` is told what cannot be listed.
    """

    site: str
    pool: Pool
    root: str
    top: bytes
    after: str
    unlisted: Callable[[Unlisted], None] | None

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files; links are neither followed nor listed."""
        async for path, attributes in Walk(self._read_some).files(folder):
            yield Listed(Location(self.root, path), facts_of(attributes))

    async def _read_some(self, folders: Sequence[str]) -> Mapping[str, Names[Attributes]]:
        found: dict[str, Names[Attributes]] = {}
        failures: list[ProviderError] = []

        async def read(below: str) -> None:
            try:
                found[below] = await self._read(below)
            except ProviderError as error:
                failures.append(error)

        async with anyio.create_task_group() as tasks:
            for below in folders:
                tasks.start_soon(read, below)
        if failures:
            raise failures[0]
        return found

    async def _read(self, below: str) -> Names[Attributes]:
        folder = below.rstrip("/")
        entries: list[Entry] = []
        try:
            entries = await self._entries(folder)
        except FileError as error:
            if self.unlisted is None:
                raise
            self.unlisted(Unlisted(Location(self.root, folder), str(error), folder=True))
        named = (self._named(below, entry) for entry in entries)
        return in_order(one for one in named if one)

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
        return (name, attributes) if comes_after(below + name, self.after) else None

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
