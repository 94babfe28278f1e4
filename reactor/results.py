"""What became of the transfers of one process: counted once they are recorded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Results:
    """
    Files moved and the bytes that this took, and files that were proved to be there already.

    `recorded` counts all, failures too; `bytes` is what the moved files hold.
    """

    recorded: int = 0
    moved: int = 0
    bytes: int = 0
    right: int = 0

    def add(self, outcome: str, size: int) -> None:
        """Count one recorded transfer of a file of so many bytes."""
        self.recorded += 1
        if outcome == "available":
            self.moved += 1
            self.bytes += size
        elif outcome == "right":
            self.right += 1
