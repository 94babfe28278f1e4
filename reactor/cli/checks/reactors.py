"""Reactors: who serves, whose claims hold files up, and whether the predecessor still runs."""

from __future__ import annotations

from collections.abc import Iterator

from config.models import Settings
from reactor.cli.amounts import duration_text
from reactor.cli.checks.finding import Finding, ok, problem, warning
from reactor.cli.checks.settings import enabled_projects, is_syncing
from reactor.presence import Presence, SeenClaim, SeenReactor


def check_reactors(settings: Settings, presence: Presence) -> Iterator[Finding]:
    """Yield who serves each site that projects are worked on at, and what is suspended."""
    serving: dict[str, list[SeenReactor]] = {}
    for reactor in presence.alive:
        serving.setdefault(reactor.site, []).append(reactor)
    needed = {p.active_site for p in enabled_projects(settings) if is_syncing(p)}
    for site in sorted({*needed, *serving}):
        yield _serving(site, serving.get(site, []))
    for reactor in presence.alive:
        for why in reactor.suspended:
            text = f"suspended by the reactor on {reactor.host}: {why.kind}: {why.why}"
            yield problem(f"site {why.site}", text)


def _serving(site: str, reactors: list[SeenReactor]) -> Finding:
    if not reactors:
        return warning(
            "reactors",
            f"none serves {site!r}",
            f"on a machine that reaches its root: sitesync run --active-site {site}",
        )
    named = ", ".join(f"{reactor.host} (pid {reactor.pid})" for reactor in reactors)
    return ok("reactors", f"{site!r} is served by {named}")


def check_claims(presence: Presence) -> Iterator[Finding]:
    """Yield the claims of processes that were not seen lately."""
    alive = {reactor.process for reactor in presence.owners}
    orphaned = [claim for claim in presence.claims if claim.process not in alive | {""}]
    held = [claim for claim in orphaned if claim.held]
    for claim in held:
        yield problem(
            "claims",
            f"{claim_text(claim, presence)}; no lease ends it, so that file is not moved",
            "if that process is gone for good, or its machine is: "
            f"sitesync doctor --end-claim {claim.id}",
        )
    if waiting := len(orphaned) - len(held):
        yield ok("claims", f"{waiting} of ended processes; whoever comes next goes on with them")
    elif not held:
        yield ok("claims", "none is stuck")


def claim_text(claim: SeenClaim, presence: Presence) -> str:
    """Return a claim as people tell it from others: what, where, whose, since when."""
    owner = next((one for one in presence.reactors if one.process == claim.process), None)
    whose = "a process that left no trace"
    if owner is not None:
        seen = f"last seen {duration_text(owner.seen)} ago"
        whose = f"pid {owner.pid} on {owner.host}, {seen}"
    return (
        f"{claim.id} on {claim.path} at {claim.site} (project {claim.project}), "
        f"taken {duration_text(claim.taken)} ago by {whose}"
    )
