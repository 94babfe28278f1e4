"""What was found of one file at one site, and the order in which findings are told."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

Level = Literal["ok", "reason", "note"]

# In the order of telling: of several reasons, the first is to be mended first.
Code = Literal[
    "running",
    "claim_held",
    "claim_of_lost_process",
    "flaw",
    "studio_off",
    "project_off",
    "site_problem",
    "no_remote_site",
    "same_site",
    "no_entry",
    "entry_missing",
    "not_served",
    "paused",
    "failed",
    "no_source",
    "source_stale",
    "no_reactor",
    "suspended",
    "no_marker",
    "unreachable",
    "gone",
    "other_size",
    "retry",
    "old_shape",
    "stale",
    "queued",
    "available",
    "seen",
    "not_seen",
    "tried",
    "begun",
    "progress",
    "alternatives",
    "unknown_site",
    "oddity",
]
_RANKS: dict[Code, int] = {code: rank for rank, code in enumerate(get_args(Code))}


@dataclass(frozen=True, slots=True)
class Finding:
    """
    One thing that was found, for people and for scripts.

    A `reason` keeps the file from being there. `todo` is empty where nothing is to be done.
    `facts` hold what differs from file to file: files with the same text have the same story.
    """

    code: Code
    level: Level
    text: str
    todo: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])


def reason(code: Code, text: str, todo: str = "", **facts: object) -> Finding:
    """Return why a file is not there; facts that are not known are left out."""
    return Finding(code, "reason", text, todo, _known(facts))


def note(code: Code, text: str, todo: str = "", **facts: object) -> Finding:
    """Return what belongs to the story and stops nothing."""
    return Finding(code, "note", text, todo, _known(facts))


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return findings as they are told: the deciding reason first, notes last."""
    return tuple(sorted(findings, key=lambda one: (one.level == "note", _RANKS[one.code])))


def command(*words: object) -> str:
    """Return a call of the program, as a shell takes it."""
    return shlex.join(["sitesync", *map(str, words)])


def names(sites: Iterable[str]) -> str:
    """Return sites as people list them: 'a', 'b' and 'c'."""
    quoted = [repr(site) for site in sites]
    *first, last = quoted or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def _known(facts: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in facts.items() if value is not None}
