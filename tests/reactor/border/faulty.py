"""A provider of which any call can be made to do anything; it needs `providers` alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar, cast

from providers.base import (
    Facts,
    Handle,
    Listed,
    Location,
    Marker,
    Provider,
    ProviderError,
    Reader,
    Sink,
    Unlisted,
)

T = TypeVar("T")
Fault = Callable[[], Awaitable[Any]]


class Faulty:
    """Does what another does, except where `faults` has something else for a call."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.faults: dict[str, Fault] = {}
        self.features: Any = inner.features

    async def _do(self, call: str, act: Callable[[], Awaitable[T]]) -> T:
        return cast("T", await self.faults.get(call, act)())

    async def __aenter__(self) -> Self:
        await self._do("login", self.inner.__aenter__)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._do("logout", lambda: self.inner.__aexit__(*exc))

    async def marker(self, root: str) -> Marker | None:
        return await self._do("marker", lambda: self.inner.marker(root))

    async def make_marker(self, root: str) -> Marker:
        return await self._do("make_marker", lambda: self.inner.make_marker(root))

    async def facts(self, where: Location) -> Facts | None:
        return await self._do("facts", lambda: self.inner.facts(where))

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[Reader]:
        await self._do("read", _nothing)
        async with self.inner.read(where, offset) as reader:
            yield _FaultyReader(self, reader)
            await self._do("read end", _nothing)

    @asynccontextmanager
    async def read_staged(self, handle: Handle) -> AsyncGenerator[Reader]:
        await self._do("read_staged", _nothing)
        async with self.inner.read_staged(handle) as reader:
            yield _FaultyReader(self, reader)

    async def stage(
        self, where: Location, claim: str, size: int, mtime_ns: int | None = None
    ) -> Handle:
        return await self._do("stage", lambda: self.inner.stage(where, claim, size, mtime_ns))

    @asynccontextmanager
    async def write(self, handle: Handle, offset: int = 0) -> AsyncGenerator[Sink]:
        await self._do("write", _nothing)
        async with self.inner.write(handle, offset) as sink:
            yield _FaultySink(self, sink)
            await self._do("write end", _nothing)

    async def staged_size(self, handle: Handle) -> int | None:
        return await self._do("staged_size", lambda: self.inner.staged_size(handle))

    async def adopt(self, handle: Handle, claim: str) -> Handle:
        return await self._do("adopt", lambda: self.inner.adopt(handle, claim))

    async def checksum(self, where: Location | Handle, algorithm: str) -> str | None:
        return await self._do("checksum", lambda: self.inner.checksum(where, algorithm))

    async def publish(
        self, handles: Sequence[tuple[Handle, int | None]]
    ) -> Sequence[Facts | ProviderError]:
        return await self._do("publish", lambda: self.inner.publish(handles))

    async def revoke(self, handle: Handle) -> None:
        await self._do("revoke", lambda: self.inner.revoke(handle))

    async def remove(self, where: Location) -> None:
        await self._do("remove", lambda: self.inner.remove(where))

    async def listing(
        self,
        root: str,
        folder: str = "",
        after: str = "",
        unlisted: Callable[[Unlisted], None] | None = None,
    ) -> AsyncIterator[Listed]:
        async for file in self.inner.listing(root, folder, after, unlisted):
            yield file
            await self._do("listing", _nothing)


class _FaultyReader:
    def __init__(self, owner: Faulty, inner: Reader) -> None:
        self._owner = owner
        self._inner = inner

    @property
    def facts(self) -> Facts:
        return self._inner.facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._inner:
            told: Any = await self._owner._do("chunk", _nothing)
            yield chunk if told is None else told
            if told is not None:
                async for more in _again(told):
                    yield more

    async def unchanged(self) -> bool:
        return await self._owner._do("unchanged", self._inner.unchanged)


class _FaultySink:
    def __init__(self, owner: Faulty, inner: Sink) -> None:
        self._owner = owner
        self._inner = inner

    async def write(self, chunk: bytes) -> None:
        await self._owner._do("sink write", lambda: self._inner.write(chunk))

    async def flush(self) -> None:
        await self._owner._do("flush", self._inner.flush)


async def _nothing() -> None:
    return None


async def _again(told: Any) -> AsyncIterator[Any]:
    while True:
        yield told
