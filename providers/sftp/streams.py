"""
Bytes from and to one open file, many requests at a time.

Reads are handed on in order. Writes go out at their offsets in order; what is not yet
acknowledged is bounded for the whole connection, so that memory is too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import anyio

from providers.base import ChangedFileError, Facts, Handle, Location, SiteError
from providers.sftp import requests
from providers.sftp.channel import Channel, Pending
from providers.sftp.errors import explained, translated
from providers.sftp.packets import Attributes, StatusError
from providers.sftp.pool import Lease, Pool

_READ_AHEAD = 5 * 1024 * 1024
_REQUESTS = 80
_SECOND = 1_000_000_000
# How long a write that was cancelled waits for what is under way, before it hangs up.
_PATIENCE = 10.0


class OpenFile:
    """A file that the server holds open for us, on the connection that opened it."""

    def __init__(self, lease: Lease, handle: bytes) -> None:
        self.lease = lease
        self.handle = handle

    @property
    def channel(self) -> Channel:
        """The channel on which the handle is known."""
        return self.lease.channel

    def let_go(self) -> None:
        """Close it without waiting for the answer: after reading, nothing depends on it."""
        if self.channel.alive:
            self.channel.send(requests.close(self.handle))
        self.lease.release()

    async def close(self) -> None:
        """Close it; raises `StatusError` where the server only now finds that a write failed."""
        try:
            if self.channel.alive:
                await self.channel.ask(requests.close(self.handle))
        finally:
            self.lease.release()


async def open_on(pool: Pool, request: requests.Request[bytes]) -> OpenFile:
    """Open a file on the connection that is used least; it counts as used until closed."""
    lease = await pool.lease()
    try:
        return OpenFile(lease, await lease.channel.open(request))
    except BaseException:
        lease.release()
        raise


@dataclass(frozen=True, slots=True)
class Subject:
    """What is read, for messages and for a second look: site, place, path on the server."""

    site: str
    where: Location | Handle
    path: bytes


class FileReader:
    """A file being read from an offset to the end that it had when it was opened."""

    def __init__(self, subject: Subject, file: OpenFile, facts: Facts, offset: int) -> None:
        self._subject = subject
        self._file = file
        self._facts = facts
        self._offset = offset

    @property
    def facts(self) -> Facts:
        """Size and time as they were when the file was opened."""
        return self._facts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Hand on the blocks in order, the next ones already asked for."""
        size, asked = self._facts.size, self._offset
        block, ahead = self._file.channel.limits.read, deque[tuple[int, int, Pending[bytes]]]()
        most = min(_REQUESTS, max(2, _READ_AHEAD // block))
        while asked < size or ahead:
            if len(ahead) <= most * 3 // 4:  # several together: they leave in one packet
                while asked < size and len(ahead) < most:
                    length = min(block, size - asked)
                    ahead.append((asked, length, self._ask(asked, length)))
                    asked += length
            offset, length, pending = ahead.popleft()
            data = await self._block(pending)
            if len(data) < length:  # a server may send less than was asked for
                rest = offset + len(data)
                ahead.appendleft((rest, length - len(data), self._ask(rest, length - len(data))))
            yield data

    async def unchanged(self) -> bool:
        """Return whether the file's name still leads to what was opened."""
        try:
            found = await self._file.channel.ask(requests.stat(self._subject.path))
        except StatusError:
            return False
        return facts_of(found) == self._facts

    def _ask(self, offset: int, length: int) -> Pending[bytes]:
        return self._file.channel.send(requests.read(self._file.handle, offset, length))

    async def _block(self, pending: Pending[bytes]) -> bytes:
        try:
            data = await pending.result()
        except StatusError as error:
            raise translated(self._subject.site, self._subject.where, error) from error
        if not data:
            raise ChangedFileError(
                f"{_name(self._subject)} became shorter while it was read; "
                "it is read again once it is at rest"
            )
        return data


class FileSink:
    """Staged bytes being written from an offset on."""

    def __init__(self, site: str, handle: Handle, file: OpenFile, folder: bytes) -> None:
        self._site = site
        self._where = handle
        self._file = file
        self._folder = folder
        self._sent: deque[Pending[None]] = deque()
        self.offset = 0

    async def write(self, chunk: bytes) -> None:
        """Send a chunk; raises what became of earlier ones."""
        view, block = memoryview(chunk), self._file.channel.limits.write
        for start in range(0, len(view), block):
            await self._file.channel.room()
            part = view[start : start + block]
            self._sent.append(
                self._file.channel.send(requests.write(self._file.handle, self.offset, part))
            )
            self.offset += len(part)
        while self._sent and self._sent[0].done():
            await self._first()

    async def flush(self) -> None:
        """
        Return when all is acknowledged, and on disk where the server offers that.

        What others write meanwhile is not waited for: else a journal would be written at the end.
        """
        for pending in tuple(self._sent):
            await self._acknowledged(pending)
        if requests.FSYNC in self._file.channel.extensions:
            async with explained(self._file.channel, self._site, self._where, self._folder):
                await self._file.channel.ask(requests.fsync(self._file.handle))

    async def end(self) -> None:
        """Close the file when nothing is under way any more; raises what became of it."""
        try:
            while self._sent:
                await self._first()
        finally:
            async with explained(self._file.channel, self._site, self._where, self._folder):
                await self._file.close()

    async def give_up(self) -> None:
        """
        Leave nothing under way, whatever it takes: late writes are nobody's then.

        Not interrupted by cancellation; a server that does not answer loses its connection.
        """
        with anyio.move_on_after(_PATIENCE, shield=True) as patience:
            for pending in self._sent:
                await _ended(pending)
            await _closed(self._file)
        if patience.cancelled_caught:
            self._file.channel.abort("a cancelled write was not answered")

    async def _first(self) -> None:
        """Raise what became of the write that is under way for longest, once it is decided."""
        pending = self._sent[0]
        await self._acknowledged(pending)
        if self._sent and self._sent[0] is pending:
            self._sent.popleft()

    async def _acknowledged(self, pending: Pending[None]) -> None:
        async with explained(self._file.channel, self._site, self._where, self._folder):
            await pending.result()


def _name(subject: Subject) -> str:
    where = subject.where.where if isinstance(subject.where, Handle) else subject.where
    return f"{where} at site {subject.site!r}"


def facts_of(attributes: Attributes) -> Facts:
    """Return what the server told as facts."""
    if attributes.size is None:
        raise SiteError("settings", "the SFTP server does not tell the sizes of files")
    mtime = attributes.mtime
    return Facts(attributes.size, None if mtime is None else mtime * _SECOND)


def seconds(mtime_ns: int) -> int:
    """Return a time as SFTP 3 can tell it: whole seconds, without sign, in 32 bits."""
    return min(max(mtime_ns // _SECOND, 0), 0xFFFF_FFFF)


async def _ended(pending: Pending[None]) -> None:
    try:
        await pending.result()
    except (StatusError, SiteError):
        return


async def _closed(file: OpenFile) -> None:
    try:
        await file.close()
    except (StatusError, SiteError):
        return
