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
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import cast

_RESET = struct.pack("ii", 1, 0)
# What may wait in here is what so much latency holds at a gigabyte a second, and more.
_MOST_HELD = 1024 * 1024 * 1024


class End(asyncio.Protocol):
    """One connection of the proxy: what comes from it goes out at the `other`, later."""

    def __init__(self, proxy: Proxy, other: End | None = None) -> None:
        self._proxy = proxy
        self._loop = asyncio.get_running_loop()
        self.is_client = other is None
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._held: deque[tuple[float, bytes]] = deque()  # to go out here, and when
        self._size = 0  # of it
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection; a client's is read once there is one to the target."""
        self.transport = cast("asyncio.Transport", transport)
        self._proxy.ends.add(self)
        if self.other is None:
            self.transport.pause_reading()
            self._proxy.accept(self)
        else:
            self.other.other = self

    def data_received(self, data: bytes) -> None:
        """Let it go out at the other end."""
        self._proxy.count(len(data), by_client=self.is_client)
        self._pass_on(data)

    def eof_received(self) -> bool:
        """Let the other end close when all that came has gone out; this one may still send."""
        self._pass_on(b"")
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let the other end close, too."""
        self.transport = None
        self._proxy.ends.discard(self)
        self._held.clear()
        self._pass_on(b"")

    def pause_writing(self) -> None:
        """Take no more from the other end: this one does not keep up."""
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        """Take more from the other end again."""
        if self.other and self.other.transport and self._size < _MOST_HELD:
            self.other.transport.resume_reading()

    def _pass_on(self, piece: bytes) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.hold(piece)

    def hold(self, piece: bytes) -> None:
        """Send a piece when it is due; an empty one closes."""
        self._held.append((self._loop.time() + self._proxy.delay, piece))
        self._size += len(piece)
        if self._size >= _MOST_HELD:
            self.pause_writing()
        self.deliver()

    def deliver(self) -> None:
        """Send what is due, and come back for the rest."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due: list[bytes] = []
        now = self._loop.time()
        while self._held and self._held[0][0] <= now and self._proxy.is_flowing:
            due.append(self._held.popleft()[1])
        if self._held and self._proxy.is_flowing:
            self._timer = self._loop.call_at(self._held[0][0], self.deliver)
        if due and self.transport is not None:
            self._size -= sum(map(len, due))
            self.transport.writelines(due)
            if not due[-1]:
                self.transport.close()


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
        self.is_flowing = True  # while it is not, no byte passes
        self.ends: set[End] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    async def listen(self) -> asyncio.Server:
        """Begin to take connections, at `port`."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: End(self), "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def accept(self, client: End) -> None:
        """Take a connection, or drop it."""
        self.accepted += 1
        if self.refusing:
            self._drop(client)
            return
        task = asyncio.create_task(self._connect(client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _connect(self, client: End) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, target = await loop.create_connection(
                lambda: End(self, client), "127.0.0.1", self._target
            )
        except OSError:  # the server is down: the client is refused, too
            self._drop(client)
        else:
            if client.transport is not None:
                client.transport.resume_reading()
            else:  # it did not wait
                self._drop(target)

    async def close(self) -> None:
        """Drop all connections and return when nothing of them is left."""
        while self.ends or self._connecting:
            self.cut()
            await asyncio.gather(*self._connecting, return_exceptions=True)
            await asyncio.sleep(0)

    def count(self, size: int, *, by_client: bool) -> None:
        """Count what passes; when that is enough, reset."""
        self.forwarded += size
        self.sent += size if by_client else 0
        if self.resets_after is not None and self.forwarded - self.sent > self.resets_after:
            self.reset()

    def flow(self) -> None:
        """Let bytes pass again."""
        self.is_flowing = True
        for end in [*self.ends]:
            end.deliver()

    def stall(self) -> None:
        """Let no byte pass, without a word."""
        self.is_flowing = False

    def reset(self) -> None:
        """Drop all connections, and let both sides know it: what is unsent is thrown away."""
        for end in self.ends:
            if end.transport is not None:
                raw = end.transport.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.cut()

    def cut(self) -> None:
        """Drop all connections at once, without a goodbye."""
        for end in [*self.ends]:
            self._drop(end)

    def _drop(self, end: End) -> None:
        if end.transport is not None:
            end.transport.abort()


@asynccontextmanager
async def proxied(target: int, delay: float = 0.0) -> AsyncGenerator[Proxy]:
    """Run a proxy in this event loop until the block ends."""
    proxy = Proxy(target, delay)
    server = await proxy.listen()
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
