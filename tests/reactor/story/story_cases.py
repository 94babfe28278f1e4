"""Situations in few words: a studio's settings, who runs, and one site of one file."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from providers.base import Facts
from reactor.documents import parse_representation
from reactor.model import File, Representation, Topology
from reactor.pauses import Pause
from reactor.presence import Amount, Presence, SeenClaim, SeenReactor, Suspended
from reactor.sourcing import Way
from reactor.story.finding import Finding
from reactor.story.situation import Rules, Sight, Situation, Trouble
from reactor.story.telling import tell
from tests.handlers.studio import KEY, PATH, file, held, wanted

PUBLISHED = file(held("studio"), wanted("vendor"))
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ALTERNATIVES = {
    "studio": [],
    "vendor": ["vendor_web"],
    "vendor_web": [],
    "archive": [],
    "drive": [],
}


def view(own: str, reached: Collection[str], remote: str, always: Iterable[str]) -> Topology:
    """Return what a process of one own site would serve."""
    served = (own, *([remote] if remote else []), *always)
    return Topology(
        KEY.project,
        own,
        tuple(dict.fromkeys(served)),
        ALTERNATIVES,
        frozenset(reached),
        always=tuple(always),
    )


def settings(
    *,
    own: str = "studio",
    remote: str = "vendor",
    always: tuple[str, ...] = (),
    strangers: tuple[str, ...] = (),
    spoilt: tuple[str, ...] = (),
    **more: Any,
) -> Rules:
    """Return rules of a studio whose sites all are reached, but `spoilt` ones by nobody."""
    reached = ALTERNATIVES.keys() - set(spoilt)
    owns = sorted((*ALTERNATIVES, *strangers))
    return Rules(
        own=own,
        remote_site=remote,
        reached=frozenset(reached),
        problems=dict.fromkeys(spoilt, "unknown provider 'gdrve'"),
        views={name: view(name, reached | ({name} - {*spoilt}), remote, always) for name in owns},
        **more,
    )


def runs(
    site: str = "studio",
    *,
    process: str = "p1",
    seen: float = 1.0,
    resting: Mapping[str, str] | None = None,
    relays: bool = False,
    ways: Iterable[Way] = (),
) -> SeenReactor:
    """Return a reactor of an own site; the sites that it lets rest are given with why."""
    suspended = tuple(Suspended(name, "login", why) for name, why in (resting or {}).items())
    found = SeenReactor(process, "render-07/aa/pid:[1]", 4711, site, 0, 0, seen, suspended)
    return replace(found, relays=relays, ways=tuple(ways))


def claims(process: str = "p1", *, lease: float = 20.0, **more: Any) -> SeenClaim:
    """Return a claim on the file's place at the vendor."""
    amount = Amount(42, 100, 10, "studio")
    claim = SeenClaim(
        id="c1",
        key="marker/x",
        process=process,
        project=KEY.project,
        site="vendor",
        path=PATH,
        lease=lease,
        held=False,
        taken=5.0,
        amount=amount,
    )
    return replace(claim, **more)


def present(*seen: SeenReactor | SeenClaim | Pause) -> Presence:
    """Return what the state database holds."""
    return Presence(
        tuple(one for one in seen if isinstance(one, SeenReactor)),
        tuple(one for one in seen if isinstance(one, SeenClaim)),
        tuple(one for one in seen if isinstance(one, Pause)),
    )


def situation(
    *seen: SeenReactor | SeenClaim | Pause,
    site: str = "vendor",
    rules: Rules | None = None,
    sight: Sight | None = None,
) -> Situation:
    """Return a situation: the studio's settings, and what is `seen`."""
    found = present(*seen)
    return Situation(site, KEY.representation, rules or settings(), found, NOW, sight or Sight())


def document(*files: object, **fields: Any) -> Representation:
    """Return a representation that has these files."""
    raw = {"_id": KEY.representation, "files": [*files], **fields}
    return parse_representation(KEY.project, raw)


def entry(**fields: Any) -> dict[str, Any]:
    """Return a file that is at the studio, and whose entry for the vendor has these fields."""
    return file(held("studio"), wanted("vendor", **fields))


def first(element: object, case: Situation) -> Finding:
    """Return the deciding reason."""
    return told(element, case)[0]


def told(element: object, case: Situation) -> tuple[Finding, ...]:
    """Return what is told of one file of a document."""
    return tell(_parsed(element), case).findings


def codes(element: object, case: Situation) -> list[str]:
    """Return the codes of what is told of one file, in order."""
    return [finding.code for finding in told(element, case)]


def is_available(element: object, case: Situation) -> bool:
    """Return whether the story ends well."""
    return tell(_parsed(element), case).is_available


def seen(size: int | None) -> Sight:
    """Return that a file of so many bytes is there; None: that none is."""
    return Sight(files={PATH: None if size is None else Facts(size)})


def trouble(code: Any, text: str) -> Sight:
    """Return that the file's root is in trouble."""
    return Sight(roots={"work": Trouble(code, text)})


def in_seconds(seconds: float) -> datetime:
    """Return a time as far ahead of the situation's."""
    return NOW + timedelta(seconds=seconds)


def _parsed(element: object) -> File:
    return document(element).files[0]
