"""
`multipart/related`: JSON and then bytes in one body, read as a stream.

Clients end lines with CR LF or with a bare LF; both are taken.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from tests.servers.drive.errors import bad_upload
from tests.servers.drive.exchange import Json, parsed

_BOUNDARY = re.compile(r'boundary="?([^";]+)"?')
_MOST_BEFORE = 1024 * 1024  # of JSON and headers


class Multipart:
    """One such body. `open` reads the JSON; then the bytes can be read, once."""

    def __init__(self, body: AsyncIterator[bytes], content_type: str) -> None:
        match = _BOUNDARY.search(content_type)
        if match is None:
            raise bad_upload("Missing multipart boundary.")
        self._body = body
        self._boundary = b"--" + match.group(1).encode()
        self._held = b""
        self.mime = ""

    async def open(self) -> Json:
        """Return the JSON of the first part."""
        await self._skip_to_boundary()
        await self._headers()
        text = await self._until(b"\n" + self._boundary)
        headers = await self._headers()
        found = re.search(rb"^content-type:[ \t]*([^\r\n]+)", headers, re.IGNORECASE | re.MULTILINE)
        self.mime = found.group(1).strip().decode() if found else ""
        return parsed(text.rstrip(b"\r"))

    async def media(self) -> AsyncIterator[bytes]:
        """Yield the bytes of the second part."""
        end = b"\n" + self._boundary
        kept = len(end) + 1  # the end may lie across two pieces, behind a CR
        while (place := self._held.find(end)) < 0:
            if len(self._held) > kept:
                yield self._held[:-kept]
                self._held = self._held[-kept:]
            await self._more()
        last = self._held[:place]
        yield last[:-1] if last.endswith(b"\r") else last
        async for _ in self._body:
            pass

    async def _skip_to_boundary(self) -> None:
        while self._boundary not in self._held:
            await self._more()
        self._held = self._held.partition(self._boundary)[2]

    async def _headers(self) -> bytes:
        """Return the headers of a part; called with the line of its boundary just read."""
        while (match := re.search(rb"\r?\n\r?\n", self._held)) is None:
            await self._more()
        headers, self._held = self._held[: match.start()], self._held[match.end() :]
        return headers

    async def _until(self, end: bytes) -> bytes:
        while end not in self._held:
            await self._more()
        text, _, self._held = self._held.partition(end)
        return text

    async def _more(self) -> None:
        if len(self._held) > _MOST_BEFORE + 1024 * 1024:
            raise bad_upload("Malformed multipart body.")
        try:
            self._held += await anext(self._body)
        except StopAsyncIteration:
            raise bad_upload("Malformed multipart body.") from None
