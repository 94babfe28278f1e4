"""What `site add`, `reset` and `remove` say at the end, to people and to scripts."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, NoReturn

import click
from rich.filesize import decimal

from providers.base import ProviderError
from reactor.cli.amounts import files_text
from reactor.cli.shell import DONE, FAILED, INTERRUPTED, print_json, print_table
from reactor.cli.site.subject import Subject
from reactor.operators.tally import Tally


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a subject's files; `failure` is what ended it early."""

    subject: Subject
    tally: Tally
    failure: ProviderError | None = None

    @property
    def code(self) -> int:
        """Return the exit code."""
        if self.tally.interrupted:
            return INTERRUPTED
        return DONE if self.tally.is_clean and self.failure is None else FAILED


@dataclass(frozen=True, slots=True)
class Words:
    """How one command speaks of files: "added", "had it already", and what comes next."""

    done: str
    settled: str
    then: str


def finish(report: Report, words: Words, *, as_json: bool) -> NoReturn:
    """Tell what was done, and end the program with the exit code that says so."""
    if as_json:
        print_json(_as_json(report))
    else:
        _show(report, words)
    if report.failure is not None:
        click.echo(f"sitesync: {report.failure}", err=True)
    if report.tally.interrupted:
        click.echo("interrupted: what is done stays done; run this again to go on", err=True)
    sys.exit(report.code)


def _show(report: Report, words: Words) -> None:
    tally = report.tally
    counts = [
        (tally.changed, words.done),
        (tally.settled, words.settled),
        (tally.busy, "busy"),
        (tally.refused, "left as they are" if tally.refused > 1 else "left as it is"),
    ]
    told = ", ".join(f"{files_text(count)} {what}" for count, what in counts if count)
    click.echo(f"{report.subject.sites_text}: {told or 'no files'}")
    if tally.deleted:
        click.echo(
            f"The bytes of {files_text(tally.deleted)} are deleted ({decimal(tally.freed)})."
        )
    if tally.changed and words.then:
        click.echo(words.then)
    if tally.reasons:
        click.echo()
        columns = ["files", "why", "for example"]
        print_table("Not done", columns, [_row(report, why) for why in tally.reasons])


def _row(report: Report, why: str) -> list[str]:
    reason = report.tally.reasons[why]
    example = f"{reason.path} ({reason.representation})" if reason.path else reason.representation
    return [str(reason.files), why, str(example)]


def _as_json(report: Report) -> dict[str, Any]:
    subject, tally = report.subject, report.tally
    return {
        "project": subject.view.name,
        "site": subject.site,
        "alternatives": sorted(subject.group - {subject.site}),
        "representations": tally.documents,
        "changed": tally.changed,
        "already": tally.settled,
        "busy": tally.busy,
        "refused": tally.refused,
        "deleted": tally.deleted,
        "deleted_bytes": tally.freed,
        "interrupted": tally.interrupted,
        "reasons": [
            {
                "why": reason.why,
                "files": reason.files,
                "representation": str(reason.representation),
                "path": reason.path or None,
            }
            for reason in tally.reasons.values()
        ],
        "error": None if report.failure is None else str(report.failure),
    }
