"""
The one step that makes staged bytes visible, and what to say where it fails.

With `posix-rename@openssh.com` that is one request, sent right behind those that set the
time and look at the file. Without it, a plain rename serves names that are free; a name
that is taken has to be removed first, which `features.atomic_replace` tells beforehand.
"""

from __future__ import annotations

from typing import Self

from providers.base import (
    Facts,
    Handle,
    PermanentFileError,
    ProviderError,
    RevokedError,
)
from providers.sftp import requests
from providers.sftp.channel import Channel, Pending
from providers.sftp.errors import explained, is_missing
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.places import Place
from providers.sftp.streams import facts_of, seconds


class Publication:
    """One staged file on its way to its name."""

    def __init__(self, site: str, channel: Channel, handle: Handle, place: Place) -> None:
        self._site = site
        self._channel = channel
        self._handle = handle
        self._place = place
        self._staged = place.staged(handle.claim)
        self._looked: Pending[Attributes] | None = None
        self._renamed: Pending[None] | None = None

    def start(self, mtime_ns: int | None) -> Self:
        """Send all requests; the server serves them in this order."""
        if mtime_ns is not None:
            # A server that sets no times still publishes: the facts tell which one it has.
            self._channel.send(requests.set_time(self._staged, seconds(mtime_ns)))
        self._looked = self._channel.send(requests.lstat(self._staged))
        if requests.POSIX_RENAME in self._channel.extensions:
            request = requests.posix_rename(self._staged, self._place.path)
            self._renamed = self._channel.send(request)
        return self

    async def outcome(self) -> Facts | ProviderError:
        """Return the facts of the published file, or why it was not published."""
        try:
            await self._carry_out()
            return facts_of(await self._facts())
        except StatusError as error:
            return await self._why(error)

    async def _carry_out(self) -> None:
        if self._renamed is not None:
            await self._renamed.result()
        elif self._looked is not None:
            await self._looked.result()  # what was revoked must not cost the old file
            await self._rename_plainly()

    async def _rename_plainly(self) -> None:
        rename = requests.rename(self._staged, self._place.path)
        try:
            await self._channel.ask(rename)
        except StatusError as error:
            if is_missing(error):
                raise
            await self._channel.ask(requests.remove(self._place.path))
            await self._channel.ask(rename)

    async def _facts(self) -> Attributes:
        """Return what the staged file was; a server that does not keep the order is asked again."""
        try:
            if self._looked is not None:
                return await self._looked.result()
        except StatusError:
            pass
        return await self._channel.ask(requests.lstat(self._place.path))

    async def _why(self, error: StatusError) -> ProviderError:
        where = self._handle.where
        if is_missing(error):
            return revoked(self._handle)
        if await self._is_folder():
            return PermanentFileError(
                f"site {self._site!r} has a folder named {where}; move it away, then retry"
            )
        try:
            async with explained(self._channel, self._site, where, self._place.folder):
                raise error
        except ProviderError as told:
            return told

    async def _is_folder(self) -> bool:
        try:
            return (await self._channel.ask(requests.lstat(self._place.path))).is_folder
        except StatusError:
            return False


def revoked(handle: Handle) -> RevokedError:
    """Return the error for staged bytes that are not there any more."""
    return RevokedError(f"what claim {handle.claim} staged for {handle.where} is gone")
