"""Who else serves, and what each begins with. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

from reactor.events import Key


@dataclass(frozen=True, slots=True)
class Company:
    """
    All reactors that serve, as one of them sees them.

    Each is named by the session that it records in. `part` is our place among so many, and `alike`
    are those that do what we do, ourselves included, in an order on which all agree.
    """

    ours: object = None
    part: tuple[int, int] = (0, 1)
    alike: tuple[object, ...] = ()

    def first(self, key: Key) -> object:
        """Return who looks first at what is published: every document has one of those alike."""
        if len(self.alike) < 2:
            return self.ours
        return self.alike[crc32(str(key.representation).encode()) % len(self.alike)]
