"""All published files below a folder, with the facts that rclone's listing of it carries."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from providers.base import FileError, Listed, Location, MissingFileError, Unlisted
from providers.names import NAMELESS, is_ours
from providers.rclone.facts import SIZELESS, Item, facts_of, item_of
from providers.rclone.places import is_kept
from providers.rclone.remote import Remote
from providers.rclone.traits import Traits
from providers.walking import Walk, each_by_itself

_TWICE = "there are several of this name; rename or remove all but one"


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a root, from `after` on, one call a folder. `unlisted` is told of the rest."""

    remote: Remote
    traits: Traits
    root: str
    fs: str
    after: str
    unlisted: Callable[[Unlisted], None] | None

    async def files(self, folder: str) -> AsyncIterator[Listed]:
        """List files."""
        async for path, item in Walk(each_by_itself(self._read), self.after).files(folder):
            yield Listed(Location(self.root, path), facts_of(item, self.traits))

    async def _read(self, folder: str) -> list[tuple[str, Item]]:
        where = Location(self.root, folder)
        try:
            # Twice where it seems empty: rclone's own WebDAV server tells that now and then of a
            # folder in which files are being renamed.
            found = await self._told(where) or await self._told(where)
        except MissingFileError:
            return []
        except FileError as error:
            if self.unlisted is None:
                raise
            self.unlisted(Unlisted(where, str(error), folder=True))
            return []
        return list(self._named(folder, map(item_of, found)))

    async def _told(self, where: Location) -> list[dict[str, Any]]:
        options = self.traits.options()
        answer = await self.remote.about(
            where, "operations/list", fs=self.fs, remote=where.path, opt=options
        )
        found: list[dict[str, Any]] = answer["list"]
        return found

    def _named(self, folder: str, items: Iterator[Item]) -> Iterator[tuple[str, Item]]:
        """Yield each entry that is listed, with its name there."""
        seen: set[str] = set()
        for item in items:
            name = f"{item.name}/" if item.is_folder else item.name
            if is_ours(item.name):
                continue
            if flaw := self._flaw(item, name, seen):
                self._tell(folder, item, flaw)
                continue
            seen.add(name)
            yield name, item

    def _flaw(self, item: Item, name: str, seen: set[str]) -> str | None:
        if not is_kept(item.name):
            return NAMELESS
        if item.size < 0 and not item.is_folder:
            return SIZELESS
        return _TWICE if name in seen else None

    def _tell(self, folder: str, item: Item, why: str) -> None:
        if self.unlisted is not None:
            path = (f"{folder}/" if folder else "") + item.name
            self.unlisted(Unlisted(Location(self.root, path), why))
