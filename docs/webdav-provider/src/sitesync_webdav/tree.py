"""Files and folders at a server: looked at, made, moved, removed."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import aiohttp

from sitesync_webdav.errors import Where
from sitesync_webdav.multistatus import ASKED, Entry, MalformedError, Multistatus
from sitesync_webdav.places import names_in
from sitesync_webdav.server import FAILURES, Server

_PIECE = 64 * 1024
_XML = {"Content-Type": "application/xml; charset=utf-8"}
_GONE = (404, 410)


class Tree:
    """What one server holds, by addresses; those of folders end with a slash."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.errors = server.errors

    async def entry(self, url: str, where: Where) -> Entry | None:
        """Return what is told of a file or folder, or None if there is none."""
        async with aclosing(self._found(url, where, depth=0)) as entries:
            found = [entry async for entry in entries]
        return found[0] if found else None

    async def file(self, url: str, where: Where) -> Entry | None:
        """Return what is told of a file, or None if there is none; a folder is none."""
        entry = await self.entry(url, where)
        if entry is None or entry.is_folder:
            return None
        if entry.size is None:
            raise self.errors.of_file(where, "does not tell how large {name} is")
        return entry

    async def inside(self, url: str, where: Where) -> AsyncGenerator[tuple[str, Entry]]:
        """Yield what is in a folder, by name; nothing where there is no such folder."""
        own = names_in(url)
        async with aclosing(self._found(url, where, depth=1)) as entries:
            async for entry in entries:
                names = names_in(entry.href)
                if names[: len(own)] != own or len(names) > len(own) + 1:
                    raise self.errors.of_site("settings", "tells of other addresses: correct `url`")
                if len(names) > len(own):
                    yield names[-1], entry

    async def make_folder(self, url: str, where: Where) -> bool:
        """Make a folder that nobody else has, and those it is in; False if it is there already."""
        status = await self._server.told("MKCOL", url, where, (201, 405, 409))
        if status == 409:
            await self._make_parent(url, where)
            status = await self._server.told("MKCOL", url, where, (201, 405))
        return status == 201

    async def move(self, source: str, target: str, where: Where, *, onto: bool) -> bool:
        """Move a file or folder in one step; False where something is at its new place already."""
        headers = {"Destination": target, "Overwrite": "T" if onto else "F"}
        hoped = (201, 204) if onto else (201, 204, 412)
        return await self._server.told("MOVE", source, where, hoped, headers) != 412

    async def remove(self, url: str, where: Where) -> None:
        """Remove a file, or a folder with all that is in it; none there is no error."""
        await self._server.told("DELETE", url, where, (200, 204, *_GONE))

    async def _make_parent(self, url: str, where: Where) -> None:
        parent = url.rstrip("/").rpartition("/")[0] + "/"
        if not names_in(parent) or await self.make_folder(parent, where):
            return
        entry = await self.entry(parent, where)
        if entry is None or not entry.is_folder:
            raise self.errors.in_the_way(where)

    async def _found(self, url: str, where: Where, depth: int) -> AsyncGenerator[Entry]:
        headers = {**_XML, "Depth": str(depth)}
        async with await self._server.settled("PROPFIND", url, headers, ASKED) as response:
            if response.status in _GONE:
                return
            if _leads_to_folder(url, response):
                yield Entry(url, is_folder=True, size=None, version="")
                return
            if response.status in (405, 501):
                raise self.errors.of_site("settings", "does not speak WebDAV there: correct `url`")
            if response.status != 207:
                raise self.errors.refused(response, where)
            answer = Multistatus()
            try:
                async for piece in response.content.iter_chunked(_PIECE):
                    for entry in answer.feed(piece):
                        yield entry
                answer.feed(b"", last=True)
            except MalformedError as error:
                raise self.errors.of_site(
                    "settings", f"answers with no WebDAV ({error})"
                ) from error
            except FAILURES as error:
                raise self.errors.transport(error) from error


def _leads_to_folder(url: str, response: aiohttp.ClientResponse) -> bool:
    """Return whether a server sends us from a folder's name to the folder, as Apache may."""
    if response.status // 100 != 3 or url.endswith("/"):
        return False
    moved = response.headers.get("Location", "")
    return moved.endswith("/") and names_in(moved) == names_in(url)
