"""Answers of providers, held against the form that callers rely on: types are promises only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar, cast

from providers.base import (
    DiskProvider,
    Facts,
    Features,
    FileError,
    Handle,
    Listed,
    Location,
    Provider,
    ProviderError,
)
from providers.services import (
    ChangingProvider,
    CopyingProvider,
    PartedProvider,
    StagedCopyProvider,
)
from providers.space import SpaceProvider
from reactor.border.errors import Blame

T = TypeVar("T")


def of_kind(blame: Blame, what: str, found: object, kind: type[T]) -> T:
    """Return an answer that is of a kind; that of another kind is the provider's fault."""
    if isinstance(found, kind):
        return found
    there = type(found).__name__
    raise blame.broken(what, f"answers with {there} where {kind.__name__} is due")


def some_of_kind(blame: Blame, what: str, found: object, kind: type[T]) -> T | None:
    """Return an answer that is of a kind, or None."""
    return None if found is None else of_kind(blame, what, found, kind)


def a_size(blame: Blame, what: str, found: object) -> int:
    """Return a number of bytes."""
    size = of_kind(blame, what, found, int)
    if size < 0:
        raise blame.broken(what, f"tells {size} bytes")
    return size


def the_facts(blame: Blame, what: str, found: object) -> Facts:
    """Return a file's facts."""
    facts = of_kind(blame, what, found, Facts)
    a_size(blame, what, facts.size)
    return facts


def the_handle(blame: Blame, what: str, found: object, where: Location, claim: str) -> Handle:
    """Return the handle of what was staged: for this place, under this claim."""
    handle = of_kind(blame, what, found, Handle)
    if (handle.where, handle.claim) != (where, claim):
        raise blame.broken(what, f"answers with a handle for {handle.where}, not for {where}")
    return handle


def the_checksum(blame: Blame, what: str, found: object, algorithm: str) -> str | None:
    """Return a checksum of an algorithm, or None where the site cannot tell."""
    checksum = some_of_kind(blame, what, found, str)
    if checksum is not None and not checksum.startswith(f"{algorithm}:"):
        raise blame.broken(what, f"answers with something else than a checksum of {algorithm}")
    return checksum


def the_outcomes(
    blame: Blame, what: str, found: object, sent: Sequence[int | None]
) -> list[Facts | ProviderError]:
    """
    Return what became of each published file.

    `sent` is how many bytes of each were sent, where that is known: what is said to have another
    size does not count as published.
    """
    outcomes: list[object] = [*found] if isinstance(found, list | tuple) else [found]  # pyright: ignore[reportUnknownVariableType] - each is looked at
    if len(outcomes) != len(sent):
        raise blame.broken(what, f"answers for {len(outcomes)} files of {len(sent)}")
    return [_outcome(blame, what, one, size) for one, size in zip(outcomes, sent, strict=True)]


def _outcome(blame: Blame, what: str, found: object, sent: int | None) -> Facts | ProviderError:
    if isinstance(found, BaseException):
        told = blame.told(found, what, of_site=True)
        return told if isinstance(told, ProviderError) else blame.broken(what, "was cancelled")
    facts = the_facts(blame, what, found)
    if sent is None or facts.size == sent:
        return facts
    return FileError(
        f"site {blame.site!r} says that it has published {facts.size} bytes of the {sent} that "
        "were sent; it is sent again. If this repeats, check that storage"
    )


def the_provider(blame: Blame, found: object) -> Provider:
    """Return what was made, if it has all methods of a provider."""
    if isinstance(found, Provider):
        return found
    kind = type(found).__name__
    raise blame.broken("start", f"makes a {kind} without all methods of providers.base.Provider")


def the_bundle(blame: Blame, found: object, sent: int) -> list[bool]:
    """Return which files of a bundle are staged."""
    outcomes = cast("list[object]", of_kind(blame, "stage_bundle", found, list))
    if len(outcomes) != sent:
        raise blame.broken("stage_bundle", f"answers for {len(outcomes)} files of {sent}")
    return [of_kind(blame, "stage_bundle", one, bool) for one in outcomes]


def the_checksums(blame: Blame, found: object, asked: int, algorithm: str) -> list[str | None]:
    """Return what is told of the staged files of a bundle."""
    told = cast("list[object]", of_kind(blame, "staged_checksums", found, list))
    if len(told) != asked:
        raise blame.broken("staged_checksums", f"answers for {len(told)} files of {asked}")
    return [the_checksum(blame, "staged_checksums", one, algorithm) for one in told]


class ListingOrder:
    """
    Holds a stranger's listing against its order, in which none comes twice: so each one ends.

    Those of our own are tried against real services, some of which have an order of their own.
    """

    def __init__(self, blame: Blame, after: str) -> None:
        self._blame = blame
        self._last = after

    def next(self, found: object) -> Listed:
        """Return the next file of a listing."""
        listed = of_kind(self._blame, "listing", found, Listed)
        path = listed.where.path
        if self._blame.terms.apart and path <= self._last:
            raise self._blame.broken("listing", f"has {path!r} after {self._last!r}")
        a_size(self._blame, "listing", listed.facts.size)
        self._last = path
        return listed


def the_features(blame: Blame, provider: Provider, found: object) -> Features:
    """
    Return what a site can do, as far as use is made of it.

    That is what its provider has methods for. Of one that is apart, its files are no files of
    this machine's for others, and it copies from no other: they run in other threads.
    """
    features = of_kind(blame, "features", found, Features)
    here = not blame.terms.apart
    return replace(
        features,
        transfers=max(1, features.transfers),
        bundle=max(1, features.bundle),
        bundles=features.bundles
        and hasattr(provider, "stage_bundle")
        and hasattr(provider, "staged_checksums"),
        local_paths=features.local_paths and here and isinstance(provider, DiskProvider),
        copies=features.copies and here and isinstance(provider, CopyingProvider),
        changes=features.changes and isinstance(provider, ChangingProvider),
        parts=features.parts and isinstance(provider, PartedProvider),
        space=features.space and isinstance(provider, SpaceProvider),
        copies_staged=features.copies_staged and isinstance(provider, StagedCopyProvider),
    )
