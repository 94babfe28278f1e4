"""A site that stages by uploads: known by a token only, hashed by the service once they are whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from uuid import uuid4

from providers.base import (
    Facts,
    Features,
    Handle,
    Location,
    ProviderError,
    RevokedError,
    Setup,
)
from providers.checksums import checksum_of
from providers.memory import Memory, MemoryOptions
from providers.memory.streams import MemorySink

Occasion = Callable[[], Awaitable[None]]


class Upload(NamedTuple):
    """What a token leads to."""

    where: Location
    claim: str


@dataclass
class Faults:
    """What goes wrong at the service: damaged and dropped once, and what happens right after."""

    damages: bool = False
    drops: bool = False
    staged: Occasion | None = None
    published: Occasion | None = None


class DroppedSink(MemorySink):
    """An upload that ends in its middle."""

    async def write(self, chunk: bytes) -> None:  # noqa: ARG002 - nothing is taken any more
        raise RevokedError("the service knows nothing of this upload any more")


@dataclass
class Service:
    """What all providers of one service share."""

    store: str = field(default_factory=lambda: uuid4().hex)
    uploads: dict[str, Upload] = field(default_factory=dict[str, Upload])
    faults: Faults = field(default_factory=Faults)

    def provider(self) -> UploadSite:
        """Return one more provider of the site."""
        return UploadSite(self)


class UploadSite(Memory):
    """Memory, as a service with upload sessions shows it."""

    features = Features(
        derived_handles=False,
        durable=False,
        checksums=frozenset({"md5"}),
        published_checksum="md5",
        reads_staged=False,
        cuts_staged=False,
        mtime_resolution_ns=1,
    )

    def __init__(self, service: Service) -> None:
        super().__init__(Setup("vendor", {"work": "/"}, MemoryOptions(store=service.store)))
        self._service = service

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        handle = await super().stage(where, claim, size, mtime_ns)
        token = uuid4().hex
        self._service.uploads[token] = Upload(where, claim)
        if self._service.faults.staged:
            await self._service.faults.staged()
        return replace(handle, token=token)

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[MemorySink]:
        assert offset == await self.staged_size(handle)
        async with super().write(handle, offset) as sink:
            if self._service.faults.drops:
                self._service.faults.drops = False
                await self.revoke(handle)
                yield DroppedSink(bytearray())
            else:
                yield sink

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        adopted = await super().adopt(handle, claim)
        self._service.uploads[handle.token] = Upload(handle.where, claim)
        return replace(adopted, token=handle.token)

    async def revoke(self, handle: Handle) -> None:
        upload = self._service.uploads.pop(handle.token, None)
        if upload is not None:
            await super().revoke(Handle(upload.where, upload.claim))

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        return None if isinstance(where, Handle) else await super().checksum(where, algorithm)

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        faults = self._service.faults
        if faults.damages:
            faults.damages = False
            self._bytes(handles[0][0])[0] ^= 1
        results = await super().publish(handles)
        if faults.published:
            await faults.published()
        return [
            replace(result, checksum=checksum_of("md5", [self._file(handle.where).content]))
            if isinstance(result, Facts)
            else result
            for (handle, _), result in zip(handles, results, strict=True)
        ]
