"""What came of a pass, for people and for scripts: counted from documents, at its end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import click
from rich.filesize import decimal

from reactor.cli.amounts import duration_text, files_text
from reactor.cli.shell import plain_cell, print_table
from reactor.presence import Suspended
from reactor.results import Results
from reactor.standing import SiteStanding

_PAUSED = "resume it with `sitesync resume`"
_OTHERS = "another process brings them now"
_ELSEWHERE = "no site that has them is reached from here, or their turn did not come"


@dataclass(frozen=True, slots=True)
class Summary:
    """
    What was moved in how many seconds, and how what is still wanted stands.

    `unfinished` tells that something failed or waits, whatever documents say by now.
    """

    seconds: float
    results: Results
    standings: Sequence[SiteStanding]
    suspended: Sequence[Suspended]
    interrupted: bool
    unfinished: bool

    @property
    def waiting(self) -> int:
        """Return how many files wait for a site, another process, or another try."""
        return sum(one.files["waiting"] + one.files["retrying"] for one in self.standings)

    @property
    def paused(self) -> int:
        """Return how many files are paused."""
        return sum(one.files["paused"] for one in self.standings)

    @property
    def failed(self) -> int:
        """Return how many files have failed for good."""
        return sum(one.files["failed"] for one in self.standings)

    @property
    def found(self) -> int:
        """Return how many files were wanted, whatever came of them."""
        return self.results.moved + self.results.right + self.waiting + self.paused + self.failed

    @property
    def is_complete(self) -> bool:
        """Return whether all is where it should be, or paused."""
        return not (self.interrupted or self.unfinished or self.waiting or self.failed)


def summary_json(done: Summary) -> dict[str, Any]:
    """Return the summary as one object."""
    return {
        "found": done.found,
        "moved": done.results.moved,
        "right": done.results.right,
        "failed": done.failed,
        "waiting": done.waiting,
        "paused": done.paused,
        "bytes": done.results.bytes,
        "seconds": round(done.seconds, 3),
        "complete": done.is_complete,
        "interrupted": done.interrupted,
        "sites": [_site_json(one) for one in done.standings],
        "suspended": [asdict(one) for one in done.suspended],
    }


def show_summary(done: Summary) -> None:
    """Print the summary: a sentence, and a line for each reason why something is not there."""
    moved = f"{files_text(done.results.moved)} moved ({decimal(done.results.bytes)})"
    parts = [f"{files_text(done.found)} found", moved]
    counts = {"were there already": done.results.right, "failed": done.failed}
    counts |= {"waiting": done.waiting, "paused": done.paused}
    parts += [f"{count} {what}" for what, count in counts.items() if count]
    head = "Interrupted after" if done.interrupted else "Reconciled in"
    click.echo(f"{head} {duration_text(done.seconds)}: {', '.join(parts)}.")
    if rows := list(_rows(done)):
        click.echo()
        columns = ["project", "site", "files", "state", "why", "for example"]
        print_table("Not there", columns, rows)


def _rows(done: Summary) -> Iterator[list[str]]:
    for one in done.standings:
        where = [one.scope.project, one.scope.site]
        for trouble in one.troubles:
            yield [*where, str(trouble.files), "failed", trouble.error, trouble.example]
        if waiting := one.files["waiting"] + one.files["retrying"]:
            yield [*where, str(waiting), "waiting", _reason(done, one), ""]
        if paused := one.files["paused"]:
            yield [*where, str(paused), "paused", _PAUSED, ""]


def _reason(done: Summary, one: SiteStanding) -> str:
    """Return what files wait for, as far as this process knows."""
    if why := [f"{site.site}: {site.why}" for site in done.suspended]:
        return plain_cell("; ".join(why))
    return _OTHERS if one.running else _ELSEWHERE


def _site_json(one: SiteStanding) -> dict[str, Any]:
    return {
        "project": one.scope.project,
        "site": one.scope.site,
        "waiting": one.files["waiting"] + one.files["retrying"],
        "paused": one.files["paused"],
        "failed": one.files["failed"],
        "more": one.more,
        "errors": [asdict(trouble) for trouble in one.troubles],
    }
