"""
What may have changed, and what is there now.

On purpose there is no "kind of change": handlers look at the state, so that an event lost,
doubled or late does no harm.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum
from math import isnan
from typing import NamedTuple

from reactor.model import Representation


class Origin(IntEnum):
    """Where an event came from; of merged events the highest counts."""

    SCAN = 0
    STREAM = 1
    WATCH = 2


def is_name(name: object) -> bool:
    """
    Return whether an `_id` can name a document: it can be told from all others, in sets too.

    Python takes `True` for 1, and "not a number" for another each time.
    """
    if not isinstance(name, Hashable):
        return False
    if isinstance(name, bool):
        return False
    return not (isinstance(name, float) and isnan(name))


class Key(NamedTuple):
    """The name of what changed: one document of one project."""

    project: str
    representation: object


@dataclass(frozen=True, slots=True)
class Notice:
    """
    A source's word that a document should be looked at.

    `thorough` asks for settled files, too: the change was not only to `files[].sites`, so one
    may have a new `hash`. `positions` are the elements of `files` that changed; None: any.
    """

    key: Key
    origin: Origin
    thorough: bool = False
    positions: frozenset[int] | None = None

    def merged(self, other: Notice) -> Notice:
        """Return the one notice that serves for two of the same document."""
        known = self.positions is not None and other.positions is not None
        return Notice(
            self.key,
            max(self.origin, other.origin),
            self.thorough or other.thorough,
            (self.positions or frozenset()) | (other.positions or frozenset()) if known else None,
        )


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """
    What is there now. `representation` is None where the document is gone.

    It holds what is not settled of the elements at `positions` (None: of all).
    """

    key: Key
    origin: Origin
    representation: Representation | None
    positions: frozenset[int] | None = None
