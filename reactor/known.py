"""Sent bytes held against what was proved of the same file earlier."""

from __future__ import annotations

from providers.base import ChangedFileError
from reactor.bringing import Sent
from reactor.checksums import by_preference
from reactor.jobs import Variant
from reactor.proof import by_time, is_the_published, known_of, same_algorithm
from reactor.sites import Site


async def hold_against_known(destination: Site, source: Site, variant: Variant, sent: Sent) -> None:
    """
    Raise where what was proved of this file earlier tells that its bytes are others.

    Bytes that were hashed by other algorithms only are hashed once more, where they are
    staged; where that cannot be, the source's time has to tell.
    """
    where, checksums = sent.handle.where, sent.checksums
    if variant.checksums and not _can_be_compared(variant, checksums):
        told = await known_of(destination, sent.handle, variant)
        if told is None:
            is_the_published(source, where, sent.facts, by_time(variant))
        else:
            checksums = frozenset((told,))
    if other := _other_than_known(variant, checksums):
        raise ChangedFileError(
            f"{where.path} at {source.name!r} is not the file that was published: "
            f"its bytes have {other}; publish it again, or bring back the right file"
        )


def _can_be_compared(variant: Variant, checksums: frozenset[str]) -> bool:
    return any(same_algorithm(one, found) for one in variant.checksums for found in checksums)


def _other_than_known(variant: Variant, checksums: frozenset[str]) -> str | None:
    """Return a checksum, and which it should have been, where one was proved earlier and differs."""
    for found in by_preference(checksums):
        known = [one for one in variant.checksums if same_algorithm(one, found)]
        if known and found not in known:
            return f"{found}, not {', '.join(sorted(known))}"
    return None
