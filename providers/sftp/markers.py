"""A root's marker on the server: read it, make it once whoever else tries to."""

from __future__ import annotations

import uuid

import anyio

from providers.base import Marker, SiteError
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.errors import explained, is_missing
from providers.sftp.folders import make_folder
from providers.sftp.packets import Mode, StatusError

_LONGEST = 4096
_LOOKS = 50
_BETWEEN = 0.1


async def read_marker(channel: Channel, site: str, path: bytes) -> Marker | None:
    """Return the marker at a path, or None where there is none."""
    for _ in range(_LOOKS):
        text = await _text(channel, site, path)
        if text == "":  # somebody has made it, and not yet written into it
            await anyio.sleep(_BETWEEN)
            continue
        if text is None:
            return None
        if not text.isalnum():
            raise _damaged(site, path, "damaged")
        return Marker(text, await _folds_case(channel, path))
    raise _damaged(site, path, "empty")


async def make_marker(channel: Channel, site: str, path: bytes) -> None:
    """Make the marker and the folders that lead to it, unless it is there."""
    folder = path.rpartition(b"/")[0]
    async with explained(channel, site, path.decode(), b"/"):
        await _make_folders(channel, folder)
    async with explained(channel, site, path.decode(), folder):
        try:
            handle = await channel.open(
                requests.open_file(path, Mode.WRITE | Mode.CREATE | Mode.EXCLUSIVE)
            )
        except StatusError:
            await channel.ask(requests.lstat(path))  # where it is there, another was faster
            return
        await channel.ask(requests.write(handle, 0, f"{uuid.uuid4().hex}\n".encode()))
        if requests.FSYNC in channel.extensions:
            await channel.ask(requests.fsync(handle))
        await channel.ask(requests.close(handle))


def _damaged(site: str, path: bytes, how: str) -> SiteError:
    return SiteError(
        "marker",
        f"site {site!r}: the marker {path.decode()} is {how}; remove it and run: "
        f"sitesync site init {site}",
    )


async def _text(channel: Channel, site: str, path: bytes) -> str | None:
    try:
        handle = await channel.open(requests.open_file(path, Mode.READ))
        text = await channel.ask(requests.read(handle, 0, _LONGEST))
        await channel.ask(requests.close(handle))
    except StatusError as error:
        if is_missing(error):
            return None
        raise SiteError(
            "marker", f"site {site!r}: the marker {path.decode()} cannot be read: {error}"
        ) from error
    return text.decode("ascii", "replace").strip()


async def _folds_case(channel: Channel, path: bytes) -> bool:
    """Return whether another spelling of the marker's name leads to it as well."""
    folder, _, name = path.rpartition(b"/")
    try:
        await channel.ask(requests.lstat(folder + b"/" + name.upper()))
    except StatusError:
        return False
    return True


async def _make_folders(channel: Channel, folder: bytes) -> None:
    names = folder.split(b"/")
    for depth in range(2, len(names) + 1):
        path = b"/".join(names[:depth])
        try:
            await channel.ask(requests.stat(path))
        except StatusError:
            await make_folder(channel, path)
