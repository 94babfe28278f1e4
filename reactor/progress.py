"""How far a transfer is, for those who watch: plain counters, written by one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from reactor.model import Work

How = Literal["disk", "service", "stream"]


@dataclass(slots=True)
class Progress:
    """
    One running transfer. `done` bytes of `size` are staged, `sent` of them by this attempt.

    `journalled` tells that a journal lets another attempt go on from here; `started` is of
    the monotonic clock. `how` bytes go, and why their source was `chosen`, are for people.
    """

    work: Work
    started: float
    source: str = ""
    how: How | None = None
    chosen: str = ""
    size: int = 0
    done: int = 0
    sent: int = 0
    journalled: bool = False

    def begin(self, source: str, size: int, how: How) -> None:
        """Start counting a copy of `size` bytes from a source."""
        self.source, self.size, self.how, self.done, self.sent = source, size, how, 0, 0

    def advance(self, size: int) -> None:
        """Count bytes that were moved."""
        self.done += size
        self.sent += size

    def restart(self) -> None:
        """Count from the start again: what was staged is gone."""
        self.done, self.journalled = 0, False

    def resume(self, offset: int) -> None:
        """Count bytes that an earlier attempt has staged."""
        self.done, self.journalled = offset, True
