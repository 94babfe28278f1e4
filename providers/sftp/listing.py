"""All published files below a folder, with the facts that the listing itself carries."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio

from providers.base import Listed, Location
from providers.names import is_ours
from providers.sftp import requests
from providers.sftp.errors import is_missing, translated
from providers.sftp.packets import StatusError
from providers.sftp.pool import Pool
from providers.sftp.requests import Entry
from providers.sftp.streams import facts_of

_FOLDERS_AT_ONCE = 16


class Listing:
    """Walks a tree some folders at a time: what is held is what those few contain."""

    def __init__(self, site: str, pool: Pool, root: str, top: bytes) -> None:
        self._site = site
        self._pool = pool
        self._root = root
        self._top = top

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files; links are neither followed nor listed."""
        waiting = [folder]
        while waiting:
            some, waiting = waiting[-_FOLDERS_AT_ONCE:], waiting[:-_FOLDERS_AT_ONCE]
            for path, entries in (await self._read(some)).items():
                for entry in entries:
                    name = _name(entry)
                    if name is None or is_ours(name):
                        continue
                    below = f"{path}/{name}" if path else name
                    if entry.attributes.is_folder:
                        waiting.append(below)
                    elif entry.attributes.is_file:
                        yield Listed(Location(self._root, below), facts_of(entry.attributes))

    async def _read(self, folders: list[str]) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}

        async def read(folder: str) -> None:
            found[folder] = await self._entries(folder)

        async with anyio.create_task_group() as tasks:
            for folder in folders:
                tasks.start_soon(read, folder)
        return found

    async def _entries(self, folder: str) -> list[Entry]:
        path = self._top + (b"/" + folder.encode() if folder else b"")
        entries: list[Entry] = []
        async with self._pool.channel() as channel:
            try:
                handle = await channel.open(requests.open_folder(path))
                while more := await channel.ask(requests.next_entries(handle)):
                    entries += more
                await channel.ask(requests.close(handle))
            except StatusError as error:
                if not is_missing(error):
                    raise translated(self._site, Location(self._root, folder), error) from error
        return entries


def _name(entry: Entry) -> str | None:
    """Return a name that a document can hold, or None."""
    try:
        name = entry.name.decode()
    except UnicodeDecodeError:
        return None
    return None if name in {".", ".."} or "/" in name or "\0" in name else name
