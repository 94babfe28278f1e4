"""
The words of the system as values: entry, file, representation, topology. No I/O, no clock.

An entry is one element of `files[].sites`; what its fields mean is DESIGN §2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Literal, NamedTuple

DEFAULT_PRIORITY = 50
DRIFTED = "it was changed after it was published"  # so begins the error of such an entry


OnMissing = Literal["restore", "forget", "report"]


@dataclass(frozen=True, slots=True)
class Policy:
    """
    What a site wants done about files that are marked there and gone.

    They are believed to be gone after `vanish_grace` seconds, and at most `deletion_limit` of
    them within ten minutes.
    """

    on_missing: OnMissing = "restore"
    vanish_grace: float = 10.0
    deletion_limit: int = 500


class Work(NamedTuple):
    """
    The name of one piece of work: bring what the documents call `path` to `site`.

    `path` is as it stands in the documents (`{root[work]}/…`); `site` stands for its whole
    group of alternatives, so that one place has one name in one process.
    """

    project: str
    site: str
    path: str


class FileRef(NamedTuple):
    """
    One element of one document's `files`, with what must still hold when it is written to.

    `files[]._id` names a file only together with its document, and arrays are replaced by
    other tools at any moment: position, `_id` and `hash` guard each write.
    """

    project: str
    representation: object
    position: int
    id: object
    hash: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """What a document says of one file at one site."""

    name: str
    available: bool = False
    id: str | None = None
    error: str | None = None
    tries: int = 0
    retry_at: datetime | None = None
    paused: bool = False
    priority: int | None = None
    checksum: str | None = None
    verified: str | None = None
    source_hash: str | None = None
    progress: float | None = None

    @property
    def drifted(self) -> bool:
        """Return whether other bytes than the published were seen there: nobody overwrites them."""
        return not self.available and (self.error or "").startswith(DRIFTED)

    def stale(self, file_hash: str | None) -> bool:
        """Return whether this entry was made from other bytes than the document now means."""
        return self.source_hash is not None and self.source_hash != source_hash(file_hash)


@dataclass(frozen=True, slots=True)
class File:
    """
    One published file. `legacy` tells the old mapping shape of `sites`.

    `flaw` says, in an artist's words, why the element cannot be served; `oddity` is worth a
    line in the log but stops nothing.
    """

    position: int
    id: object
    path: str
    size: int | None
    hash: str | None
    entries: tuple[Entry, ...]
    legacy: bool = False
    flaw: str | None = None
    oddity: str | None = None

    def at(self, site: str) -> Entry | None:
        """Return the entry of a site; of duplicates, a wanted one speaks for all."""
        found: Entry | None = None
        for entry in self.entries:
            if entry.name == site and (found is None or (found.available and not entry.available)):
                found = entry
        return found

    def available_at(self, site: str) -> bool:
        """Return whether the document says that the bytes it now means are at a site."""
        entry = self.at(site)
        return entry is not None and entry.available and not entry.stale(self.hash)

    @property
    def names(self) -> frozenset[str]:
        """The sites that have an entry."""
        return frozenset(entry.name for entry in self.entries)

    @property
    def holders(self) -> frozenset[str]:
        """The sites at which the file is available."""
        return frozenset(name for name in self.names if self.available_at(name))

    @property
    def proved_checksums(self) -> frozenset[str]:
        """Checksums that a whole, verified copy of these bytes has had."""
        return frozenset(
            entry.checksum
            for entry in self.entries
            if entry.checksum
            and entry.verified == "checksum"
            and entry.source_hash
            and self.available_at(entry.name)
        )


@dataclass(frozen=True, slots=True)
class Representation:
    """A published item; `files` may hold only those that are not settled."""

    project: str
    id: object
    files: tuple[File, ...]
    flaw: str | None = None

    def ref(self, file: File) -> FileRef:
        """Return the guarded name of one of the files."""
        return FileRef(self.project, self.id, file.position, file.id, file.hash)


def source_hash(file_hash: str | None) -> str:
    """Return the 16 hex digits by which an entry remembers the `files[].hash` it was made from."""
    return hashlib.blake2b((file_hash or "").encode(), digest_size=8).hexdigest()


def groups_of(alternatives: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """
    Return each site's group of alternatives, itself included: symmetric and transitive.

    This is the only place where alternatives are computed (the predecessor had two that
    disagreed). Cycles, and a site naming itself, change nothing.
    """
    groups: dict[str, set[str]] = {}
    for site, others in alternatives.items():
        merged = {site}.union(*(groups.get(name, {name}) for name in (site, *others)))
        for name in merged:
            groups[name] = merged
    return {site: frozenset(group) for site, group in groups.items()}


@dataclass(frozen=True)
class Topology:
    """
    What one process knows of one project's sites, and so what it serves (DESIGN §3).

    `served` is in order of preference, the own site first. `alternatives` holds every site
    of the settings. `reachable` are the sites that this process can open. `interval` is in
    seconds between scans for unfinished work. `roots` are names that documents may use.
    `problems` tell why sites of the settings cannot be served by anybody. `relays` are the sites
    from which it brings files to others than its own.
    """

    project: str
    own: str
    served: tuple[str, ...]
    alternatives: Mapping[str, Collection[str]]
    reachable: frozenset[str]
    always: tuple[str, ...] = ()
    retry_count: int = 3
    interval: float = 60.0
    roots: frozenset[str] = frozenset(("", "work"))
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    relays: frozenset[str] = frozenset()

    @cached_property
    def _groups(self) -> dict[str, frozenset[str]]:
        return groups_of(self.alternatives)

    @cached_property
    def known(self) -> frozenset[str]:
        """Every site that the settings name; an entry of any other is left alone."""
        return frozenset(self._groups)

    @property
    def is_serving(self) -> bool:
        """Whether this process reaches two places between which it brings files."""
        if self.own in self.reachable:
            return len(self.together(self.served)) > 1
        return len({self.alternatives_of(site) for site in self.relays & self.reachable}) > 1

    def relaying(self) -> Topology:
        """Return this topology as that of a process which also serves two remote sites at a time."""
        return replace(self, relays=self.together(self.served))

    def only(self, sites: frozenset[str]) -> Topology | None:
        """
        Return this topology as if of all served sites there were but these and alternatives.

        The own site stays known, as an end of each transfer; None where nothing is left.
        """
        kept = self.together(sites)
        known = kept | self.alternatives_of(self.own)
        served = tuple(site for site in self.served if site in kept)
        narrowed = replace(
            self,
            served=served,
            alternatives={site: self.alternatives_of(site) for site in known & self.known},
            always=tuple(site for site in self.always if site in kept),
        )
        return narrowed if served else None

    @property
    def asks(self) -> tuple[object, ...]:
        """What decides which entries have to be there, to be compared with what it was before."""
        groups = sorted(sorted(group) for group in {*self._groups.values()})
        return self.project, self.served, self.always, groups

    def alternatives_of(self, site: str) -> frozenset[str]:
        """Return the group of sites that hold the same bytes, `site` included."""
        return self._groups.get(site, frozenset((site,)))

    def together(self, sites: Iterable[str]) -> frozenset[str]:
        """Return the union of the groups of some sites."""
        return frozenset[str]().union(*(self.alternatives_of(site) for site in sites))

    def destination(self, site: str) -> str | None:
        """Return the served and reachable site that stands for a site's group, if any."""
        group = self.alternatives_of(site)
        return next((name for name in self._opened if name in group), None)

    def is_own(self, site: str) -> bool:
        """Return whether a site's bytes lie at this process's own site."""
        return self.own in self.alternatives_of(site)

    def failed(self, entry: Entry) -> bool:
        """Return whether an entry has used up its tries (DESIGN §2)."""
        return not entry.available and entry.tries >= self.retry_count

    def sources(self, file: File, destination: str) -> list[str]:
        """
        Return the sites from which this process may bring a file to `destination`, best first.

        One end is the own site, unless this process relays. A site of the destination's own group
        comes last and means: prove that the bytes are there already.
        """
        group = self.alternatives_of(destination)
        holders = [site for site in self._preferred if file.available_at(site)]
        others = [site for site in holders if site not in group]
        if not self.is_own(destination):
            others = [site for site in others if self.is_own(site) or site in self.relays]
        same_place = [site for site in holders if site in group]
        return others + same_place[:1]

    @cached_property
    def _opened(self) -> tuple[str, ...]:
        return tuple(site for site in self.served if site in self.reachable)

    @cached_property
    def _preferred(self) -> tuple[str, ...]:
        """Reachable sites: the own group first, then served ones, then all others by name."""
        own = [site for site in sorted(self.alternatives_of(self.own)) if site != self.own]
        ordered = [self.own, *own, *self.served, *sorted(self.reachable)]
        return tuple(dict.fromkeys(site for site in ordered if site in self.reachable))
