"""
The proof that a file lies below its root, and the folders that lead to it.

Two questions are asked, since servers differ: OpenSSH tells both what is a symbolic link
and where it ends; ProFTPD tells where, not what; Go's servers what, not where. What was
seen of folders is remembered for a minute, so that a sequence of frames costs one look.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from providers.base import PermanentFileError, SiteError
from providers.rounds import Rounds
from providers.sftp import requests
from providers.sftp.channel import Channel, Pending
from providers.sftp.errors import explained, is_missing, translated
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.places import Place

_REMEMBERED = 60.0
_AT_MOST = 20_000


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a file that is under way."""

    channel: Channel
    place: Place
    told: Pending[Attributes]
    end: Pending[bytes] | None


class Folders:
    """Looks at files and folders, and makes folders; all of one site."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._seen: dict[bytes, float] = {}
        self._ends: dict[bytes, bytes] = {}
        self._looks = Rounds()

    async def look(self, channel: Channel, place: Place) -> Attributes | None:
        """Return what is told of a file, or None; refuse one that is not below its root."""
        if not await self.there(channel, place):
            return None
        return await self.finish(self.begin(channel, place))

    def begin(self, channel: Channel, place: Place) -> Look:
        """Start to look at a file whose folder was looked at."""
        told = channel.send(requests.lstat(place.path))
        end = None if channel.tells_links else channel.send(requests.real_path(place.path))
        return Look(channel, place, told, end)

    async def finish(self, look: Look) -> Attributes | None:
        """Return what is told of a file, or None; refuse one that is not below its root."""
        channel, place = look.channel, look.place
        try:
            found = await look.told.result()
            if look.end is not None:
                await self._refuse_outside(channel, place, place.path, await look.end.result())
            if found.is_link:
                await self._refuse_link_out(channel, place, place.path)
                found = await channel.ask(requests.stat(place.path))
        except StatusError as error:
            if is_missing(error):
                return None
            raise translated(self._site, place.where, error) from error
        return found

    async def there(self, channel: Channel, place: Place) -> bool:
        """Return whether the folder of a file is there."""
        return await self._missing(channel, place) is None

    async def make(self, channel: Channel, place: Place) -> None:
        """Make the folder of a file, and those on the way, where the root has its marker."""
        await self._marked(channel, place)
        while (missing := await self._missing(channel, place)) is not None:
            async with explained(channel, self._site, place.where, place.root):
                await make_folder(channel, missing)

    async def confirm(self, channel: Channel, place: Place) -> None:
        """Look again, whatever was seen: a link may have been put there since."""

        async def look_again() -> None:
            if channel.tells_links:
                end = await channel.ask(requests.real_path(place.folder))
                await self._refuse_outside(channel, place, place.folder, end)
            else:
                self._forget(place.folders)
                await self._missing(channel, place)

        await self._looks.after(place.folder, look_again)

    def forget(self, place: Place) -> None:
        """Look again next time: the server says that something on the way is gone."""
        self._forget([place.marker, *place.folders])
        self._ends.clear()

    async def _marked(self, channel: Channel, place: Place) -> None:
        if not self._unseen([place.marker]):
            return
        try:
            await channel.ask(requests.lstat(place.marker))
        except StatusError as error:
            if is_missing(error):
                raise no_marker(self._site, place.root) from None
            raise translated(self._site, place.where, error) from error
        self._remember([place.marker])

    async def _missing(self, channel: Channel, place: Place) -> bytes | None:
        """Return the first folder on the way that is not there, or None."""
        unseen = self._unseen(place.folders)
        if not unseen:
            return None
        try:
            there = await self._walk(channel, place, unseen)
        except StatusError as error:
            raise translated(self._site, place.where, error) from error
        self._remember(unseen[:there])
        return unseen[there] if there < len(unseen) else None

    async def _walk(self, channel: Channel, place: Place, paths: Sequence[bytes]) -> int:
        """Return how many of some folders, each in the one before, are there and inside."""
        told = [channel.send(requests.lstat(path)) for path in paths]
        end = channel.send(requests.real_path(paths[-1]))
        there = 0
        for path, pending in zip(paths, told, strict=True):
            try:
                await self._accept_folder(channel, place, path, await pending.result())
            except StatusError as error:
                if not is_missing(error):
                    raise
                break
            there += 1
        if 0 < there < len(paths):
            end = channel.send(requests.real_path(paths[there - 1]))
        if there:
            await self._refuse_outside(channel, place, paths[there - 1], await end.result())
        return there

    async def _accept_folder(
        self, channel: Channel, place: Place, path: bytes, found: Attributes
    ) -> None:
        if found.is_link:
            await self._refuse_link_out(channel, place, path)
            found = await channel.ask(requests.stat(path))
        if found.permissions is not None and not found.is_folder:
            raise PermanentFileError(
                f"site {self._site!r} has a file where {place.where} needs a folder: "
                f"{path.decode(errors='replace')}; move that file away"
            )

    async def _refuse_link_out(self, channel: Channel, place: Place, link: bytes) -> None:
        """Refuse a link below the root that ends outside, or of which that is not told."""
        if link == place.root:
            return
        end = await channel.ask(requests.real_path(link))
        if end == link:
            raise self._outside(place, link)
        await self._refuse_outside(channel, place, link, end)

    async def _refuse_outside(
        self, channel: Channel, place: Place, path: bytes, end: bytes
    ) -> None:
        """Refuse a path that ends outside its root; the root itself may be a link."""
        if place.root not in self._ends:
            self._ends[place.root] = await channel.ask(requests.real_path(place.root or b"/"))
        root = self._ends[place.root].rstrip(b"/")
        if end.rstrip(b"/") != root and not end.startswith(root + b"/"):
            raise self._outside(place, path)

    def _outside(self, place: Place, path: bytes) -> PermanentFileError:
        return PermanentFileError(
            f"{place.where} at site {self._site!r} is refused: the symbolic link "
            f"{path.decode(errors='replace')} leads out of its root; remove that link"
        )

    def _unseen(self, paths: Sequence[bytes]) -> list[bytes]:
        now = time.monotonic()
        return [path for path in paths if self._seen.get(path, 0.0) < now]

    def _remember(self, paths: Sequence[bytes]) -> None:
        if len(self._seen) >= _AT_MOST:
            self._seen.clear()
        self._seen.update(dict.fromkeys(paths, time.monotonic() + _REMEMBERED))

    def _forget(self, paths: Sequence[bytes]) -> None:
        for path in paths:
            self._seen.pop(path, None)


async def make_folder(channel: Channel, path: bytes) -> None:
    """Make a folder, unless somebody else just did."""
    try:
        await channel.ask(requests.make_folder(path))
    except StatusError as error:
        try:
            await channel.ask(requests.lstat(path))
        except StatusError:
            raise error from None


def no_marker(site: str, root: bytes) -> SiteError:
    """Return the error for a root that may be the empty mount point of a missing disk."""
    return SiteError(
        "marker",
        f"site {site!r}: its root {root.decode(errors='replace')} has no marker; is its disk "
        f"mounted? A new site is set up by: sitesync site init {site}",
    )
