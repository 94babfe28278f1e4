"""
The one request that makes an upload visible, and what became of it where nobody knows.

A completion is repeated only after a look: the object that is there now carries the stamp of
the upload it was made from, so a lost answer is told from another owner's file.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import anyio

from providers.base import Facts, Handle
from providers.s3 import requests
from providers.s3.errors import revoked
from providers.s3.parts import digests_of, size_of, whole_parts
from providers.s3.refusals import NoAnswerError, RefusedError
from providers.s3.requests import Part
from providers.s3.times import facts_of
from providers.s3.uploads import STAMP, Upload, is_open
from providers.s3.wire import is_busy

_TRIES = 5


@dataclass(frozen=True, slots=True)
class Publication:
    """One upload on its way to its key."""

    handle: Handle
    upload: Upload

    async def facts(self) -> Facts:
        """Complete the upload, and return the facts of what is visible now."""
        with self.upload.bucket.speaker.explained(self.handle, "writing"):
            parts = whole_parts(self.upload.parts) or [await self._nothing()]
            facts = await self._completed(parts)
        self.upload.used = True
        return facts

    async def _completed(self, parts: list[Part]) -> Facts:
        tried = 0
        while True:
            tried += 1
            try:
                return await self._complete(parts)
            except RefusedError as error:
                if error.code == "NoSuchUpload" or (error.status < 500 and not is_busy(error)):
                    raise
                trouble: RefusedError | NoAnswerError = error
            except NoAnswerError as error:
                trouble = error
            if (found := await self._found()) is not None:
                return found
            if not await is_open(self.upload):
                raise revoked(self.handle) from trouble
            if tried == _TRIES:
                raise trouble
            await anyio.sleep(random.uniform(0.5, 1.0) * 0.2 * 2.0**tried)  # noqa: S311 - jitter

    async def _complete(self, parts: list[Part]) -> Facts:
        wire, upload = self.upload.bucket.wire, self.upload
        written = await requests.complete(wire, upload.key, upload.id, parts)
        if not upload.found:
            return Facts(size_of(parts), upload.mtime_ns, written.version)
        head = await requests.head(wire, upload.key)
        if head is None or head.metadata.get(STAMP) != upload.stamp:
            return Facts(size_of(parts), None, written.version)
        return facts_of(head)

    async def _found(self) -> Facts | None:
        """Return the facts of what was published from this very upload, if that stands there."""
        head = await requests.head(self.upload.bucket.wire, self.upload.key)
        if head is None or head.metadata.get(STAMP) != self.upload.stamp:
            return None
        return facts_of(head)

    async def _nothing(self) -> Part:
        """Send the one part of an empty file to which nothing was ever written."""
        wire, upload = self.upload.bucket.wire, self.upload
        digests = digests_of([], signed=wire.signs_bodies)
        numbered = {"partNumber": "1", "uploadId": upload.id}
        answer = await requests.put_part(wire, upload.key, numbered, [], digests)
        return Part(1, answer.headers.get("ETag", ""), 0)
