"""
A TCP proxy that adds latency, cuts and stalls, in front of a real server.

Every piece is held back for the same time, so that latency costs no bandwidth. Run by
itself it serves other processes: `python -m tests.servers.proxy TARGET_PORT SECONDS`
prints the port it listens on.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

_RESET = struct.pack("ii", 1, 0)
_PIECE = 256 * 1024
# What may wait in here is what so much latency holds at a gigabyte a second, and more.
_PIECES = 4096


class Proxy:
    """Forwards connections to a port of 127.0.0.1, each direction `delay` seconds late."""

    def __init__(self, target: int, delay: float = 0.0) -> None:
        self._target = target
        self.delay = delay
        self.port = 0
        self.accepted = 0
        self.forwarded = 0
        self.sent = 0  # of these, by clients
        self.refusing = False
        self.resets_after: int | None = None  # bytes from the server, over all connections
        self.flowing = asyncio.Event()  # while it is not set, no byte passes
        self.flowing.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take a connection and forward it in a task of its own."""
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop all connections and return when nothing of them is left."""
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def reset(self) -> None:
        """Drop all connections, and let both sides know it: what is unsent is thrown away."""
        for end in self._ends:
            raw = end.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.cut()

    def _is_enough(self) -> bool:
        return self.resets_after is not None and self.forwarded - self.sent > self.resets_after

    def cut(self) -> None:
        """Drop all connections at once, without a goodbye."""
        for end in self._ends:
            end.transport.abort()

    async def _serve(self, client: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            reader, target = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:  # the server is down: the client is refused, too
            writer.transport.abort()
            return
        self._ends |= {writer, target}
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forward(client, target, by_client=True))
                tasks.create_task(self._forward(reader, writer, by_client=False))
        finally:
            self._ends -= {writer, target}

    async def _forward(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, by_client: bool
    ) -> None:
        pieces: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_PIECES)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._deliver(pieces, sink))
            try:
                while piece := await source.read(_PIECE):
                    self.forwarded += len(piece)
                    self.sent += len(piece) if by_client else 0
                    if self._is_enough():
                        self.reset()
                    await pieces.put((time.monotonic() + self.delay, piece))
            except ConnectionError:
                pass
            await pieces.put((time.monotonic() + self.delay, b""))

    async def _deliver(
        self, pieces: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        piece = b"first"
        while piece:
            due, piece = await pieces.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await self.flowing.wait()
            try:
                sink.write(piece)
                await sink.drain()
            except ConnectionError:
                piece = b""
        sink.close()


@asynccontextmanager
async def proxied(target: int, delay: float = 0.0) -> AsyncGenerator[Proxy]:
    """Run a proxy in this event loop until the block ends."""
    proxy = Proxy(target, delay)
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
        await server.wait_closed()


async def _main(target: int, delay: float) -> None:
    async with proxied(target, delay) as proxy:
        sys.stdout.write(f"{proxy.port}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
