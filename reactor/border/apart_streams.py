"""Streams of a provider that is apart: each call is an order to the task that has them open."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

from providers.base import Facts, Reader, Sink
from reactor.border.thread import Held, Thread

Iterate = Callable[[Callable[[object], None]], AsyncIterator[object]]

_TOGETHER = 256
_PATIENCE = 0.05
_END = object()


class ReaderApart:
    """A file being read there."""

    def __init__(self, thread: Thread, held: Held[Reader], inner: Reader) -> None:
        self._thread = thread
        self._held = held
        self._inner = inner

    @property
    def facts(self) -> Facts:
        """Return size and time as of opening."""
        return self._inner.facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        while True:
            chunk = await self._held.ask(self._thread, lambda: anext(chunks, None))
            if chunk is None:
                return
            yield chunk

    async def unchanged(self) -> bool:
        """Return whether the file still has the facts it was opened with."""
        return await self._held.ask(self._thread, self._inner.unchanged)


class SinkApart:
    """Staged bytes being written there."""

    def __init__(
        self,
        thread: Thread,
        held: Held[Sink],
        flush: Callable[[Sink], Awaitable[None]],
        inner: Sink,
    ) -> None:
        self._thread = thread
        self._held = held
        self._flush = flush
        self._inner = inner

    async def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        await self._held.ask(self._thread, lambda: self._inner.write(chunk))

    async def flush(self) -> None:
        """Return when all that was written is at the far side."""
        await self._flush(self._inner)


class Batches:
    """What an iterator yields, and what is told meanwhile, in this order, some at a time."""

    def __init__(self, iterate: Iterate) -> None:
        self._told: list[object] = []
        self._iterator = iterate(self._told.append)
        self._is_over = False

    async def next(self) -> list[object]:
        """Return the next ones; none where there are no more."""
        batch: list[object] = []
        until = monotonic() + _PATIENCE
        while not self._is_over and len(batch) < _TOGETHER and (not batch or monotonic() < until):
            found = await anext(self._iterator, _END)
            batch += self._told
            self._told.clear()
            self._is_over = found is _END
            if not self._is_over:
                batch.append(found)
        return batch

    async def close(self) -> None:
        """Iterate no more."""
        if isinstance(self._iterator, AsyncGenerator):
            await self._iterator.aclose()


@asynccontextmanager
async def iterating(iterate: Iterate) -> AsyncGenerator[Batches]:
    """Yield the batches of an iterator, which is closed afterwards."""
    batches = Batches(iterate)
    try:
        yield batches
    finally:
        await batches.close()
