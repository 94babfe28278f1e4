"""What became of the files that a command went through: counted, and told with an example each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

_REASONS_KEPT = 100
_OTHERS = "further reasons; name one representation at a time to see them"


@dataclass(slots=True)
class Reason:
    """Why files stayed as they are, how many, and which one for example."""

    why: str
    project: str
    representation: object
    path: str
    files: int = 1


@dataclass(slots=True)
class Tally:
    """
    Counts of files, however many there are; memory stays bounded.

    `settled` were as they should be already; `deleted` are files whose bytes are gone, and
    `freed` is their size. `interrupted` tells that not all were looked at.
    """

    documents: int = 0
    changed: int = 0
    settled: int = 0
    refused: int = 0
    busy: int = 0
    deleted: int = 0
    freed: int = 0
    interrupted: bool = False
    reasons: dict[str, Reason] = field(default_factory=dict[str, Reason])

    @property
    def is_clean(self) -> bool:
        """Return whether every file is now as it should be."""
        return not (self.refused or self.busy or self.reasons)

    def explain(self, reason: Reason) -> None:
        """Note why files are not as they should be; of many reasons the first ones are kept."""
        if reason.why not in self.reasons and len(self.reasons) >= _REASONS_KEPT:
            reason = replace(reason, why=_OTHERS)
        known = self.reasons.setdefault(reason.why, reason)
        if known is not reason:
            known.files += reason.files
