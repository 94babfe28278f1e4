"""What sites in memory keep, and in which order it came and went."""

from __future__ import annotations

import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from providers.base import Facts, Marker
from providers.services import HistoryLostError

_REMEMBERED = 10_000


class Place(NamedTuple):
    """A file: the folder of its root, and its path below that."""

    folder: str
    path: str


class Staged(NamedTuple):
    """Staged bytes: the place that they are for, and the name that their claim gives them."""

    place: Place
    name: str


@dataclass(frozen=True, slots=True, eq=False)
class File:
    """Published bytes; `eq=False`, since only the very same file is unchanged."""

    content: bytes
    mtime_ns: int

    @property
    def facts(self) -> Facts:
        """Size and time."""
        return Facts(len(self.content), self.mtime_ns)


class History:
    """The places at which something happened, the last of them; a token counts all so far."""

    def __init__(self) -> None:
        self._name = uuid.uuid4().hex
        self._places: deque[Place] = deque(maxlen=_REMEMBERED)
        self._count = 0

    @property
    def token(self) -> str:
        """The token for this moment."""
        return self._token(self._count)

    def add(self, place: Place) -> None:
        """Take note that something happened there."""
        self._places.append(place)
        self._count += 1

    def since(self, token: str) -> list[tuple[str, Place]]:
        """Return where something happened after a token was made, each with the next token."""
        name, _, count = token.rpartition(".")
        if name != self._name or not count.isdecimal():
            raise HistoryLostError("this store was not there when the token was made")
        new = self._count - int(count)
        if not 0 <= new <= len(self._places):
            raise HistoryLostError(f"only the last {_REMEMBERED} changes are remembered")
        places = islice(self._places, len(self._places) - new, None)
        return [(self._token(at), place) for at, place in enumerate(places, int(count) + 1)]

    def _token(self, count: int) -> str:
        return f"{self._name}.{count}"


@dataclass(frozen=True, slots=True)
class Store:
    """All that the sites of one store hold."""

    markers: dict[str, Marker] = field(default_factory=dict[str, Marker])
    staged: dict[Staged, bytearray] = field(default_factory=dict[Staged, bytearray])
    published: dict[Place, File] = field(default_factory=dict[Place, File])
    history: History = field(default_factory=History)

    def publish(self, place: Place, file: File) -> None:
        """Put a file in its place."""
        self.published[place] = file
        self.history.add(place)

    def remove(self, place: Place) -> None:
        """Take a file away, if there is one."""
        if self.published.pop(place, None):
            self.history.add(place)


STORES: defaultdict[str, Store] = defaultdict(Store)  # what makes two sites one place
