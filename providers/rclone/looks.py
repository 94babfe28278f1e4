"""Looks at files of a remote: what rclone tells of them, and why one cannot be read."""

from __future__ import annotations

from anyio import to_thread

from providers.base import Facts, Handle, PermanentFileError, ProviderError, SiteError
from providers.rclone.errors import Where, location
from providers.rclone.facts import SIZELESS, Item, facts_of, item_of
from providers.rclone.places import Place, Places, refuse_links
from providers.rclone.remote import Remote
from providers.rclone.requests import RcError
from providers.rclone.traits import Traits


class Looks:
    """Looks at the files of one site."""

    def __init__(self, remote: Remote, places: Places, traits: Traits) -> None:
        self.traits = traits
        self.errors = remote.errors
        self._remote = remote
        self._places = places
        self._tops: dict[str, str] = {}

    async def place(self, what: Where) -> Place:
        """Return where something lies; on a disk of this machine a link that leads there is refused."""
        place = self._places.staged(what) if isinstance(what, Handle) else self._places.place(what)
        if self.traits.is_local:
            top = await self._top(place.fs)
            await to_thread.run_sync(refuse_links, self._remote.site, location(what), top)
        return place

    async def item(self, what: Where, *hashes: str) -> Item | None:
        """Return what is told of a file, or None if there is none; some hashes if asked for."""
        place = await self.place(what)
        options = {"filesOnly": True, **self.traits.options(*hashes)}
        answer = await self._remote.about(
            what, "operations/stat", fs=place.fs, remote=place.path, opt=options
        )
        if answer["item"] is None:
            return None
        item = item_of(answer["item"])
        if item.size < 0:
            raise PermanentFileError(f"{location(what)} at site {self._remote.site!r} {SIZELESS}")
        return item

    def facts(self, item: Item) -> Facts:
        """Return what is told of a file as facts."""
        return facts_of(item, self.traits)

    async def why_unread(self, what: Where, seen: Item | None) -> ProviderError:
        """Return why a file could not be opened, or broke off: rclone does not tell while it serves."""
        try:
            now = await self.item(what)
        except ProviderError as error:
            return error
        if now is None or now != seen:
            return self.errors.changed(what)
        return SiteError(
            "unreachable", f"site {self._remote.site!r}: reading {location(what)} broke off"
        )

    async def _top(self, fs: str) -> str:
        """Return the folder of a root on this machine."""
        if fs not in self._tops:
            try:
                info = await self._remote.call("operations/fsinfo", fs=fs)
            except RcError as error:
                raise self.errors.of_site(error) from error
            self._tops[fs] = info["Root"]
        return self._tops[fs]
