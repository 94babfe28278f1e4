"""
Small files staged together: each step of all of them is under way before the first is awaited.

A file costs the requests that it costs alone, but no task, no stream, and no round trip of its
own. All are written before the first is synced: the server's file system then commits them
together, where a sync after each would make it commit as many times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import anyio

from providers.base import FileError, Handle, SiteError
from providers.sftp import requests
from providers.sftp.channel import Channel, Pending
from providers.sftp.folders import Folders, Look
from providers.sftp.packets import Mode, StatusError
from providers.sftp.places import Place, Places
from providers.sftp.pool import Pool

_PATIENCE = 10.0
_EXCLUSIVE = Mode.WRITE | Mode.CREATE | Mode.EXCLUSIVE


@dataclass(slots=True)
class _Begun:
    """One file on its way: what was asked of the server, in this order."""

    path: bytes
    content: bytes
    look: Look
    opened: Pending[bytes]
    file: bytes | None = None
    asked: list[Pending[None]] = field(default_factory=list[Pending[None]])
    closed: bool = False
    whole: bool = False


class Bundles:
    """Stages bundles at one site."""

    def __init__(self, pool: Pool, places: Places, folders: Folders) -> None:
        self._pool = pool
        self._places = places
        self._folders = folders

    async def stage(self, files: Sequence[tuple[Handle, bytes]]) -> list[bool]:
        """Stage whole files; False for each that needs a closer look, and of which nothing stays."""
        async with self._pool.channel() as channel:
            places = await self._prepared(channel, [handle for handle, _ in files])
            begun = [
                self._begin(channel, place, handle, content) if place else None
                for (handle, content), place in zip(files, places, strict=True)
            ]
            try:
                for one in filter(None, begun):
                    await self._write(channel, one)
                for one in filter(None, begun):
                    _sync(channel, one)
                for one in filter(None, begun):
                    one.whole = await _succeeded(one)
            finally:
                await _withdraw(channel, [one for one in begun if one and not one.whole])
        return [one is not None and one.whole for one in begun]

    async def _prepared(self, channel: Channel, handles: Sequence[Handle]) -> list[Place | None]:
        """Return the places of files whose folders are there now; None where one cannot be."""
        places: list[Place | None] = []
        for handle in handles:
            try:
                place = self._places.place(handle.where)
                await self._folders.make(channel, place)
            except FileError:
                places.append(None)
            else:
                places.append(place)
        return places

    def _begin(self, channel: Channel, place: Place, handle: Handle, content: bytes) -> _Begun:
        path = place.staged(handle.claim)
        look = self._folders.begin(channel, place)
        opened = channel.send(requests.open_file(path, _EXCLUSIVE))
        return _Begun(path, content, look, opened)

    async def _write(self, channel: Channel, one: _Begun) -> None:
        """Send all bytes of a file whose place is free; the server serves them in this order."""
        try:
            if await self._folders.finish(one.look) is not None:
                return
            one.file = await one.opened.result()
        except (StatusError, FileError):
            return
        view, block = memoryview(one.content), channel.limits.write
        for offset in range(0, len(view), block):
            await channel.room()
            part = view[offset : offset + block]
            one.asked.append(channel.send(requests.write(one.file, offset, part)))


def _sync(channel: Channel, one: _Begun) -> None:
    """Let the server bring a file that was written to its disk, where it offers that, and close it."""
    if one.file is None:
        return
    if requests.FSYNC in channel.extensions:
        one.asked.append(channel.send(requests.fsync(one.file)))
    one.asked.append(channel.send(requests.close(one.file)))
    one.closed = True


async def _succeeded(one: _Begun) -> bool:
    try:
        for pending in one.asked:
            await pending.result()
    except StatusError:
        return False
    return bool(one.asked)


async def _withdraw(channel: Channel, begun: Sequence[_Begun]) -> None:
    """Leave nothing of some files, and nothing open; what cannot be removed is revoked by its claim."""
    if not begun:
        return
    with anyio.move_on_after(_PATIENCE, shield=True) as patience:
        for one in begun:
            try:
                file = await one.opened.result()
                if not one.closed:
                    await channel.ask(requests.close(file))
                for pending in one.asked:
                    await _ended(pending)
                await channel.ask(requests.remove(one.path))
            except (StatusError, SiteError):
                continue
    if patience.cancelled_caught:
        channel.abort("what was withdrawn was not answered")


async def _ended(pending: Pending[None]) -> None:
    try:
        await pending.result()
    except StatusError:
        return
