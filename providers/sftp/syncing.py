"""Folders brought to disk after renames: one request serves all that were renamed before it."""

from __future__ import annotations

from functools import partial

from providers.rounds import Rounds
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.packets import Mode, StatusError


class FolderSync:
    """Syncs folders; calls that come while one is under way share the next."""

    def __init__(self) -> None:
        self._rounds = Rounds()

    async def sync(self, channel: Channel, path: bytes) -> None:
        """Return when all that was renamed in a folder before this call is on disk."""
        await self._rounds.after(path, partial(_sync, channel, path))


async def syncs_folders(channel: Channel, path: bytes) -> bool:
    """Return whether the server can bring files and folders to disk when asked."""
    if requests.FSYNC not in channel.extensions:
        return False
    try:
        await _sync(channel, path)
    except StatusError:
        return False
    return True


async def _sync(channel: Channel, path: bytes) -> None:
    handle = await channel.open(requests.open_file(path, Mode.READ))
    synced = channel.send(requests.fsync(handle))
    closed = channel.send(requests.close(handle))
    await synced.result()
    await closed.result()
