"""
From the state, read again when a worker is free, to what is to be done. Pure.

One path may be named by several documents, and mean different bytes in each (a hero version
is republished document by document): a job has a variant for each meaning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from providers.base import Location
from reactor.documents import parse_path, published_mtime_ns
from reactor.model import Entry, File, FileRef, Representation, Topology, Work


@dataclass(frozen=True, slots=True)
class Variant:
    """
    One meaning of the path: bytes of this `hash` and `size`, and whose entries they complete.

    `sources` are the sites to bring them from, best first; `witnesses` are sites of the
    destination's own group that are marked already, so that its bytes only need proof.
    `checksums` were proved earlier for bytes of this `hash`.
    """

    hash: str | None
    size: int | None
    mtime_ns: int | None
    files: tuple[FileRef, ...]
    sources: tuple[str, ...]
    witnesses: tuple[str, ...]
    checksums: frozenset[str]


@dataclass(frozen=True, slots=True)
class Job:
    """One transfer to make: where to, and what the documents mean by that path."""

    work: Work
    where: Location
    group: frozenset[str]
    variants: tuple[Variant, ...]
    priority: int | None
    tries: int
    retry_count: int

    @property
    def files(self) -> tuple[FileRef, ...]:
        """Return the elements of documents that want this."""
        return tuple(file for variant in self.variants for file in variant.files)

    @property
    def sources(self) -> tuple[str, ...]:
        """Return the sites from which one or another of the meanings may come."""
        return tuple(name for variant in self.variants for name in variant.sources)

    @property
    def size(self) -> int:
        """Return the bytes to expect, at most."""
        return max((variant.size or 0 for variant in self.variants), default=0)


@dataclass(frozen=True, slots=True)
class Postponed:
    """All who want it have failed lately; the database's time of the next attempt."""

    until: datetime


def jobs_of(
    works: Sequence[Work],
    representations: Iterable[Representation],
    topology: Topology,
    now: datetime,
) -> dict[Work, Job | Postponed | None]:
    """Return what to do for each work of one project; None: nobody wants it, or nobody has it."""
    by_path: dict[str, list[tuple[Representation, File]]] = {}
    for representation in representations:
        for file in representation.files:
            if not file.flaw:
                by_path.setdefault(file.path, []).append((representation, file))
    return {work: _job(work, by_path.get(work.path, []), topology, now) for work in works}


def _job(
    work: Work, found: list[tuple[Representation, File]], topology: Topology, now: datetime
) -> Job | Postponed | None:
    group = topology.alternatives_of(work.site)
    due: list[tuple[FileRef, File]] = []
    entries: list[Entry] = []
    later: list[datetime] = []
    for representation, file in found:
        wanted = _wanted(file, group, topology)
        times = [entry.retry_at for entry in wanted if _waits(entry, now) and entry.retry_at]
        if wanted and len(times) == len(wanted):
            later += times
        elif wanted:
            due.append((representation.ref(file), file))
            entries += wanted
    variants = tuple(_variants(work.site, due, topology))
    if not variants:
        return Postponed(min(later)) if later else None
    priority = max((e.priority for e in entries if e.priority is not None), default=None)
    return Job(
        work,
        Location(*parse_path(work.path)),
        group,
        variants,
        priority,
        max(entry.tries for entry in entries),
        topology.retry_count,
    )


def _wanted(file: File, group: frozenset[str], topology: Topology) -> list[Entry]:
    entries = [file.at(name) for name in sorted(group)]
    return [
        entry
        for entry in entries
        if entry is not None
        and not file.available_at(entry.name)
        and not entry.paused
        and not topology.failed(entry)
    ]


def _waits(entry: Entry, now: datetime) -> bool:
    return bool(entry.tries) and entry.retry_at is not None and entry.retry_at > now


def _variants(site: str, due: list[tuple[FileRef, File]], topology: Topology) -> Iterable[Variant]:
    group = topology.alternatives_of(site)
    meanings: dict[tuple[str | None, int | None], list[tuple[FileRef, File]]] = {}
    for ref, file in due:
        meanings.setdefault((file.hash, file.size), []).append((ref, file))
    for (file_hash, size), wanters in meanings.items():
        files = [file for _, file in wanters]
        holders = list(
            dict.fromkeys(name for file in files for name in topology.sources(file, site))
        )
        if holders:
            yield Variant(
                hash=file_hash,
                size=size,
                mtime_ns=published_mtime_ns(file_hash),
                files=tuple(ref for ref, _ in wanters),
                sources=tuple(name for name in holders if name not in group),
                witnesses=tuple(name for name in holders if name in group),
                checksums=frozenset[str]().union(*(file.proved_checksums for file in files)),
            )
