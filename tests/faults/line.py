"""The line in front of a site's server: it can be cut and stalled, and counts what goes over it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from tests.servers.proxy import Proxy, proxied


class Line:
    """A proxy with an event loop of its own, told what to do from other threads."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._proxy: Proxy

    @property
    def port(self) -> int:
        """The port to connect to."""
        return self._proxy.port

    @property
    def forwarded(self) -> int:
        """Bytes that went over it, both ways."""
        return self._proxy.forwarded

    @property
    def sent(self) -> int:
        """Those of them that went to the server."""
        return self._proxy.sent

    def start(self) -> None:
        """Return when it takes connections."""
        self._thread.start()
        self._ready.wait()

    def close(self) -> None:
        """Drop all connections, and end."""
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    def cut(self) -> None:
        """Drop all connections."""
        self._do(self._proxy.cut)

    def stall(self) -> None:
        """Let no byte pass; nobody is told."""
        self._do(self._proxy.stall)

    def flow(self) -> None:
        """Let bytes pass again."""
        self._do(self._proxy.flow)

    def _do(self, act: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(act)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with proxied(self._target) as self._proxy:
            self._ready.set()
            await self._over.wait()
