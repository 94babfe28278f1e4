"""Alternatives hold the same bytes: the markers of their roots prove it, or prove otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations

from config.models import Project
from providers.base import Marker
from reactor.cli.checks.finding import Finding, ok, warning
from reactor.model import groups_of

Markers = Mapping[str, Marker]


def check_alternatives(project: Project, markers: Mapping[str, Markers]) -> Iterator[Finding]:
    """
    Yield what the markers of one view's sites, by site and root, say of its alternatives.

    Of a site whose markers could not be read nothing is said.
    """
    groups = groups_of(project.alternatives())
    for one, other in combinations(sorted(markers), 2):
        if other in groups.get(one, ()):
            yield from _declared(one, other, markers[one], markers[other])
        elif _ids(markers[one]) & _ids(markers[other]):
            yield warning(
                "alternatives",
                f"{one} and {other} have a root with the same marker: they are one place, "
                "but every file is sent to both",
                f'add alternative_sites = ["{other}"] to the settings of {one}; if they are '
                "two places, one was copied with its .sitesync-root: remove that file from "
                "the copy and run `sitesync site init`",
            )


def _declared(one: str, other: str, here: Markers, there: Markers) -> Iterator[Finding]:
    pairs = [(name, found) for name in here if (found := _counterpart(there, name))]
    differing = [name for name, marker in pairs if here[name].id != marker.id]
    if differing:
        roots = ", ".join(repr(name) if name else "the only one" for name in differing)
        yield warning(
            "alternatives",
            f"{one} and {other} are declared alternatives, but their markers differ "
            f"(root {roots}): they are two places, and what reaches one is taken to be at both",
            "take the other out of alternative_sites, or correct the root of one of them",
        )
    elif pairs:
        yield ok("alternatives", f"{one} and {other} have the same marker: they are one place")


def _counterpart(roots: Markers, name: str) -> Marker | None:
    """Return the marker of the root that serves a name, as providers find it."""
    if name in roots or "" in roots:
        return roots.get(name) or roots[""]
    return next(iter(roots.values())) if not name and len(roots) == 1 else None


def _ids(markers: Markers) -> frozenset[str]:
    return frozenset(marker.id for marker in markers.values())
