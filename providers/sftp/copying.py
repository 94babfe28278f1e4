"""
Copies that the server makes by itself, by `copy-data`, between two sites on one server.

Both files are opened by the destination's login. That it sees the source's own folder there, and
not another one of the same name, is proved by the marker of the source's root.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import anyio

from providers.base import ChangedFileError, Facts, Handle, Marker, ProviderError
from providers.services import CopyRefusedError
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.errors import explained, is_missing, missing, translated
from providers.sftp.folders import Folders
from providers.sftp.markers import read_marker
from providers.sftp.packets import Code, Mode, StatusError
from providers.sftp.places import Place
from providers.sftp.publishing import revoked
from providers.sftp.staging import Staging
from providers.sftp.streams import OpenFile, facts_of

_AT_ONCE = 64 * 1024 * 1024  # while the server copies, nothing else is served on the connection


@dataclass(frozen=True, slots=True)
class Original:
    """A file of another site on this server: where it lies, and what that site tells of it."""

    site: str
    place: Place
    marker: Marker | None
    facts: Facts


class Copying:
    """Fills staged files of one site from files of its neighbours."""

    def __init__(self, site: str, staging: Staging) -> None:
        self._site = site
        self._staging = staging
        self._seen: set[tuple[bytes, Marker | None]] = set()
        self._folders: dict[str, Folders] = {}

    async def fill(
        self, original: Original, handle: Handle, progress: Callable[[int], None]
    ) -> None:
        """Return when staged bytes are those of an original, and on disk where that is offered."""
        file = await self._staging.opened(handle, 0)
        source: bytes | None = None
        try:
            source = await self._open(file.channel, original)
            await self._copy(file, source, original, handle, progress)
        finally:
            if source is not None and file.channel.alive:
                file.channel.send(requests.close(source))
            file.let_go()

    async def copy_staged(self, handle: Handle, claim: str, size: int) -> Handle:
        """Stage the first bytes of what another claim has staged once more."""
        new = await self._staging.make(handle.where, claim)
        try:
            file = await self._staging.opened(new, 0)
            try:
                await self._copy_begun(file, handle, size)
            finally:
                await file.close()
        except BaseException:
            with anyio.CancelScope(shield=True), suppress(ProviderError):
                await self._staging.revoke(new)
            raise
        return new

    async def _copy_begun(self, file: OpenFile, handle: Handle, size: int) -> None:
        channel, path = file.channel, self._staging.path(handle)
        async with explained(channel, self._site, handle, self._staging.folder(handle)):
            try:
                source = await channel.open(requests.open_file(path, Mode.READ))
            except StatusError as error:
                if is_missing(error):
                    raise revoked(handle) from error
                raise
            if facts_of(await channel.ask(requests.fstat(source))).size < size:
                raise revoked(handle)
            for start in range(0, size, _AT_ONCE):
                part = requests.Part(source, start, min(_AT_ONCE, size - start))
                await channel.ask(requests.copy_data(part, file.handle))
            channel.send(requests.close(source))
            if requests.FSYNC in channel.extensions:
                await channel.ask(requests.fsync(file.handle))
            if facts_of(await channel.ask(requests.fstat(file.handle))).size != size:
                raise revoked(handle)

    async def _open(self, channel: Channel, original: Original) -> bytes:
        """Open the original for reading on the connection that has the staged file open."""
        await self._see_root(channel, original)
        folders = self._folders.setdefault(original.site, Folders(original.site))
        place = original.place
        if await folders.look(channel, place) is None:
            raise missing(original.site, place.where)
        try:
            source = await channel.open(requests.open_file(place.path, Mode.READ))
            found = facts_of(await channel.ask(requests.fstat(source)))
        except StatusError as error:
            raise translated(original.site, place.where, error) from error
        if found != original.facts:
            channel.send(requests.close(source))
            raise _changed(original)
        return source

    async def _see_root(self, channel: Channel, original: Original) -> None:
        """Refuse a source whose folder this login does not see at its path."""
        place, marker = original.place, original.marker
        if (place.root, marker) in self._seen:
            return
        try:
            found = await read_marker(channel, self._site, place.marker)
        except ProviderError:
            found = None
        if marker is None or found is None or found.id != marker.id:
            raise CopyRefusedError(
                f"site {self._site!r} does not see the folder of site {original.site!r}"
            )
        self._seen.add((place.root, marker))

    async def _copy(
        self,
        file: OpenFile,
        source: bytes,
        original: Original,
        handle: Handle,
        progress: Callable[[int], None],
    ) -> None:
        channel, size = file.channel, original.facts.size
        async with explained(channel, self._site, handle, self._staging.folder(handle)):
            for start in range(0, size, _AT_ONCE):
                length = min(_AT_ONCE, size - start)
                part = requests.Part(source, start, length)
                await self._copy_part(channel, part, file.handle)
                progress(length)
            if requests.FSYNC in channel.extensions:
                await channel.ask(requests.fsync(file.handle))
            staged = facts_of(await channel.ask(requests.fstat(file.handle)))
        if staged.size != size or not await self._is_unchanged(channel, original):
            raise _changed(original)

    async def _copy_part(self, channel: Channel, part: requests.Part, to: bytes) -> None:
        try:
            await channel.ask(requests.copy_data(part, to))
        except StatusError as error:
            if error.code == Code.OP_UNSUPPORTED:
                raise CopyRefusedError(f"the server of {self._site!r} does not copy") from error
            if error.code != Code.EOF:  # it became shorter, which its size tells
                raise

    async def _is_unchanged(self, channel: Channel, original: Original) -> bool:
        try:
            found = facts_of(await channel.ask(requests.stat(original.place.path)))
        except StatusError:
            return False
        return found == original.facts


def _changed(original: Original) -> ChangedFileError:
    return ChangedFileError(
        f"{original.place.where} at site {original.site!r} changed while it was copied; "
        "it is copied again once it is at rest"
    )
