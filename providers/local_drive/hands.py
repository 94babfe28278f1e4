"""
A few processes that stage and publish bundles of small files, started when there are many.

Threads that make sixteen short calls a file contend with everything else for the
interpreter; what a process of its own does costs the reactor one line to write and one to
read. What a process cannot do is left to who asked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import suppress
from typing import Any

import anyio
import structlog
from anyio import CancelScope, CapacityLimiter, EndOfStream, IncompleteRead
from anyio.abc import ByteReceiveStream, ByteSendStream, Process
from anyio.streams.buffered import BufferedByteReceiveStream

from providers.folders.hand import Order

log = structlog.stdlib.get_logger()

_LINE = 16 * 1024 * 1024
_ENDED = (
    OSError,
    EndOfStream,
    IncompleteRead,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
)


class Hands:
    """So many processes at a time; those that wait for orders are used again."""

    def __init__(self, count: int) -> None:
        self._limiter = CapacityLimiter(count)
        self._idle: list[_Hand] = []

    async def carry_out(self, order: Order) -> list[Any] | None:
        """
        Return the answer to an order; None where a process could not give one.

        Once it has begun, cancelling waits for its end. After None, some of it may have been
        done, and nobody is at it any more.
        """
        answer: list[Any] | None = None
        async with self._limiter:
            with CancelScope(shield=True):
                answer = await self._carry_out(order)
        return answer

    async def _carry_out(self, order: Order) -> list[Any] | None:
        try:
            hand = self._idle.pop() if self._idle else await _Hand.start()
        except OSError as error:
            log.debug("no process to copy with", why=str(error))
            return None
        try:
            answer = await hand.ask(order)
        except _ENDED as error:  # it was killed, or its patience ended just now
            log.debug("a process that copies has ended", why=repr(error))
            await hand.end()
            return None
        self._idle.append(hand)
        return answer

    async def close(self) -> None:
        """End all processes: none is at work when nobody waits for it."""
        while self._idle:
            await self._idle.pop().end()


class _Hand:
    """One process, and the lines that come from it."""

    def __init__(
        self, process: Process, orders: ByteSendStream, answers: ByteReceiveStream
    ) -> None:
        self._process = process
        self._orders = orders
        self._answers = BufferedByteReceiveStream(answers)

    @classmethod
    async def start(cls) -> _Hand:
        """Start a process; it begins to read at once."""
        command = [sys.executable, "-m", "providers.folders.hand"]
        process = await anyio.open_process(command, stderr=subprocess.DEVNULL)
        assert process.stdin  # noqa: S101 - pipes are what is made unless told otherwise
        assert process.stdout  # noqa: S101
        return cls(process, process.stdin, process.stdout)

    async def ask(self, order: Order) -> list[Any]:
        """Return the answer to an order."""
        await self._orders.send(order.as_line())
        answer: list[Any] = json.loads(await self._answers.receive_until(b"\n", _LINE))
        return answer

    async def end(self) -> None:
        """Let it end: it reads that there is nothing more."""
        with CancelScope(shield=True):
            with suppress(*_ENDED):
                await self._orders.aclose()
            await self._process.wait()
            await self._process.aclose()
