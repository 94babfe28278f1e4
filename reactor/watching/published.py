"""What this process has published lately: to its own watch that is no news."""

from __future__ import annotations

from collections import OrderedDict

from providers.base import Facts, Location

_MOST = 50_000


class Published:
    """The facts of files that were published, by site and place; bounded, the latest stay."""

    def __init__(self) -> None:
        self._facts: OrderedDict[tuple[str, Location], Facts] = OrderedDict()

    def note(self, site: str, where: Location, facts: Facts) -> None:
        """Take note of a file that has got its name."""
        self._facts[site, where] = facts
        self._facts.move_to_end((site, where))
        if len(self._facts) > _MOST:
            self._facts.popitem(last=False)

    def facts(self, site: str, where: Location) -> Facts | None:
        """Return the facts that a file had when it was published, or None."""
        return self._facts.get((site, where))
