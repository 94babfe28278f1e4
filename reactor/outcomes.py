"""What a transfer comes to before anything becomes visible; `reactor.endings` goes on from there."""

from __future__ import annotations

from dataclasses import dataclass

from providers.base import Handle
from reactor.jobs import Variant
from reactor.proof import Proof


@dataclass(frozen=True, slots=True)
class Staged:
    """Verified bytes that only have to be published. `replaces` tells that a file is there."""

    variant: Variant
    handle: Handle
    proof: Proof
    mtime_ns: int | None
    replaces: bool


@dataclass(frozen=True, slots=True)
class AlreadyRight:
    """The bytes under the final name are proved to be the wanted ones."""

    variant: Variant
    proof: Proof


@dataclass(frozen=True, slots=True)
class ProvedWrong:
    """Alternatives are marked, but the bytes at their place are not the published ones."""

    variant: Variant
    reason: str


Outcome = Staged | AlreadyRight | ProvedWrong


class NotNowError(Exception):
    """The only sources that can serve have no transfer to spare; nothing was tried in vain."""
