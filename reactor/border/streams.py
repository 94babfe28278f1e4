"""
Files being read and written across the border.

One cancel scope spans an open stream, and bounds only the calls into the provider: what the
one who reads or writes does meanwhile may take any time. So a provider may hold scopes and
tasks of its own for as long as its stream is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anyio
import structlog

from providers.base import ChangedFileError, Facts, Location, Reader, Sink
from reactor.border.answers import of_kind, the_facts
from reactor.border.calls import SLOW_LINE, Calls
from reactor.border.carrying import Holding
from reactor.border.errors import leaf

log = structlog.stdlib.get_logger()

T = TypeVar("T")
Inner = TypeVar("Inner")
Outer = TypeVar("Outer")

_END = object()
_EMPTY_ONES = 1000


class Line:
    """One open stream: its calls, of which the first to be overdue ends all that it is used for."""

    def __init__(self, calls: Calls, held: Holding[Any]) -> None:
        self.calls = calls
        self.scope = anyio.CancelScope()
        self.overdue = ""  # what was asked for in vain
        self._ask = held.ask

    async def ask(self, what: str, act: Callable[[], Awaitable[T]], *, more: float = 0.0) -> T:
        """Return what a call returns; it may take `more` seconds than the site's timeout."""
        return await self.told(what, partial(self._ask, act), more)

    async def told(self, what: str, act: Callable[[], Awaitable[T]], more: float = 0.0) -> T:
        """Return what is awaited; whatever it raises comes out as what callers know."""
        try:
            return await self.bounded(what, act, more)
        except BaseException as error:
            told = self.calls.blame.told(error, what, of_site=False)
            if told is error:
                raise
            raise told from error

    async def bounded(self, what: str, act: Callable[[], Awaitable[T]], more: float = 0.0) -> T:
        """Return what is awaited, in time or not at all."""
        call = self.calls.begin(what, self.scope, more)
        try:
            return await act()
        finally:
            self.calls.end(call)
            if call.is_overdue and not self.overdue:
                self.overdue = what


class Opened(AbstractAsyncContextManager[Outer], Generic[Inner, Outer]):
    """A stream of a provider while it is open, as callers see it."""

    def __init__(
        self,
        calls: Calls,
        what: str,
        held: Holding[Inner],
        outer: Callable[[Line, Inner], Awaitable[Outer]],
    ) -> None:
        self._line = Line(calls, held)
        self._what = what
        self._held = held
        self._outer = outer
        self._stream: Outer | None = None

    async def __aenter__(self) -> Outer:
        self._line.scope.__enter__()
        try:
            inner = await self._line.told(self._what, self._held.open)
            try:
                self._stream = await self._outer(self._line, inner)
            except BaseException as error:
                await self._close(error)
                raise
        except BaseException as error:
            self._leave(error)
            raise
        return self._stream

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        raised = error
        try:
            await self._close(error)
        except BaseException as other:  # noqa: BLE001 - it is raised below, unless it was there before
            raised = self._which(error, other)
        self._leave(raised)
        if raised is not None and raised is not error:
            raise raised
        return False  # whatever the provider thinks of it: it is not its business

    async def _close(self, error: BaseException | None) -> None:
        more = self._stream.on_its_way if isinstance(self._stream, ContainedSink) else 0.0
        await self._line.bounded(f"end of {self._what}", partial(self._held.close, error), more)

    def _which(self, error: BaseException | None, other: BaseException) -> BaseException:
        """Return what is to be raised where closing has raised something, maybe what it was given."""
        if error is not None and (
            leaf(other) is error or isinstance(error, asyncio.CancelledError)
        ):
            if leaf(other) is not error and not isinstance(other, asyncio.CancelledError):
                log.debug("closed with an error", call=self._what, why=str(other)[:200])
            return error
        told = self._line.calls.blame.told(other, self._what, of_site=False)
        if told is not other:
            told.__cause__ = other
        return told

    def _leave(self, error: BaseException | None) -> None:
        """Leave the scope; raises where it was left because something was asked for in vain."""
        trace = error.__traceback__ if error else None
        self._line.scope.__exit__(type(error) if error else None, error, trace)
        if self._line.scope.cancelled_caught:
            raise self._line.calls.blame.silent(self._line.overdue) from None


class ContainedReader:
    """A file being read: no byte more than it has, and nothing but bytes."""

    def __init__(
        self, line: Line, inner: Reader, facts: Facts, begins: tuple[Location, int]
    ) -> None:
        self._line = line
        self._blame = line.calls.blame
        self._inner = inner
        self._facts = facts
        self._where, self._offset = begins

    @classmethod
    async def opened(cls, where: Location, offset: int, line: Line, inner: Reader) -> Self:
        """Return a reader of a file that has been opened at an offset."""

        async def told() -> object:
            return inner.facts

        facts = the_facts(line.calls.blame, "read", await line.ask("read", told))
        return cls(line, inner, facts, (where, offset))

    @property
    def facts(self) -> Facts:
        """Return size and time as they were when the file was opened."""
        return self._facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks: AsyncIterator[object] | None = None

        async def next_one() -> object:
            nonlocal chunks
            chunks = chunks or aiter(self._inner)
            return await anext(chunks, _END)

        position, empty_ones = self._offset, 0
        while True:
            chunk = await self._line.ask("read", next_one)
            if chunk is _END:
                return
            chunk = of_kind(self._blame, "read", chunk, bytes)
            position += len(chunk)
            empty_ones = 0 if chunk else empty_ones + 1
            if empty_ones > _EMPTY_ONES:
                raise self._blame.broken("read", "yields nothing, again and again")
            if position > self._facts.size:
                raise ChangedFileError(
                    f"{self._where} at {self._blame.site!r} yields more than the "
                    f"{self._facts.size} bytes that it was said to have; it is read again"
                )
            yield chunk

    async def unchanged(self) -> bool:
        """Return whether the file still has the facts it was opened with."""
        found: object = await self._line.ask("unchanged", self._inner.unchanged)
        self._blame.served()
        return of_kind(self._blame, "unchanged", found, bool)


class ContainedSink:
    """Staged bytes being written. What is on its way to the far side may take its time."""

    def __init__(self, line: Line, inner: Sink, offset: int, ended: Callable[[int], None]) -> None:
        self._line = line
        self._inner = inner
        self._position = offset
        self._flushed = offset
        self._ended = ended

    @classmethod
    async def opened(
        cls, offset: int, ended: Callable[[int], None], line: Line, inner: Sink
    ) -> Self:
        """Return a sink that has been opened at an offset; `ended` is told where each write ends."""
        return cls(line, inner, offset, ended)

    @property
    def on_its_way(self) -> float:
        """Return the seconds that a slow line takes for what may be on its way."""
        return (self._position - self._flushed) / SLOW_LINE

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; may return before it reached the far side."""
        self._position += len(chunk)
        await self._line.ask("write", lambda: self._inner.write(chunk), more=self.on_its_way)
        self._ended(self._position)

    async def flush(self) -> None:
        """Return when all that was written is at the far side, on disk where it promises that."""
        position = self._position
        await self._line.ask("flush", self._inner.flush, more=self.on_its_way)
        self._flushed = max(self._flushed, position)
