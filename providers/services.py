"""
What some services do by themselves: copy between their sites, tell what happens, take parts.

All is optional. A provider says by `features.copies`, `features.changes` and `features.parts`
that it is one of these; above the border nobody asks what class it is.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from providers.base import Copied, Facts, Handle, Location, Provider, ProviderError


class CopyRefusedError(ProviderError):
    """The service does not make this copy after all: its bytes have to be sent."""


class HistoryLostError(ProviderError):
    """A token that the service does not know (any more): only a listing tells what happened."""


@runtime_checkable
class CopyingProvider(Provider, Protocol):
    """
    A provider with `features.copies`: bytes go from site to site without coming here.

    A copy is made under a claim, staged, verified and published as any other bytes are.
    """

    def copies_from(self, source: Provider) -> bool:
        """
        Return whether the service can copy files of `source`, and tells checksums of both ends.

        Asked once both are entered; answered at once, from what is known by then.
        """
        ...

    async def begin_copy(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """
        Make what `copy` fills, as `stage` makes what `write` fills: nobody else has it.

        Its handle is in the journal before the first byte is copied.
        """
        ...

    async def copy(
        self, source: Provider, facts: Facts, handle: Handle, progress: Callable[[int], None]
    ) -> Copied:
        """
        Fill staged bytes with those of the same location at `source`, whole and durable.

        Both checksums are of one algorithm, each told by the service of that end's own bytes
        after the copy; the caller compares them. `facts` are what `source` told before: raises
        `ChangedFileError` where they are not, or no longer, those of the file. Raises
        `CopyRefusedError` where the service turns out not to do it (not between these two, not
        of this size, no checksum of this file); the caller revokes the handle and sends the
        bytes. Raises `RevokedError` where the handle was revoked: a copy that is made in spite
        of it can never be published. `progress` is told bytes as they are copied.
        """
        ...


@runtime_checkable
class StagedCopyProvider(Provider, Protocol):
    """
    A provider with `features.copies_staged`: staged bytes are copied where they lie.

    So a claim goes on where its last owner came to who may only be slow, on a host that nobody
    can look at: what he still writes goes into his own file (DESIGN §5).
    """

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """
        Stage the first `size` bytes of what another owner staged once more, under a claim.

        Durable when it returns; the other's bytes stay as they are. Raises `RevokedError` where
        there are not as many. If it fails, nothing is staged for the claim.
        """
        ...


@dataclass(frozen=True, slots=True)
class Change:
    """
    Word that something happened: at a place, or to the file of an `id`; not what.

    `where` is a place below the root at which a file is, or was: it came, changed, or went. Of a
    `folder` all below it is meant. Where it is None, the file of this `id` (`Facts.id`) may be
    gone from wherever documents have it. `facts` spare a look where the service tells them;
    what seems to be gone or wrong is looked at again in any case.
    """

    where: Location | None = None
    id: str | None = None
    folder: bool = False
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """
    Some changes, in the order in which they happened, and the token to go on from.

    `unsure` says that more happened than could be placed: only a listing tells what.
    """

    changes: tuple[Change, ...]
    token: str
    unsure: bool = False


@runtime_checkable
class ChangingProvider(Provider, Protocol):
    """
    A provider with `features.changes`: its service tells what others do there.

    What SiteSync itself publishes and removes may be told, too; what is staged is not. A change
    may be told twice, late, or when it is over; none that is below the root is left out.
    """

    async def changes_now(self, root: str) -> str:
        """Return a token for this moment: what happens from now on is told after it."""
        ...

    def changes(self, root: str, since: str) -> AsyncIterator[Changes]:
        """
        Yield what happened below a root since a token; ends when there is no more now.

        At least one batch comes, so that the token moves on; each token holds for another
        process, later, too. Raises `HistoryLostError` where the service cannot tell.
        """
        ...


@runtime_checkable
class PartedProvider(Provider, Protocol):
    """A provider with `features.parts`: what is staged there can be cut between parts only."""

    async def goes_on_at(self, handle: Handle, within: int) -> int:
        """
        Return where writing may go on: the end of a staged part, as far as possible.

        It lies within the first `within` bytes; 0 where there is no such handle.
        """
        ...
