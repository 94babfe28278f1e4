"""What is known of a place whose bytes are to be deleted, and what became of it, counted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from providers.base import Facts, Location
from reactor.claims import Claim, Place
from reactor.model import File, Representation
from reactor.operators.sweep import Chosen
from reactor.operators.tally import Reason, Tally

BUSY = "busy: another process is working on it; try again when it has ended"


@dataclass(frozen=True, slots=True)
class Named:
    """A document's file that lies at a place and has an entry there; `witness` has it, too."""

    representation: Representation
    file: File
    witness: str | None = None

    @property
    def key(self) -> tuple[object, int]:
        """Return what tells it from all other files of the project."""
        return self.representation.id, self.file.position


@dataclass(slots=True)
class Doomed:
    """
    One claimed place whose bytes are to go: what was asked for, what lies there, who names it.

    `cleared`: nothing that former owners staged can be published. `unsure`: the site failed,
    and what was asked of it may still come. `trouble` says why the bytes stay.
    """

    place: Place
    asked: list[Chosen]
    claim: Claim
    named: list[Named] = field(default_factory=list[Named])
    found: Facts | None = None
    cleared: bool = False
    unmarked: bool = False
    removed: bool = False
    unsure: bool = False
    trouble: str = ""

    @property
    def where(self) -> Location:
        """Return the place as the provider knows it."""
        return Location(self.place.root, self.place.path)


def count(doomed: Iterable[Doomed], tally: Tally) -> None:
    """Count what became of places."""
    for one in doomed:
        if one.unmarked:
            tally.changed += len(one.named)
            tally.deleted += one.removed
            tally.freed += one.found.size if one.removed and one.found else 0
            if one.trouble:
                _explain(
                    one.asked[0], f"its entry is gone, but its bytes stay: {one.trouble}", tally
                )
        elif one.trouble:
            refuse(one.asked, one.trouble, tally)
        else:
            tally.settled += len(one.asked)


def refuse(asked: Sequence[Chosen], why: str, tally: Tally) -> None:
    """Count files that stay as they are."""
    for one in asked:
        if why == BUSY:
            tally.busy += 1
        else:
            tally.refused += 1
        _explain(one, why, tally)


def _explain(one: Chosen, why: str, tally: Tally) -> None:
    ref = one.edit.file
    tally.explain(Reason(why, ref.project, ref.representation, one.file.path))
