"""
Which other copy of a file was seen, just now, to be the published one.

Only looking counts: a document's word alone is no reason to delete the bytes it does not
speak of.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from providers.base import Facts, FileError, Location, Marker, ProviderError
from reactor.documents import published_mtime_ns
from reactor.jobs import Variant
from reactor.model import File
from reactor.operators.site_edits import Refused
from reactor.proof import bytes_prove, facts_prove, is_the_published
from reactor.sites import Site, Sites


@dataclass(frozen=True, slots=True)
class Copies:
    """Looks for copies of one project's files away from one place: `target`, of a group of sites."""

    project: str
    sites: Sites
    target: Site
    group: frozenset[str]

    async def witness(self, file: File, where: Location, marker: Marker) -> str | Refused:
        """
        Return a site that has the file beyond doubt, or why none is known to.

        `marker` is that of the target's root: what lies under the same one is the same bytes.
        """
        doubts: list[str] = []
        for name in sorted(file.holders - self.group):
            site = self.sites.find(self.project, name)
            if site is None:
                doubts.append(f"this machine does not reach {name!r}")
                continue
            try:
                doubt = await self._doubt(site, file, where, marker)
            except ProviderError as error:
                doubt = str(error)
            if doubt is None:
                return name
            doubts.append(doubt)
        return Refused(
            "no other copy was seen to be right: " + "; ".join(doubts or ["there is none"])
        )

    async def _doubt(self, site: Site, file: File, where: Location, marker: Marker) -> str | None:
        """Return what speaks against a site's copy, or None."""
        if (await site.marker(where.root)).id == marker.id:
            return f"{site.name!r} is the same place"
        found = await site.provider.facts(where)
        if found is None:
            return f"it is not there at {site.name!r}, although its document says so"
        variant = meaning(file)
        is_the_published(site, where, found, variant)
        entry = file.at(site.name)
        if entry is not None and entry.verified:
            return None
        if facts_prove(site, found, variant):
            return None
        if await bytes_prove(site, where, variant, [self.target]):
            return None
        return (
            f"at {site.name!r} it was never verified; `sitesync validate --checksum --site "
            f"{site.name}` does"
        )


def meaning(file: File) -> Variant:
    """Return what a document means by a file, to be judged by what a site tells of it."""
    return Variant(
        hash=file.hash,
        size=file.size,
        mtime_ns=published_mtime_ns(file.hash),
        files=(),
        sources=(),
        witnesses=(),
        checksums=frozenset(),
    )


def doubts_of(site: Site, where: Location, found: Facts, files: list[File]) -> Iterator[str]:
    """Yield why the bytes at a place are not those that each document means."""
    for file in files:
        try:
            is_the_published(site, where, found, meaning(file))
        except FileError as error:
            yield str(error)
