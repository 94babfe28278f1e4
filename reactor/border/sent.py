"""How much was staged of files under way: how long a far side may take for one follows from it."""

from __future__ import annotations

from reactor.border.calls import SLOW_DISK

WHOLE_FILE = 4 * 3600.0
"""Seconds for a file of which only the far side knows how large it is."""
_REMEMBERED = 4096


class Sent:
    """Bytes that were staged, by claim; those of the latest claims, for some end without a word."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def note(self, claim: str, size: int) -> None:
        """Take note of how many bytes of a file are staged."""
        self._sizes[claim] = size
        if len(self._sizes) > _REMEMBERED:
            del self._sizes[next(iter(self._sizes))]

    def size(self, claim: str) -> int | None:
        """Return how many bytes of a file are staged, where that is known."""
        return self._sizes.get(claim)

    def forget(self, claim: str) -> None:
        """Forget a file: it is published, or revoked."""
        self._sizes.pop(claim, None)

    def patience(self, claim: str) -> float:
        """Return the seconds that a far side may take for something with all of a staged file."""
        size = self._sizes.get(claim)
        return WHOLE_FILE if size is None else size / SLOW_DISK
