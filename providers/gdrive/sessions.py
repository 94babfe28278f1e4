"""
Google's resumable uploads: a session takes bytes in order, and makes the file with the last one.

After any failure it is asked how far it came before anything is sent again: it may have taken
less than was sent, or all. It is asked with `bytes */*`, which can never complete it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from providers.gdrive.entries import Entry, entry_of
from providers.gdrive.patience import Patience
from providers.gdrive.refusals import RefusedError
from providers.gdrive.shapes import not_googles
from providers.gdrive.wire import Body, Reply, Wire, size_of

GRAIN = 256 * 1024  # all pieces but the last are multiples of it
BINARY = "application/octet-stream"
_JSON = "application/json; charset=UTF-8"
_GONE = frozenset({404, 410, 499})


async def begin(
    wire: Wire, method: str, url: str, metadata: Mapping[str, object], content: tuple[str, int]
) -> Session:
    """
    Begin an upload; `content` are the type of its bytes and their number.

    One that nobody goes on with ends by itself, after days.
    """
    mime, size = content
    headers = {
        "Content-Type": _JSON,
        "X-Upload-Content-Type": mime,
        "X-Upload-Content-Length": str(size),
    }
    body = json.dumps(metadata).encode()
    patience = Patience(wire.pace)
    while True:
        try:
            reply = await wire.send(method, url, headers, [body])
            if location := reply.headers.get("Location"):
                return Session(wire, location)
            raise not_googles()
        except RefusedError as error:
            await patience.again(error)


def is_gone(error: RefusedError) -> bool:
    """Return whether there is no such session: cancelled, forgotten, or never there."""
    return error.status in _GONE


class Session:
    """One upload, known by its address."""

    def __init__(self, wire: Wire, url: str) -> None:
        self._wire = wire
        self.url = url

    async def send(self, start: int, content: Body, total: int) -> Entry | int:
        """
        Send bytes that belong at `start`; return the file if they were the last, else how far it came.

        The last of all `total` bytes makes the file visible; nothing else does.
        """
        end, reached = start + size_of(content), start
        patience = Patience(self._wire.pace)
        while True:
            try:
                told = await self._put(reached, _beyond(content, reached - start), total)
            except RefusedError as error:
                if is_gone(error):
                    raise
                await patience.again(error)
                told = await self._asked(patience)
            if isinstance(told, Entry) or (told == end and end < total):
                return told
            if not start <= told <= end:
                raise RefusedError(410, message=f"the upload is at {told}, not at {reached}")
            if told > reached:
                patience = Patience(self._wire.pace)
            else:
                await patience.again(RefusedError(0, message="an upload does not go on"))
            reached = told

    async def ask(self) -> Entry | int:
        """Return the file if the upload is complete, else how many bytes of it there are."""
        return await self._asked(Patience(self._wire.pace))

    async def cancel(self) -> None:
        """
        End the session, unless it has become a file before.

        It is asked afterwards: only one that is known to have ended can do no harm later.
        """
        patience = Patience(self._wire.pace)
        while True:
            try:
                await self._wire.send("DELETE", self.url, {})
            except RefusedError as error:
                if not is_gone(error):
                    await patience.again(error)
                    continue
            try:
                if isinstance(await self._asked(patience), Entry):
                    return
            except RefusedError as error:
                if is_gone(error):
                    return
                raise
            await patience.again(RefusedError(0, message="an upload cannot be ended"))

    async def _asked(self, patience: Patience) -> Entry | int:
        while True:
            try:
                reply = await self._wire.send("PUT", self.url, {"Content-Range": "bytes */*"})
                return _told(reply)
            except RefusedError as error:
                if is_gone(error):
                    raise
                await patience.again(error)

    async def _put(self, start: int, content: Body, total: int) -> Entry | int:
        headers = {"Content-Type": BINARY}
        if size := size_of(content):
            headers["Content-Range"] = f"bytes {start}-{start + size - 1}/{total}"
        elif total:  # all is there, and only has to be made a file
            headers["Content-Range"] = f"bytes */{total}"
        return _told(await self._wire.send("PUT", self.url, headers, content))


def _beyond(content: Body, offset: int) -> Body:
    """Return what of some bytes lies beyond an offset."""
    rest: list[memoryview] = []
    for chunk in content:
        if len(chunk) > offset:
            rest.append(memoryview(chunk)[offset:])
        offset = max(0, offset - len(chunk))
    return rest


def _told(reply: Reply) -> Entry | int:
    """Return what an answer of a session says."""
    if reply.status == 308:
        span = reply.headers.get("Range", "")
        last = span.rpartition("-")[2]
        if span and not (last.isascii() and last.isdecimal()):
            raise not_googles()
        return int(last) + 1 if span else 0
    return entry_told(reply)


def entry_told(reply: Reply) -> Entry:
    """Return the file that an answer to an upload tells of."""
    return entry_of(reply.body)
