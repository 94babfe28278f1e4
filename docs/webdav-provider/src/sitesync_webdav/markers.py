"""A root's marker at a server: read it, make it, and know for a while that it is there."""

from __future__ import annotations

import time
import uuid

import anyio

from providers.base import MARKER_NAME, Location, Marker, SiteError
from providers.names import staged_name
from sitesync_webdav.places import STAGED_BYTES, Places
from sitesync_webdav.server import FAILURES, Server
from sitesync_webdav.tree import Tree

_LONGEST = 4096
_REMEMBERED = 60.0


class Markers:
    """The markers of a site's roots."""

    def __init__(self, server: Server, places: Places) -> None:
        self._server = server
        self._tree = Tree(server)
        self._places = places
        self._making = anyio.Lock()
        self._folds: dict[str, bool] = {}
        self._seen: dict[str, float] = {}

    async def read(self, root: str) -> Marker | None:
        """Return a root's marker, or None where there is none."""
        content = await self._content(root)
        if content is None:
            return None
        text = content.decode("ascii", "replace").strip()
        if not text.isalnum():
            raise self._error(f"has a damaged marker in root {root!r}: remove it, and make it anew")
        self._seen[root] = time.monotonic() + _REMEMBERED
        return Marker(text, await self._folds_case(root))

    async def make(self, root: str) -> Marker:
        """
        Make a root's marker (and the root's folder), unless it is there.

        It is moved to its place, where there must be none. Few servers do that in one step: of
        makers in several processes the last may win, and the others see that when they look again.
        """
        async with self._making:
            if (found := await self.read(root)) is not None:
                return found
            await self._write(root)
            made = await self.read(root)
        if made is None:
            raise self._error(f"has lost the marker of root {root!r} again")
        return made

    async def require(self, root: str) -> None:
        """Raise `SiteError` where a root has no marker: it may be a folder that nobody meant."""
        if self._seen.get(root, 0.0) < time.monotonic() and await self.read(root) is None:
            raise self._server.errors.unmarked(root)

    async def _content(self, root: str) -> bytes | None:
        where = Location(root, MARKER_NAME)
        async with await self._server.ask("GET", self._places.marker(root)) as response:
            if response.status == 404:
                return None
            if response.status != 200:
                raise self._server.errors.refused(response, where)
            try:
                return await response.content.read(_LONGEST)
            except FAILURES as error:
                raise self._server.errors.transport(error) from error

    async def _write(self, root: str) -> None:
        where = Location(root, MARKER_NAME)
        folder = f"{self._places.root(root)}{staged_name(uuid.uuid4().hex)}/"
        content = f"{uuid.uuid4().hex}\n".encode()
        await self._tree.make_folder(folder, where)
        try:
            async with await self._server.ask("PUT", folder + STAGED_BYTES, data=content) as answer:
                if answer.status not in (200, 201, 204):
                    raise self._server.errors.refused(answer, where)
            await self._tree.move(
                folder + STAGED_BYTES, self._places.marker(root), where, onto=False
            )
        finally:
            with anyio.CancelScope(shield=True):
                await self._tree.remove(folder, where)

    async def _folds_case(self, root: str) -> bool:
        """Return whether another spelling of the marker's name leads to it as well."""
        if root not in self._folds:
            other = self._places.root(root) + MARKER_NAME.upper()
            found = await self._tree.entry(other, Location(root, MARKER_NAME))
            self._folds[root] = found is not None
        return self._folds[root]

    def _error(self, message: str) -> SiteError:
        return self._server.errors.of_site("marker", message)
