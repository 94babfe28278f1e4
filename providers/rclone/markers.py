"""A root's marker on a remote: read it, make it, and know for a while that it is there."""

from __future__ import annotations

import time
import uuid

import anyio

from providers.base import MARKER_NAME, Location, Marker, SiteError
from providers.rclone.places import Place, Places
from providers.rclone.remote import Remote
from providers.rclone.uploads import Upload

_LONGEST = 4096
_REMEMBERED = 60.0


class Markers:
    """The markers of a site's roots. `folds_case`: the remote is known not to tell cases apart."""

    def __init__(self, remote: Remote, places: Places, *, folds_case: bool) -> None:
        self._remote = remote
        self._places = places
        self._making = anyio.Lock()
        self._folds: dict[str, bool] = {}
        self._folds_case = folds_case
        self._seen: dict[str, float] = {}

    async def read(self, root: str) -> Marker | None:
        """Return a root's marker, or None where there is none."""
        place = self._places.marker(root)
        content = await self._remote.small(place, _LONGEST)
        if content is None:
            return None
        text = content.decode("ascii", "replace").strip()
        if not text.isalnum():
            raise self._error(
                f"the marker {place.path} in {place.fs} is damaged; remove it and run: "
                f"sitesync site init {self._remote.site}"
            )
        self._seen[root] = time.monotonic() + _REMEMBERED
        return Marker(text, await self._folds_case_below(root))

    async def make(self, root: str) -> Marker:
        """
        Make a root's marker, unless it is there.

        Remotes cannot be asked to make a file only where there is none: of makers in several
        processes the last one wins, and the others see that when they look again.
        """
        async with self._making:
            if (found := await self.read(root)) is not None:
                return found
            await self._write(root, f"{uuid.uuid4().hex}\n".encode())
            made = await self.read(root)
        if made is None:
            raise self._error("its marker vanished again")
        return made

    async def require(self, root: str) -> None:
        """Raise `SiteError` where a root has no marker: it may be a folder that nobody meant."""
        if self._seen.get(root, 0.0) < time.monotonic() and await self.read(root) is None:
            raise self._error(
                f"its root {self._places.fs(root)} has no marker; is it the right folder? A new "
                f"site is set up by: sitesync site init {self._remote.site}"
            )

    async def _write(self, root: str, content: bytes) -> None:
        upload = Upload(self._remote, Location(root, MARKER_NAME), self._places.marker(root))
        upload.start(len(content), None)
        try:
            await upload.send(content)
            await upload.finish()
        except BaseException:
            await upload.stop()
            raise

    async def _folds_case_below(self, root: str) -> bool:
        """Return whether another spelling of the marker's name leads to it as well."""
        if self._folds_case:
            return True
        if root not in self._folds:
            other = Place(self._places.fs(root), MARKER_NAME.upper())
            self._folds[root] = await self._remote.small(other, 1) is not None
        return self._folds[root]

    def _error(self, message: str) -> SiteError:
        return SiteError("marker", f"site {self._remote.site!r}: {message}")
