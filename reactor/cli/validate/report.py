"""What a pass found and did, for people and for scripts."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import click
from rich.filesize import decimal

from reactor.cli.amounts import duration_text, files_text
from reactor.cli.shell import DONE, FAILED, INTERRUPTED, plain_cell, print_table
from reactor.cli.validate.full_pass import Outcome
from reactor.judging.validation.findings import WHATS, Finding, What
from reactor.model import OnMissing

_ROWS, _UNKNOWN_ROWS = 200, 20

_GONE: dict[OnMissing, str] = {
    "restore": "bring it back",
    "forget": "remove its entry",
    "report": "nothing (on_missing)",
}
_WORDS: dict[What, str] = {
    "found": "there, not marked",
    "missing": "missing",
    "truncated": "truncated",
    "grown": "grown",
    "rotten": "other bytes",
    "doubtful": "doubtful",
    "busy": "busy",
}


def exit_code(outcome: Outcome) -> int:
    """Return 0 where all is right now, and 1 where something differs or has failed."""
    findings = outcome.findings
    if findings.interrupted:
        return INTERRUPTED
    counts = findings.counts
    open_ones = sum(counts.values()) - (0 if outcome.asked.dry_run else counts["found"])
    return FAILED if open_ones or findings.failures or findings.shut else DONE


def show(outcome: Outcome) -> None:
    """Print what differs as a table, then what is unknown, and a summary."""
    findings = outcome.findings
    if findings.shown:
        columns = ["what", "project", "path", "why", "then"]
        shown = findings.shown[:_ROWS] if sys.stdout.isatty() else findings.shown
        title = "Plan" if outcome.asked.dry_run else "Differences"
        print_table(title, columns, [_row(outcome, finding) for finding in shown])
        if len(shown) < sum(findings.counts.values()):
            click.echo("… and more: see the numbers below", err=True)
    _show_unknown(outcome)
    for one in (*findings.shut[:_UNKNOWN_ROWS], *findings.examples[:_UNKNOWN_ROWS]):
        click.echo(f"not looked at: {plain_cell(str(one.where))}: {one.why}", err=True)
    click.echo(f"{outcome.site}: {_summary(outcome)}")
    for line in _notes(outcome):
        click.echo(line, err=True)


def _row(outcome: Outcome, finding: Finding) -> list[str]:
    then = _then(outcome.policy.on_missing, finding.what)
    return [_WORDS[finding.what], finding.project, finding.path, finding.why or "-", then]


def _then(on_missing: OnMissing, what: What) -> str:
    match what:
        case "found":
            return "mark it"
        case "missing":
            return _GONE[on_missing]
        case "truncated" | "grown" | "rotten":
            return _GONE["report"] if on_missing == "report" else "mark it as failed"
        case "doubtful" | "busy":
            return "nothing"


def _show_unknown(outcome: Outcome) -> None:
    unknown = outcome.findings.unknown
    if not unknown.files:
        return
    rows = [[file.where.path, decimal(file.facts.size)] for file in unknown.shown[:_UNKNOWN_ROWS]]
    print_table("Files that no document knows", ["unknown file", "size"], rows)
    if unknown.files > len(rows):
        click.echo(f"… {unknown.files} in all ({decimal(unknown.size)})", err=True)


def _summary(outcome: Outcome) -> str:
    findings = outcome.findings
    parts = [f"{files_text(findings.files)} looked at ({decimal(findings.size)})"]
    parts.append(f"{findings.right} right")
    parts += [f"{count} {_WORDS[what]}" for what in WHATS if (count := findings.counts[what])]
    if findings.unknown.files:
        parts.append(f"{findings.unknown.files} unknown")
    if not outcome.asked.dry_run:
        parts.append(f"{findings.marked} marked, {findings.reset} reset")
        parts += [f"{findings.proved} proved"] if findings.proved else []
    return f"{', '.join(parts)}; {duration_text(outcome.seconds)}"


def _notes(outcome: Outcome) -> Iterator[str]:
    findings, removals = outcome.findings, outcome.removals
    if findings.nameless:
        yield f"{findings.nameless} names are not Unicode: no document can hold them."
    if findings.unproved:
        yield (
            f"Of {files_text(findings.unproved)} only the size was compared: no checksum of "
            "them is known, and no other copy is in reach."
        )
    if removals.is_refused:
        yield (
            f"{files_text(removals.count)} are gone or changed, more than deletion_limit "
            f"({removals.limit}): none of them is reset. Look whether the right disk is mounted; "
            "if they are really gone, run this again with --confirm-removals."
        )
    for failure in findings.failures:
        yield f"sitesync: {failure}"
    if findings.interrupted:
        yield "interrupted: what is done stays done; run this again to go on"
    elif outcome.asked.dry_run:
        yield "Nothing was changed."


def report_json(outcome: Outcome) -> dict[str, Any]:
    """Return what a pass found and did as one object."""
    findings, asked, removals = outcome.findings, outcome.asked, outcome.removals
    unknown = findings.unknown
    return {
        "site": outcome.site,
        "projects": list(asked.projects),
        "dry_run": asked.dry_run,
        "checksum": asked.checksum,
        "on_missing": outcome.policy.on_missing,
        "files": findings.files,
        "bytes": findings.size,
        "right": findings.right,
        "size_only": findings.unproved,
        "counts": {what: findings.counts[what] for what in WHATS},
        "differences": [_difference_json(outcome, finding) for finding in findings.shown],
        "unknown": {
            "files": unknown.files,
            "bytes": unknown.size,
            "paths": [file.where.path for file in unknown.shown],
        },
        "not_read": [{"folder": str(one.where), "why": one.why} for one in findings.shut],
        "not_unicode": {
            "files": findings.nameless,
            "paths": [str(one.where) for one in findings.examples],
        },
        "marked": findings.marked,
        "proved": findings.proved,
        "reset": findings.reset,
        "removals": {
            "files": removals.count,
            "limit": removals.limit,
            "refused": removals.is_refused,
        },
        "went_on_from": None if outcome.since is None else outcome.since.isoformat(),
        "interrupted": findings.interrupted,
        "failures": findings.failures,
        "seconds": round(outcome.seconds, 3),
    }


def _difference_json(outcome: Outcome, finding: Finding) -> dict[str, Any]:
    return {
        "what": finding.what,
        "project": finding.project,
        "path": finding.path,
        "why": finding.why or None,
        "then": _then(outcome.policy.on_missing, finding.what),
    }
