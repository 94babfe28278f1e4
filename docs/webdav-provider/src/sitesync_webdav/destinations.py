"""
Whether a server takes a MOVE's destination for what it says.

Some decode it and then read it as an address once more (wsgidav 4.4 is one): a file `take?.exr`
would be published as `take`. Which kind a server is shows in a collection of our own.
"""

from __future__ import annotations

from providers.base import Handle
from sitesync_webdav.places import below
from sitesync_webdav.server import Server
from sitesync_webdav.tree import Tree

_SIGNS = "?;#%\t\r\n"
_WHY = "garbles names with a line break or one of ? ; # % in them: rename {name}"


class Destinations:
    """What is known of one server; it is asked when the first such name comes."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._tree = Tree(server)
        self._keeps: bool | None = None

    async def refuse_garbled(self, folder: str, handle: Handle) -> None:
        """Raise for good, and remove the claim's folder, where the name could not be published."""
        if not set(_SIGNS) & set(handle.where.path):
            return
        if self._keeps is None:
            self._keeps = await self._try_in(folder, handle)
        if not self._keeps:
            await self._tree.remove(folder, handle)
            raise self._server.errors.of_file(handle, _WHY)

    async def _try_in(self, folder: str, handle: Handle) -> bool:
        plain, odd = below(folder, ["plain"]), below(folder, [f"odd{_SIGNS}41"])
        async with await self._server.ask("PUT", plain, data=b"") as response:
            if response.status not in (200, 201, 204):
                raise self._server.errors.refused(response, handle)
        try:
            await self._tree.move(plain, odd, handle, onto=False)
            return await self._tree.file(odd, handle) is not None
        finally:
            for url in (plain, odd):
                await self._tree.remove(url, handle)
