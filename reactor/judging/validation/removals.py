"""
Entries that a pass would reset, held back until it is known how many they are. Pure; no clock.

Beyond the limit nothing is reset unless somebody has confirmed it (DESIGN §9). And what is gone
must have been gone for a while: publishers rename whole folders away for seconds (DESIGN §3).
"""

from __future__ import annotations

from collections.abc import Iterable

ALL_AT_ONCE = 5_000


class Removals:
    """
    Paths of documents by project, as they are to be judged once more before they are reset.

    `grace` is for how many seconds they must have been gone. `count` says how many there were,
    also where they are too many to be kept.
    """

    def __init__(self, limit: int, grace: float, *, confirmed: bool) -> None:
        self.limit = limit
        self.count = 0
        self._grace = grace
        self._confirmed = confirmed
        self._paths: dict[tuple[str, str], float] = {}

    @property
    def is_refused(self) -> bool:
        """Return whether there are too many, and nobody has confirmed them."""
        return not self._confirmed and self.count > self.limit

    @property
    def is_due(self) -> bool:
        """Return whether so many are held that some must be written before there are more."""
        return self._confirmed and len(self._paths) >= ALL_AT_ONCE

    def add(self, project: str, path: str, now: float) -> None:
        """Hold a path back; of too many, none is kept."""
        self.count += 1
        if self.is_refused:
            self._paths.clear()
        else:
            self._paths[project, path] = now

    def ripe_at(self) -> float | None:
        """Return when all that is held may be written, or None where nothing is."""
        return max(self._paths.values()) + self._grace if self._paths else None

    def take(self) -> dict[str, list[str]]:
        """Return, and forget, the paths that are held, by project."""
        taken: dict[str, list[str]] = {}
        for project, path in self._paths:
            taken.setdefault(project, []).append(path)
        self._paths.clear()
        return taken

    def held(self) -> list[list[str]]:
        """Return what is held, as a bookmark keeps it."""
        return [[project, path] for project, path in self._paths]

    def go_on_from(self, held: Iterable[tuple[str, str]], count: int, now: float) -> None:
        """Take over what a pass that was interrupted held back."""
        for project, path in held:
            self.add(project, path, now)
        self.count = count
