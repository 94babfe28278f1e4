"""
One project, gone through on the server: what it returns is read while it goes on.

What is cut goes on where it was, by the last `_id`: a failover, or a cursor that was forgotten
while the queue had no room, costs no second scan.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import anyio
import structlog
from anyio import to_thread
from anyio.streams.memory import MemoryObjectSendStream
from pymongo.errors import PyMongoError

from reactor.backoff import RECONNECT
from reactor.model import Topology
from reactor.queries import START
from reactor.reader import Reader
from reactor.refusals import is_refusal
from reactor.scanning import Found, judged, portions
from reactor.tasks import plain_errors

log = structlog.stdlib.get_logger()

_BATCHES_AHEAD = 1


class FullScan:
    """A full scan of one project; `found` counts the documents that were dispatched."""

    def __init__(
        self,
        reader: Reader,
        topology: Topology,
        dispatch: Callable[[Topology, Iterable[Found]], Awaitable[None]],
    ) -> None:
        self._reader = reader
        self._topology = topology
        self._dispatch = dispatch
        self._last: object = START
        self.found = 0

    async def run(self) -> None:
        """Go through the whole project, whatever it takes; raise what the database refuses."""
        failures = 0
        while True:
            before = self._last
            try:
                with plain_errors():
                    await self._go_on()
            except PyMongoError as error:
                if is_refusal(error):
                    raise
                failures = failures + 1 if self._last == before else 1
                wait = RECONNECT.delay(failures, random.random())  # noqa: S311 - jitter
                log.warning("scan cut", why=str(error)[:200], retry_in=round(wait, 1))
                await anyio.sleep(wait)
            else:
                return

    async def _go_on(self) -> None:
        cursor = await self._reader.overlooked(self._topology, self._last)
        send, receive = anyio.create_memory_object_stream[bytes](_BATCHES_AHEAD)
        cuts: list[PyMongoError] = []
        async with cursor as batches, receive, anyio.create_task_group() as tasks:
            tasks.start_soon(_read, batches, send, cuts)
            async for batch in receive:
                found, last = await to_thread.run_sync(
                    judged, batch, self._reader.codec, self._last
                )
                for some in portions(found):
                    await self._dispatch(self._topology, some)
                self.found += len(found)
                self._last = last
        if cuts:
            raise cuts[0]


async def _read(
    batches: AsyncIterator[bytes], send: MemoryObjectSendStream[bytes], cuts: list[PyMongoError]
) -> None:
    """Ask for the next batch while the last one is looked at, which no failure here ends."""
    with send:
        try:
            async for batch in batches:
                await send.send(batch)
        except PyMongoError as error:
            cuts.append(error)
