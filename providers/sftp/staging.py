"""Staged bytes on the server: made, written, taken over, published, revoked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio

from providers.base import (
    ChangedFileError,
    Facts,
    FileError,
    Handle,
    Location,
    MissingFileError,
    ProviderError,
)
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.errors import explained, is_missing, translated
from providers.sftp.folders import Folders
from providers.sftp.packets import Mode, StatusError
from providers.sftp.places import Place, Places
from providers.sftp.pool import Pool
from providers.sftp.publishing import Publication, revoked
from providers.sftp.streams import FileSink, OpenFile, facts_of, open_on
from providers.sftp.syncing import FolderSync

_TOGETHER = 64


class Staging:
    """
    The staged files of one site.

    A file that was just staged stays open for the write that follows: that saves each
    small file two round trips.
    """

    def __init__(self, site: str, pool: Pool, places: Places, folders: Folders) -> None:
        self._site = site
        self._pool = pool
        self._places = places
        self._folders = folders
        self._sync: FolderSync | None = None
        self._open: dict[bytes, OpenFile] = {}

    def make_durable(self) -> None:
        """Bring folders to disk too, from now on: the server can."""
        self._sync = FolderSync()

    def path(self, handle: Handle) -> bytes:
        """Return the path of staged bytes."""
        return self._places.place(handle.where).staged(handle.claim)

    def folder(self, handle: Handle) -> bytes:
        """Return the path of the folder that staged bytes are in."""
        return self._places.place(handle.where).folder

    async def make(self, where: Location, claim: str) -> Handle:
        """Make a staged file that was not there before."""
        place = self._places.place(where)
        path = place.staged(claim)
        try:
            file = await self._created(place, path)
        except MissingFileError:  # a folder is gone since it was seen
            self._folders.forget(place)
            file = await self._created(place, path)
        self._open[path] = file
        return Handle(where, claim)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int) -> AsyncGenerator[FileSink]:
        """Write staged bytes from an offset on; afterwards nothing of it is under way."""
        place = self._places.place(handle.where)
        file = await self.opened(handle, offset)
        sink = FileSink(self._site, handle, file, place.folder)
        sink.offset = offset
        try:
            yield sink
            await sink.end()
        except BaseException:
            await sink.give_up()
            raise

    async def opened(self, handle: Handle, offset: int) -> OpenFile:
        """Return staged bytes open for writing, cut at an offset."""
        file = self._open.pop(self.path(handle), None)
        if file is not None and file.channel.alive and offset == 0:
            return file
        await _close(file)
        try:
            file = await open_on(self._pool, requests.open_file(self.path(handle), Mode.WRITE))
        except StatusError as error:
            raise self._gone(handle, error) from error
        try:
            await self._cut(handle, file, offset)
        except BaseException:
            with anyio.CancelScope(shield=True):
                await _close(file)
            raise
        return file

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Rename staged bytes to a claim's own name."""
        await self._forget(handle)
        new = Handle(handle.where, claim)
        request = requests.rename(self.path(handle), self.path(new))
        async with self._pool.channel() as channel:
            try:
                await channel.ask(request)
            except StatusError as error:
                raise self._gone(handle, error) from error
        return new

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Give staged bytes their final names."""
        results: list[Facts | ProviderError] = []
        async with self._pool.channel() as channel:
            for start in range(0, len(handles), _TOGETHER):
                results += await self._publish_some(channel, handles[start : start + _TOGETHER])
            await self._to_disk(channel, handles, results)
        return results

    async def _publish_some(
        self, channel: Channel, handles: Sequence[tuple[Handle, int | None]]
    ) -> list[Facts | ProviderError]:
        """Publish some files; all requests go out before the first answer is awaited."""
        for handle, _ in handles:
            await self._forget(handle)
        refused = await self._refused(channel, [handle for handle, _ in handles])
        under_way = [
            refused.get(place.folder)
            or Publication(self._site, channel, handle, place).start(mtime_ns)
            for handle, mtime_ns in handles
            for place in (self._places.place(handle.where),)
        ]
        return [await one.outcome() if isinstance(one, Publication) else one for one in under_way]

    async def revoke(self, handle: Handle) -> None:
        """Remove staged bytes; none there is no error."""
        await self._forget(handle)
        async with self._pool.channel() as channel:
            try:
                await channel.ask(requests.remove(self.path(handle)))
            except StatusError as error:
                if not is_missing(error):
                    raise translated(self._site, handle, error) from error

    async def _created(self, place: Place, path: bytes) -> OpenFile:
        mode = Mode.WRITE | Mode.CREATE | Mode.EXCLUSIVE
        async with self._pool.channel() as channel:
            await self._folders.make(channel, place)
            look = self._folders.begin(channel, place)
            async with explained(channel, self._site, place.where, place.folder):
                try:
                    file = await open_on(self._pool, requests.open_file(path, mode))
                except StatusError:
                    if await _is_there(channel, path):
                        raise FileError(f"{place.where} is staged for this claim already") from None
                    raise
            try:
                await self._folders.finish(look)
            except BaseException:  # not least where the final name is a link out of the root
                with anyio.CancelScope(shield=True):
                    await _close(file)
                    await _remove(channel, path)
                raise
        return file

    async def _cut(self, handle: Handle, file: OpenFile, offset: int) -> None:
        try:
            size = facts_of(await file.channel.ask(requests.fstat(file.handle))).size
            if size > offset:
                await file.channel.ask(requests.truncate(file.handle, offset))
        except StatusError as error:
            raise translated(self._site, handle, error) from error
        if size < offset:
            raise ChangedFileError(
                f"only {size} bytes of {handle.where} are staged at site {self._site!r}, "
                f"not {offset}; it is sent again from the start"
            )

    async def _forget(self, handle: Handle) -> None:
        await _close(self._open.pop(self.path(handle), None))

    async def _refused(self, channel: Channel, handles: Sequence[Handle]) -> dict[bytes, FileError]:
        """Look at the folders once more, and return those that now lead out of their root."""
        refused: dict[bytes, FileError] = {}
        places = [self._places.place(handle.where) for handle in handles]
        for folder, place in {place.folder: place for place in places}.items():
            try:
                await self._folders.confirm(channel, place)
            except FileError as error:
                refused[folder] = error
        return refused

    async def _to_disk(
        self,
        channel: Channel,
        handles: Sequence[tuple[Handle, int | None]],
        results: Sequence[Facts | ProviderError],
    ) -> None:
        if self._sync is None:
            return
        published = zip(handles, results, strict=True)
        places = [handle.where for (handle, _), result in published if isinstance(result, Facts)]
        for folder in {self._places.place(where).folder for where in places}:
            async with explained(channel, self._site, places[0], folder):
                await self._sync.sync(channel, folder)

    def _gone(self, handle: Handle, error: StatusError) -> ProviderError:
        return revoked(handle) if is_missing(error) else translated(self._site, handle, error)


async def _close(file: OpenFile | None) -> None:
    """Close a file through which nothing was written that anybody was promised."""
    try:
        if file is not None:
            await file.close()
    except (StatusError, ProviderError):
        return


async def _remove(channel: Channel, path: bytes) -> None:
    """Remove a staged file that was just made; what cannot be removed is revoked by its claim."""
    try:
        await channel.ask(requests.remove(path))
    except (StatusError, ProviderError):
        return


async def _is_there(channel: Channel, path: bytes) -> bool:
    try:
        await channel.ask(requests.lstat(path))
    except StatusError:
        return False
    return True
