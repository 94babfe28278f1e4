"""Where documents' paths lie at one site: one place has one key, however it is spelled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from providers.base import FileError, Location, Marker, SiteError
from reactor.claims import Place
from reactor.documents import PathError, parse_path
from reactor.sites import Site


@dataclass(slots=True)
class Places:
    """
    The places of one project's files at one site.

    `roots` are the names of roots that documents may use: several can mean one folder.
    """

    project: str
    site: Site
    roots: frozenset[str]
    _markers: dict[str, Marker] = field(default_factory=dict[str, Marker], init=False)

    async def mark(self, texts: Iterable[str] = ()) -> None:
        """
        Read the markers of all roots anew, those of some documents' paths among them.

        Raises `SiteError` where one is not what it was.
        """
        before = self._markers
        self._markers = {}
        for root in self.roots.union(before, _roots_of(texts)):
            try:
                self._markers[root] = await self.site.marker(root)
            except FileError:
                continue  # the site has no such root: no path lies there
        self._refuse_others(before)

    def marker(self, root: str) -> Marker | None:
        """Return the marker of a root, or None where the site has no such root."""
        return self._markers.get(root)

    def place(self, where: Location) -> Place | None:
        """Return the place of a file, or None where the site has no such root."""
        marker = self.marker(where.root)
        if marker is None:
            return None
        key = marker.key(where.path)
        return Place(key, self.project, self.site.name, where.root, where.path)

    def named_by(self, text: str) -> Place | None:
        """Return the place of a document's path, or None where that is none at this site."""
        try:
            return self.place(Location(*parse_path(text)))
        except PathError:
            return None

    def spellings(self, texts: Iterable[str]) -> list[str]:
        """Return some documents' paths in every form that may mean the same place."""
        found = set(texts)
        below = {where.path for text in found if (where := self.named_by(text))}
        return sorted(found | {str(Location(root, path)) for root in self.roots for path in below})

    def _refuse_others(self, before: Mapping[str, Marker]) -> None:
        for root, marker in before.items():
            now = self._markers.get(root)
            if now is None or now.id != marker.id:
                raise SiteError(
                    "marker",
                    f"the root {root or 'root'!r} of site {self.site.name!r} was changed for "
                    "another one meanwhile; look at what is mounted there, then run this again",
                )


def _roots_of(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        with contextlib.suppress(PathError):
            yield parse_path(text).root
