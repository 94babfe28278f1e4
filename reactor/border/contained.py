"""
A provider as everything above the border uses it: `providers.base.Provider`, and safe to call.

It has the methods of all optional protocols, too (`reactor.border.powers`); features tell which of
them hold.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, redirect_stdout
from functools import partial
from typing import Self

import structlog

from providers.base import (
    Facts,
    Features,
    FileError,
    Handle,
    Listed,
    Location,
    Marker,
    Provider,
    ProviderError,
    Reader,
    RevokedError,
    Sink,
    SiteError,
    Unlisted,
)
from reactor.border.answers import (
    ListingOrder,
    a_size,
    of_kind,
    some_of_kind,
    the_checksum,
    the_facts,
    the_features,
    the_handle,
    the_outcomes,
    the_provider,
)
from reactor.border.apart import Apart
from reactor.border.calls import SLOW_DISK
from reactor.border.carrying import Holding
from reactor.border.errors import Blame, Terms
from reactor.border.powers import Powers
from reactor.border.sent import WHOLE_FILE
from reactor.border.streams import ContainedReader, ContainedSink, Opened

log = structlog.stdlib.get_logger()

_PUBLISHED_TOGETHER = 100  # handles for which one timeout more is given
_LEAVING = 10.0


class Contained(Powers):
    """
    One site's provider behind the border. Made by `make`, and made anew if entering it fails.

    One that is apart is made where it runs, when it is entered: it has no features before.
    """

    def __init__(self, make: Callable[[], Provider], site: str, terms: Terms) -> None:
        self._make = make
        super().__init__(Blame(site, terms))
        self._features = Features()
        self._life: Holding[Provider]
        if not terms.apart:
            self._make_here()

    @property
    def features(self) -> Features:
        """What this site can do; final once the provider has been entered."""
        return self._features

    def stuck(self) -> SiteError | None:
        """Return what is to be told of a call that goes on although it was broken off."""
        return self._calls.stuck()

    @property
    def left_at_work(self) -> frozenset[str]:
        """The claims for which a call was left behind that may still do something."""
        return self._carrier.left_at_work

    async def __aenter__(self) -> Self:
        apart = self._blame.terms.apart
        if self._carrier.is_stuck:
            raise self._blame.stuck("login")
        if apart:
            self._carrier = Apart(f"provider of {self._blame.site}")
        self._carrier.start()
        try:
            if apart:
                self._inner = await self._ask("start", self._make_there, of_site=True)
            self._life = self._carrier.hold(lambda: self._inner)
            await self._calls.ask("login", self._life.open, of_site=True)
            found = await self._ask("features", self._told_features, of_site=True)
            self._features = the_features(self._blame, self._inner, found)
        except BaseException:
            self._carrier.stop()
            if not apart:
                self._make_here()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Leave the provider; what goes wrong with that is nobody's trouble any more."""
        if self._carrier.is_stuck:  # it would not hear of it
            self._carrier.stop()
            return
        less = min(0.0, _LEAVING - self._blame.terms.timeout)
        leave = partial(self._life.close, None)
        try:
            await self._calls.ask("logout", leave, more=less, of_site=True)
        except ProviderError as error:
            log.debug("left with an error", site=self._blame.site, why=str(error))
        finally:
            self._carrier.stop()

    # Facts and markers.

    async def marker(self, root: str) -> Marker | None:
        """Return the root's marker, or None where there is none."""
        found = await self._ask("marker", partial(self._inner.marker, root), of_site=True)
        return some_of_kind(self._blame, "marker", found, Marker)

    async def make_marker(self, root: str) -> Marker:
        """Make the root's marker, or return the one that is there."""
        found = await self._ask("make_marker", partial(self._inner.make_marker, root), of_site=True)
        return of_kind(self._blame, "make_marker", found, Marker)

    async def facts(self, where: Location) -> Facts | None:
        """Return what is told of a file, or None if there is none."""
        found = await self._ask("facts", partial(self._inner.facts, where))
        return None if found is None else the_facts(self._blame, "facts", found)

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        """Return `"algorithm:hex"` over the site's own bytes; None if it cannot tell."""
        more = self._sent.patience(where.claim) if isinstance(where, Handle) else WHOLE_FILE
        asked = partial(self._inner.checksum, where, algorithm)
        found = await self._ask("checksum", asked, more=more)
        return the_checksum(self._blame, "checksum", found, algorithm)

    # Streams.

    def read(self, where: Location, offset: int = 0) -> AbstractAsyncContextManager[Reader]:
        """Open a published file for reading from `offset`."""
        held = self._carrier.hold(partial(self._inner.read, where, offset))
        return Opened(self._calls, "read", held, partial(ContainedReader.opened, where, offset))

    def read_staged(self, handle: Handle) -> AbstractAsyncContextManager[Reader]:
        """Open staged bytes for reading back."""
        held = self._carrier.hold(partial(self._inner.read_staged, handle))
        outer = partial(ContainedReader.opened, handle.where, 0)
        return Opened(self._calls, "read_staged", held, outer)

    def write(self, handle: Handle, offset: int = 0) -> AbstractAsyncContextManager[Sink]:
        """Write staged bytes from `offset` on."""
        held = self._carrier.hold(partial(self._inner.write, handle, offset), handle.claim)
        outer = partial(ContainedSink.opened, offset, partial(self._sent.note, handle.claim))
        return Opened(self._calls, "write", held, outer)

    # Staged bytes.

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        """Make an empty staged file that nobody else has."""
        asked = partial(self._inner.stage, where, claim, size, mtime_ns)
        found = await self._ask("stage", asked, claim)
        return the_handle(self._blame, "stage", found, where, claim)

    async def staged_size(self, handle: Handle) -> int | None:
        """Return how many bytes are staged, or None if there is no such handle."""
        found = await self._ask("staged_size", partial(self._inner.staged_size, handle))
        return None if found is None else a_size(self._blame, "staged_size", found)

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take over staged bytes whose owner is known to be dead; the old handle is revoked."""
        asked = partial(self._inner.adopt, handle, claim)
        found = await self._ask("adopt", asked, claim, more=WHOLE_FILE)
        return the_handle(self._blame, "adopt", found, handle.where, claim)

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """
        Make staged bytes visible under their names.

        What is not known to have failed for one file raises `SiteError`: any of them may be
        published, or not.
        """
        claims = [handle.claim for handle, _ in handles]
        sent = [self._sent.size(claim) for claim in claims]
        more = len(handles) // _PUBLISHED_TOGETHER * self._blame.terms.timeout
        more += sum(size or 0 for size in sent) / SLOW_DISK
        asked = partial(self._inner.publish, handles)
        try:
            found = await self._ask("publish", asked, *claims, more=more, of_site=True)
        except (FileError, RevokedError) as error:
            if len(handles) > 1:
                raise self._blame.broken("publish", f"raises for all files: {error}") from error
            return [error]
        finally:
            for claim in claims:
                self._sent.forget(claim)
        outcomes = the_outcomes(self._blame, "publish", found, sent)
        if any(isinstance(outcome, Facts) for outcome in outcomes):
            self._blame.served()
        return outcomes

    async def revoke(self, handle: Handle) -> None:
        """Make every later `publish` of this handle fail."""
        self._sent.forget(handle.claim)
        await self._ask("revoke", partial(self._inner.revoke, handle), handle.claim)

    async def remove(self, where: Location) -> None:
        """Remove a published file; none there is no error."""
        await self._ask("remove", partial(self._inner.remove, where))

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        """List all published files below a folder, in order."""
        listing = partial(self._carrier.each, partial(self._inner.listing, root, folder, after))
        order = ListingOrder(self._blame, after)
        async for found in self._calls.each("listing", partial(listing, unlisted)):
            yield order.next(found)

    def _make_here(self) -> None:
        """Have a new provider, and what it says of itself before it is entered."""
        try:
            with redirect_stdout(sys.stderr):  # answers alone go to stdout
                self._inner = the_provider(self._blame, self._make())
            self._features = the_features(self._blame, self._inner, self._inner.features)
        except (Exception, SystemExit) as error:
            raise self._blame.told(error, "start", of_site=True) from error

    async def _make_there(self) -> Provider:
        return the_provider(self._blame, self._make())

    async def _told_features(self) -> object:
        return self._inner.features
