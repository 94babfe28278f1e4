"""All that is known when somebody asks why: settings, who works, the time, a look at the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, cast

from providers.base import Facts
from reactor.documents import PathError, parse_path
from reactor.model import Topology
from reactor.operators.naming import plainly
from reactor.presence import Presence, SeenClaim, SeenReactor
from reactor.story.finding import Code


@dataclass(frozen=True, slots=True)
class Rules:
    """
    What this machine's settings say of one project.

    `own` is this machine's site, and `reached` are the sites that it reaches; `problems` say
    why it does not reach the others. `views` are what processes of any own site, this one
    included, would serve by these settings. `labels` name sites as reactors do.
    """

    own: str
    studio_enabled: bool = True
    project_enabled: bool = True
    active_site: str = "studio"
    remote_site: str = ""
    reached: frozenset[str] = frozenset()
    problems: Mapping[str, str] = field(default_factory=dict[str, str])
    views: Mapping[str, Topology] = field(default_factory=dict[str, Topology])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])

    def label(self, site: str) -> str:
        """Return the name by which reactors tell how a site of this project is."""
        return self.labels.get(site, site)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong with a root, as it is seen from this machine."""

    code: Code
    text: str


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What a look at the site told this machine: nothing, where it does not reach it.

    `roots` holds those with trouble, by name; `files` what was found of a file by its path in
    documents (None: no such file); `failures` why that cannot be told.
    """

    roots: Mapping[str, Trouble] = field(default_factory=dict[str, Trouble])
    files: Mapping[str, Facts | None] = field(default_factory=dict[str, Facts | None])
    failures: Mapping[str, str] = field(default_factory=dict[str, str])

    def trouble(self, path: str) -> Trouble | None:
        """Return what is wrong with the root of a file."""
        try:
            return self.roots.get(parse_path(path).root)
        except PathError:
            return None


@dataclass(frozen=True, slots=True)
class Moments:
    """When an entry was marked, and when it failed, as its writer's clock had it."""

    created: str | None = None
    failed: str | None = None


@dataclass(frozen=True)
class Situation:
    """One representation's `site`, asked about at `now` (the database's time)."""

    site: str
    representation: object
    rules: Rules
    presence: Presence
    now: datetime
    sight: Sight = field(default_factory=Sight)
    moments: Mapping[int, Moments] = field(default_factory=dict[int, Moments])

    @property
    def view(self) -> Topology:
        """Return what this machine knows of the project's sites."""
        return self.rules.views[self.rules.own]

    @property
    def project(self) -> str:
        """Return the project's name."""
        return self.view.project

    @cached_property
    def group(self) -> tuple[str, ...]:
        """The site and its alternatives: one transfer serves them all."""
        others = self.view.alternatives_of(self.site) - {self.site}
        return (self.site, *sorted(others))

    @cached_property
    def claims(self) -> dict[str, SeenClaim]:
        """The claims on places at this site, by their path in documents; of several, the last."""
        return {
            plainly(claim.path): claim
            for claim in self.presence.claims
            if claim.project == self.project and claim.site in self.group
        }

    @cached_property
    def alive(self) -> dict[str, SeenReactor]:
        """The reactors that were seen lately, by their process."""
        return {reactor.process: reactor for reactor in self.presence.owners}


def moments_of(document: Mapping[str, Any], site: str) -> dict[int, Moments]:
    """Return by position what a document's dates say of one site."""
    files = document.get("files")
    return {
        position: Moments(
            _written(entry.get("created_dt"), ours="source_hash" in entry),
            _written(entry.get("last_failed_dt"), ours="retry_at" in entry),
        )
        for position, file in enumerate(_listed(files))
        for entry in _entries(_mapped(file).get("sites"), site)
    }


def _entries(sites: object, site: str) -> list[Mapping[str, Any]]:
    if isinstance(sites, dict):
        return [_mapped(cast("dict[str, object]", sites).get(site))]
    return [found for one in _listed(sites) if (found := _mapped(one)).get("name") == site]


def _written(date: object, *, ours: bool) -> str | None:
    """Return a date as it was written: ours are in UTC, others' by an unknown clock."""
    if not isinstance(date, datetime):
        return None
    return f"{date:%Y-%m-%d %H:%M:%S}{' UTC' if ours else ''}"


def _listed(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _mapped(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}
