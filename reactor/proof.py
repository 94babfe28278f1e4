"""
What proves that bytes are the published ones. Size alone never does: frames share one size.

DESIGN §5, *already right*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from providers.base import ChangedFileError, Facts, Handle, Location, ProviderError
from reactor.checksums import by_preference
from reactor.jobs import Variant
from reactor.sites import Site

_MICROSECOND = 1_000


@dataclass(frozen=True, slots=True)
class Proof:
    """
    What was proved of a copy: its checksum, or only its size.

    `awaited` is what the site has to tell of the copy when it is published: only then the
    checksum is proved, and a site that tells another one has damaged it.
    """

    verified: Literal["checksum", "size"]
    checksum: str | None = None
    awaited: str | None = None


def same_algorithm(one: str, other: str | None) -> bool:
    """Return whether two checksums can be compared: both are there, by one algorithm."""
    return other is not None and one.partition(":")[0] == other.partition(":")[0]


def facts_prove(site: Site, found: Facts, variant: Variant) -> Proof | None:
    """Return a proof where size and time are those in `files[].hash`, to the microsecond."""
    if variant.size is not None and found.size != variant.size:
        return None
    if site.trust_size:
        return Proof("size")
    fine = site.provider.features.mtime_resolution_ns
    if fine is None or fine > _MICROSECOND or variant.size is None:
        return None
    if found.mtime_ns is None or variant.mtime_ns is None:
        return None
    return Proof("size") if abs(found.mtime_ns - variant.mtime_ns) <= _MICROSECOND else None


async def bytes_prove(
    site: Site, where: Location, variant: Variant, sources: Sequence[Site]
) -> Proof | None:
    """
    Return a proof where the bytes there hash to a proved checksum, or to the source's.

    Only asked where the site hashes its own bytes: reading them back costs what sending does.
    """
    for known in by_preference(variant.checksums):
        algorithm = known.partition(":")[0]
        if algorithm in site.provider.features.checksums:
            found = await site.provider.checksum(where, algorithm)
            return Proof("checksum", known) if found == known else None
    for source in sources:
        await source.open()
        common = source.provider.features.checksums & site.provider.features.checksums
        if common and await _is_published_at(source, where, variant):
            algorithm = "xxh128" if "xxh128" in common else min(common)
            there = await source.provider.checksum(where, algorithm)
            here = await site.provider.checksum(where, algorithm)
            return Proof("checksum", here) if here is not None and here == there else None
    return None


async def _is_published_at(source: Site, where: Location, variant: Variant) -> bool:
    try:
        facts = await source.provider.facts(where)
        if facts is None:
            return False
        if told := await known_of(source, where, variant):
            return told in variant.checksums
        is_the_published(source, where, facts, by_time(variant))
    except ProviderError:
        return False  # the transfer itself will meet this and tell it
    return True


async def known_of(site: Site, at: Location | Handle, variant: Variant) -> str | None:
    """Return a checksum of a site's bytes that can be held against a proved one, if it tells any."""
    for known in by_preference(variant.checksums):
        algorithm = known.partition(":")[0]
        if algorithm in site.provider.features.checksums:
            return await site.provider.checksum(at, algorithm)
    return None


def by_time(variant: Variant) -> Variant:
    """Return what a document means, to be told by its time alone: no proved checksum can be used."""
    return replace(variant, checksums=frozenset())


def is_the_published(source: Site, where: Location, facts: Facts, variant: Variant) -> None:
    """
    Raise `ChangedFileError` where a source's file cannot be the one the document means.

    Publishers write bytes before documents: between the two, a path holds the new bytes and
    the document still means the old ones. Their time in `files[].hash` tells them apart, at
    the resolution that the site keeps. Where a checksum was proved earlier, the bytes are held
    against that after reading (`reactor.known`): times are not kept everywhere.
    """
    name = f"{where.path} at {source.name!r}"
    if variant.size is not None and facts.size != variant.size:
        raise ChangedFileError(
            f"{name} has {facts.size} bytes, but {variant.size} were published; "
            "publish it again, or bring back the right file"
        )
    if source.trust_size or variant.checksums or variant.mtime_ns is None:
        return
    resolution = source.provider.features.mtime_resolution_ns
    if facts.mtime_ns is None or resolution is None:
        return
    coarse = max(resolution, _MICROSECOND)
    if abs(facts.mtime_ns - variant.mtime_ns) > coarse:
        raise ChangedFileError(
            f"{name} was changed after it was published (its time differs from the document's); "
            "publish it again, or set trust_size = true on that site if its times are not kept"
        )
