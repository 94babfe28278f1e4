"""Staged bytes: begun, written, taken over, published, revoked."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import anyio

from providers.base import (
    ChangedFileError,
    Facts,
    Handle,
    Location,
    ProviderError,
    RevokedError,
)
from providers.s3.connecting import Bucket
from providers.s3.parts import Budget, kept, size_of, whole_parts
from providers.s3.places import Places
from providers.s3.publishing import Publication
from providers.s3.sinks import PartSink
from providers.s3.uploads import Upload, Uploads

_PUBLISHED_AT_ONCE = 16
_WAITING = 48 * 1024 * 1024


class Staging:
    """The uploads of one site."""

    def __init__(self, places: Places, buckets: dict[str, Bucket]) -> None:
        self._places = places
        self._buckets = buckets
        self._uploads = Uploads()
        self._budget = Budget(_WAITING)

    async def make(self, where: Location, claim: str, size: int, mtime_ns: int | None) -> Handle:
        """Begin an upload; its handle's token is all that leads to it."""
        place = self._places.place(where)
        upload = Upload(self._buckets[place.bucket], place.key, claim, size, claim, mtime_ns)
        return await self._uploads.begin(where, upload)

    async def find(self, handle: Handle) -> Upload:
        """Return an upload that is open; `RevokedError` where it is not, or not the handle's."""
        place = self._places.place(handle.where)
        return await self._uploads.find(handle, self._buckets[place.bucket], place.key)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int) -> AsyncGenerator[PartSink]:
        """Write on from the end of a part; afterwards nothing of it is under way."""
        upload = await self.find(handle)
        parts = kept(upload.parts, offset)
        if size_of(parts) != offset:
            raise ChangedFileError(
                f"{handle.where} cannot be sent on from byte {offset}: no part of it ends there; "
                "it is sent again from the start"
            )
        upload.parts = {part.number: part for part in parts}
        sink = PartSink(handle, upload, self._budget)
        try:
            yield sink
            await sink.end()
        except BaseException:
            await sink.give_up()
            raise

    async def size(self, handle: Handle) -> int | None:
        """Return how many bytes the server has, or None where there is no such upload."""
        try:
            upload = await self.find(handle)
        except RevokedError:
            return None
        return size_of(whole_parts(upload.parts))

    async def goes_on_at(self, handle: Handle, within: int) -> int:
        """Return where writing may go on within so many bytes."""
        try:
            upload = await self.find(handle)
        except RevokedError:
            return 0
        return size_of(kept(upload.parts, within))

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        """Take an upload over: from now on it is the new claim's alone."""
        upload = await self.find(handle)
        upload.claim = claim
        return Handle(handle.where, claim, handle.token)

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        """Complete uploads, some at a time; the time was fixed when each was begun."""
        results: dict[int, Facts | ProviderError] = {}
        limit = anyio.CapacityLimiter(_PUBLISHED_AT_ONCE)

        async def publish(index: int, handle: Handle) -> None:
            async with limit:
                results[index] = await self._published(handle)

        async with anyio.create_task_group() as together:
            for index, (handle, _) in enumerate(handles):
                together.start_soon(publish, index, handle)
        return [results[index] for index in range(len(handles))]

    async def revoke(self, handle: Handle) -> None:
        """Abort an upload."""
        place = self._places.place(handle.where)
        await self._uploads.revoke(handle, self._buckets[place.bucket], place.key)

    async def _published(self, handle: Handle) -> Facts | ProviderError:
        try:
            return await Publication(handle, await self.find(handle)).facts()
        except ProviderError as error:
            return error
