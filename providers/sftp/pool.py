"""A site's connections: made when needed, shared by all tasks, replaced after a loss."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio

from providers.base import SiteError
from providers.sftp.channel import Channel
from providers.sftp.connecting import Link

# How long a place is left alone after the server refused one more connection.
_REST = 60.0


class Slot:
    """A place for one connection. Tasks that wait for the same attempt share how it ends."""

    def __init__(self, connect: Callable[[], Awaitable[Link]]) -> None:
        self._connect = connect
        self._lock = anyio.Lock()
        self._attempts = 0
        self._failure: SiteError | None = None
        self.link: Link | None = None
        self.users = 0
        self.rests_until = 0.0

    @property
    def alive(self) -> bool:
        """Whether there is a connection that takes requests."""
        return self.link is not None and self.link.channel.alive

    async def get(self) -> Link:
        """Return the connection, made if there is none or if it was lost."""
        attempt = self._attempts
        async with self._lock:
            if self.link is not None and self.alive:
                return self.link
            if self._attempts != attempt and self._failure is not None:
                failure = self._failure
                raise SiteError(failure.kind, str(failure), failure.retry_after)
            return await self._connected()

    async def _connected(self) -> Link:
        if self.link is not None:
            self.link.close()  # a server may end the SFTP channel and keep the connection
        self._failure = None
        self._attempts += 1
        try:
            self.link = await self._connect()
        except SiteError as error:
            self._failure = error
            raise
        return self.link


class Lease:
    """The use of a connection, from `Pool.lease` to `release`; others may use it as well."""

    def __init__(self, slot: Slot, link: Link) -> None:
        self._slot: Slot | None = slot
        self.link = link
        slot.users += 1

    @property
    def channel(self) -> Channel:
        """The connection's SFTP channel."""
        return self.link.channel

    def release(self) -> None:
        """Give the connection back; a second time changes nothing."""
        if self._slot is not None:
            self._slot.users -= 1
            self._slot = None


class Pool:
    """Hands out the connection that is used least."""

    def __init__(self, connect: Callable[[], Awaitable[Link]], size: int) -> None:
        self._slots = [Slot(connect) for _ in range(size)]
        self._closed = False

    async def lease(self) -> Lease:
        """Lend a connection that takes requests now; raises `SiteError` where there is none."""
        if self._closed:
            raise SiteError("unreachable", "this site was closed")
        now = time.monotonic()
        awake = [slot for slot in self._slots if slot.alive or slot.rests_until <= now]
        slot = min(awake or self._slots, key=_users)
        slot.users += 1  # counted while it connects, so that others go elsewhere
        try:
            return Lease(slot, await slot.get())
        except SiteError:
            # Servers that count logins refuse one more: those that stand serve on.
            standing = [one for one in self._slots if one.alive]
            if not standing:
                raise
            slot.rests_until = now + _REST
            other = min(standing, key=_users)
            return Lease(other, await other.get())
        finally:
            slot.users -= 1

    @asynccontextmanager
    async def channel(self) -> AsyncGenerator[Channel]:
        """Lend a connection's SFTP channel for some requests."""
        lease = await self.lease()
        try:
            yield lease.channel
        finally:
            lease.release()

    async def close(self) -> None:
        """End all connections, for good; what waits on them is told."""
        self._closed = True
        links = [slot.link for slot in self._slots if slot.link is not None]
        for link in links:
            link.close()
        for link in links:
            await link.closed()


def _users(slot: Slot) -> int:
    return slot.users
