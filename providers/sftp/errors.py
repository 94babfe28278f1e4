"""The one place where a server's word becomes an error that an artist can act on."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from providers.base import (
    FileError,
    Handle,
    Location,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    SiteError,
)
from providers.sftp import requests
from providers.sftp.channel import Channel
from providers.sftp.packets import Code, StatusError

_NO_FILE = frozenset({Code.NO_SUCH_FILE, Code.NO_SUCH_PATH})
_LOST = frozenset({Code.NO_CONNECTION, Code.CONNECTION_LOST})
# Plain failures whose text says more than their code; servers pass on the C library's words.
_TEXTS = (
    (re.compile(r"no space|disk full|not enough space", re.I), Code.NO_SPACE),
    (re.compile(r"quota", re.I), Code.QUOTA_EXCEEDED),
    (re.compile(r"read-only file ?system", re.I), Code.WRITE_PROTECT),
    (re.compile(r"name too long|invalid argument", re.I), Code.BAD_MESSAGE),
)
_ALMOST_NOTHING = 1024 * 1024


def is_missing(error: StatusError) -> bool:
    """Return whether the server says that there is no such file or folder."""
    return error.code in _NO_FILE


def missing(site: str, where: Location | Handle | str) -> MissingFileError:
    """Return the error for a file that is not there."""
    name = where.where if isinstance(where, Handle) else where
    return MissingFileError(f"{name} is not at site {site!r}")


def translated(site: str, where: Location | Handle | str, error: StatusError) -> ProviderError:
    """Return the provider's error for a request about a file that a server refused."""
    name = str(where.where if isinstance(where, Handle) else where)
    code = _told_by_text(error)
    if code in _NO_FILE:
        return missing(site, where)
    if code == Code.PERMISSION_DENIED:
        return PermanentFileError(
            f"site {site!r} does not permit this for {name}; give its user the right to read "
            "and write there, then retry"
        )
    if code == Code.BAD_MESSAGE:
        return PermanentFileError(
            f"site {site!r} takes no name like {name} (too long, or a character it refuses)"
        )
    return _of_site(site, code) or FileError(f"site {site!r} failed on {name}: {error}")


def no_room(site: str) -> SiteError:
    """Return the error for a full disk."""
    return SiteError("full", f"site {site!r} has no room left; free some there")


@asynccontextmanager
async def explained(
    channel: Channel, site: str, where: Location | Handle | str, folder: bytes
) -> AsyncGenerator[None]:
    """
    Translate what servers say to a write; where that is only *failure*, look at the disk.

    SFTP 3 has one code for a full disk, a read-only one and all the rest.
    """
    try:
        yield
    except StatusError as error:
        told = translated(site, where, error)
        if type(told) is FileError:
            told = await _by_disk(channel, site, folder) or told
        raise told from error


async def _by_disk(channel: Channel, site: str, folder: bytes) -> SiteError | None:
    if requests.STATVFS not in channel.extensions:
        return None
    try:
        space = await channel.ask(requests.space(folder))
    except StatusError:
        return None
    if space.read_only:
        return _of_site(site, Code.WRITE_PROTECT)
    return no_room(site) if space.free < _ALMOST_NOTHING else None


def _told_by_text(error: StatusError) -> int:
    if error.code != Code.FAILURE:
        return error.code
    return next((code for text, code in _TEXTS if text.search(error.reason)), error.code)


def _of_site(site: str, code: int) -> SiteError | None:
    """Return the error where not the file but the whole site is to blame."""
    if code == Code.NO_SPACE:
        return no_room(site)
    if code == Code.QUOTA_EXCEEDED:
        return SiteError("quota", f"site {site!r}: the user's quota is used up; free some room")
    if code == Code.WRITE_PROTECT:
        return SiteError("read-only", f"site {site!r} is mounted read-only; mount it writable")
    if code in _LOST:
        return SiteError("unreachable", f"site {site!r} lost its own connection to its disk")
    if code == Code.OP_UNSUPPORTED:
        return SiteError("settings", f"the server of site {site!r} lacks a request that is needed")
    return None
