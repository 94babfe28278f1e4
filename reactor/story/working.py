"""Who works on a file now, as its claim tells."""

from __future__ import annotations

from collections.abc import Iterator

from reactor.model import File
from reactor.operators.naming import plainly
from reactor.presence import SeenClaim, SeenReactor
from reactor.story.finding import Finding, command, note, reason
from reactor.story.situation import Situation


def working(file: File, case: Situation) -> Iterator[Finding]:
    """Yield what the claim on a file's place means, if there is one."""
    claim = case.claims.get(plainly(file.path))
    if claim is None:
        yield from _foreign_progress(file, case)
    elif (owner := case.alive.get(claim.process)) and (claim.leased or claim.held):
        yield _running(claim, owner)
    elif claim.held:
        yield _held(claim, case)
    elif claim.leased:
        yield _lost(claim, case)
    else:
        yield note(
            "begun",
            "A transfer was begun and given up; whoever takes it goes on from where it was.",
            taken_ago_seconds=claim.taken,
        )


def _running(claim: SeenClaim, owner: SeenReactor) -> Finding:
    amount = claim.amount
    source = f" from {amount.source!r}" if amount and amount.source else ""
    return reason(
        "running",
        f"It is being brought to {claim.site!r}{source} now, by the reactor on {owner.host} "
        f"(pid {owner.pid}).",
        claim=claim.id,
        taken_ago_seconds=claim.taken,
        done=amount.done if amount else None,
        size=amount.size if amount else None,
        rate=amount.rate if amount else None,
        eta_seconds=amount.eta if amount else None,
    )


def _held(claim: SeenClaim, case: Situation) -> Finding:
    return reason(
        "claim_held",
        f"{_owner(claim, case)} was about to replace it and was not seen lately. "
        "No lease ends its claim, so nobody else may go on.",
        "if that process is gone for good, or its machine is: "
        + command("doctor", "--end-claim", claim.id),
        claim=claim.id,
        taken_ago_seconds=claim.taken,
        **_seen(claim, case),
    )


def _lost(claim: SeenClaim, case: Situation) -> Finding:
    return reason(
        "claim_of_lost_process",
        f"{_owner(claim, case)} works on it and was not seen lately.",
        "nothing: when its lease ends, the next reactor goes on",
        claim=claim.id,
        lease_seconds=claim.lease,
        **_seen(claim, case),
    )


def _owner(claim: SeenClaim, case: Situation) -> str:
    reactor = _known(claim, case)
    if reactor is None:
        return "A process that left no trace"
    return f"The reactor on {reactor.host} (pid {reactor.pid})"


def _seen(claim: SeenClaim, case: Situation) -> dict[str, float]:
    reactor = _known(claim, case)
    return {} if reactor is None else {"seen_ago_seconds": reactor.seen}


def _known(claim: SeenClaim, case: Situation) -> SeenReactor | None:
    reactors = case.presence.reactors
    return next((one for one in reactors if one.process == claim.process), None)


def _foreign_progress(file: File, case: Situation) -> Iterator[Finding]:
    entry = file.at(case.site)
    if entry is not None and entry.progress is not None and not entry.available:
        yield note(
            "progress",
            f"Its entry shows {entry.progress:.0%} of progress, but no reactor works on it: "
            "OpenPype's own sync loop may be running.",
            f"turn that off for {case.site!r}; {command('doctor')} looks for its traces",
        )
