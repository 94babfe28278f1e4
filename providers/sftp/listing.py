"""All published files below a folder, with the facts that the listing itself carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from providers.base import FileError, Listed, Location, PermanentFileError, Unlisted
from providers.names import NAMELESS, is_ours
from providers.sftp import requests
from providers.sftp.errors import is_missing, translated
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.pool import Pool
from providers.sftp.requests import Entry
from providers.sftp.streams import facts_of
from providers.walking import Walk, each_by_itself

# What one folder's listing may take of memory: half a million names, or one server's endless one.
_MOST = 64 * 1024 * 1024
_EACH = 128
_LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a root, from `after` on. `unlisted` is told what cannot be listed."""

    site: str
    pool: Pool
    root: str
    top: bytes
    after: str
    unlisted: Callable[[Unlisted], None] | None

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files; links are neither followed nor listed."""
        async for path, attributes in Walk(each_by_itself(self._read), self.after).files(folder):
            yield Listed(Location(self.root, path), facts_of(attributes))

    async def _read(self, folder: str) -> list[tuple[str, Attributes]]:
        entries: list[Entry] = []
        try:
            entries = await self._entries(folder)
        except FileError as error:
            if self.unlisted is None:
                raise
            self.unlisted(Unlisted(Location(self.root, folder), str(error), folder=True))
        return list(self._named(folder, entries))

    def _named(self, folder: str, entries: list[Entry]) -> Iterator[tuple[str, Attributes]]:
        """Yield each entry that is listed, with its name there."""
        for entry in entries:
            if entry.name in (b".", b".."):
                continue
            try:
                name = entry.name.decode()
            except UnicodeDecodeError:
                self._tell_nameless(folder, entry.name)
                continue
            if not name or is_ours(name) or "/" in name or "\0" in name:
                continue
            if entry.attributes.is_folder:
                yield f"{name}/", entry.attributes
            elif entry.attributes.is_file:
                yield name, entry.attributes

    def _tell_nameless(self, folder: str, name: bytes) -> None:
        if self.unlisted is not None:
            path = (f"{folder}/" if folder else "") + name.decode(errors="backslashreplace")
            self.unlisted(Unlisted(Location(self.root, path), NAMELESS))

    async def _entries(self, folder: str) -> list[Entry]:
        path = self.top + (b"/" + folder.encode() if folder else b"")
        if len(path) > _LONGEST_PATH:
            raise self._endless(folder[:200], "its folders lie in each other without an end")
        entries: list[Entry] = []
        room = _MOST
        async with self.pool.channel() as channel:
            try:
                handle = await channel.open(requests.open_folder(path))
                while more := await channel.ask(requests.next_entries(handle)):
                    entries += more
                    room -= sum(_EACH + len(entry.name) for entry in more)
                    if room < 0:
                        channel.send(requests.close(handle))
                        raise self._endless(folder, f"it has more than {len(entries)} names")
                await channel.ask(requests.close(handle))
            except StatusError as error:
                if not is_missing(error):
                    raise translated(self.site, Location(self.root, folder), error) from error
        return entries

    def _endless(self, folder: str, why: str) -> PermanentFileError:
        return PermanentFileError(
            f"the folder {folder or 'of the root'!r} at site {self.site!r} is not listed: {why}; "
            "look at it there, and move away what does not belong into it"
        )
