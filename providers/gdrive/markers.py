"""
A root's marker in Drive: the file that it is on a disk, too, so that a mounted Drive shows it.

Names are not unique: of several markers the oldest counts, and whoever made a later one takes
it away again.
"""

from __future__ import annotations

import time
import uuid

from providers.base import MARKER_NAME, Marker, SiteError
from providers.gdrive import queries
from providers.gdrive.entries import Entry, oldest
from providers.gdrive.places import Places
from providers.gdrive.publishing import in_one_request
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root
from providers.gdrive.streams import small_content

_TRUSTED_SECONDS = 10.0
_LONGEST = 4096


class Markers:
    """The markers of one site's roots; one that was seen is believed for a few seconds."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._calls = places.calls
        self._seen: dict[str, tuple[float, Marker]] = {}
        self._texts: dict[tuple[str, str | None], str] = {}

    async def read(self, name: str) -> Marker | None:
        """Return a root's marker, or None where there is none."""
        root = await self._places.root(name)
        since, marker = self._seen.get(root.folder, (float("-inf"), None))
        if marker is not None and since > time.monotonic() - _TRUSTED_SECONDS:
            return marker
        found = await self._all(root)
        if not found:
            self._seen.pop(root.folder, None)
            self._places.forget_root(name)  # it may be another folder by now
            return None
        marker = Marker(await self._text(root, oldest(found)))
        self._seen[root.folder] = time.monotonic(), marker
        return marker

    async def make(self, name: str) -> Marker | None:
        """Make a root's marker, and the root's folder, unless it is there."""
        root = await self._places.root(name, make=True)
        if not await self._all(root):
            if not root.takes_children:
                raise self._places.words.may_not_write(root.path)
            told = {
                "id": await self._calls.new_id(),
                "name": MARKER_NAME,
                "parents": [root.folder],
            }
            content = f"{uuid.uuid4().hex}\n".encode()
            mine = await in_one_request(self._calls, told, "text/plain", [content])
            there = {entry.id: entry for entry in [mine, *await self._all(root)]}
            if oldest(there.values()).id != mine.id:
                await self._calls.update(mine.id, trashed=True)
            self._seen.pop(root.folder, None)
        return await self.read(name)

    async def _all(self, root: Root) -> list[Entry]:
        query = queries.files_named([([root.folder], [MARKER_NAME])])
        try:
            found = [entry async for entry in self._calls.listed(query, root.drive)]
        except RefusedError as error:
            if not error.is_missing:
                raise
            return []
        return [entry for entry in found if entry.name == MARKER_NAME and entry.is_file]

    async def _text(self, root: Root, entry: Entry) -> str:
        key = (entry.id, entry.md5)
        if key not in self._texts:
            content = await small_content(self._calls, entry, _LONGEST)
            text = content.decode("ascii", "replace").strip()
            if not text.isalnum():
                site = self._places.words.site
                raise SiteError(
                    "marker",
                    f"site {site!r}: the marker in {root.path} is damaged; remove it and run: "
                    f"sitesync site init {site}",
                )
            self._texts[key] = text
        return self._texts[key]
