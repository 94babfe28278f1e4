"""
Copies that the service makes by itself, part by part as the original was once uploaded.

Then both have the same ETag, which the server made from the bytes of each: that is the proof.
Where an original was uploaded in parts of several lengths, its bytes have to be sent.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import anyio

from providers.base import ChangedFileError, Copied, Facts, Handle, ProviderError, RevokedError
from providers.s3 import requests
from providers.s3.parts import digests_of, plain, together, whole_parts
from providers.s3.readers import Subject
from providers.s3.refusals import RefusedError
from providers.s3.requests import Head, Part
from providers.s3.times import facts_of
from providers.s3.uploads import Upload, is_open
from providers.services import CopyRefusedError

_AT_ONCE = 8
_LARGEST = 5 * 1024**3  # that the server copies in one part
_ETAG = re.compile(r"[0-9a-f]{32}(?:-(?P<parts>[0-9]+))?")


class _Range(NamedTuple):
    number: int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Copying:
    """One copy on its way into an upload."""

    original: Subject
    handle: Handle
    upload: Upload

    async def copied(self, facts: Facts, progress: Callable[[int], None]) -> Copied:
        """Fill the upload, and return what proves it."""
        head = await self._looked_at(facts)
        ranges = await self._ranges(head)
        limit = anyio.CapacityLimiter(_AT_ONCE)
        troubles: list[ProviderError] = []

        async def copy(one: _Range) -> None:
            async with limit:
                try:
                    if not troubles:
                        await self._copy(head, one, whole=len(ranges) == 1)
                        progress(one.size)
                except ProviderError as error:
                    troubles.append(error)

        async with anyio.create_task_group() as tasks:
            for one in ranges:
                tasks.start_soon(copy, one)
        if troubles:
            raise troubles[0]
        etag = plain(head.etag)
        etags = [part.etag for part in whole_parts(self.upload.parts)]
        if etag != (together(etags) if "-" in etag else plain(etags[0])):
            raise CopyRefusedError("the ETags of original and copy cannot be compared")
        return Copied(facts, f"etag:{etag}", f"etag:{etag}")

    async def _looked_at(self, facts: Facts) -> Head:
        """Return what is told of the original, which must be the one that is meant."""
        bucket, key = self.original.bucket, self.original.key
        with bucket.speaker.explained(self.handle.where, "reading"):
            head = await requests.head(bucket.wire, key)
        if head is None:
            raise bucket.speaker.missing(self.handle.where)
        if facts_of(head) != facts:
            raise self._changed()
        return head

    async def _ranges(self, head: Head) -> list[_Range]:
        """Return the parts in which the original was uploaded."""
        found = _ETAG.fullmatch(plain(head.etag))
        if found is None:
            raise CopyRefusedError("the original has an ETag of an unknown form")
        count, length = int(found["parts"] or 1), head.size
        if count > 1:
            bucket, key = self.original.bucket, self.original.key
            with bucket.speaker.explained(self.handle.where, "reading"):
                first = await requests.head(bucket.wire, key, part=1)
            length = first.size if first is not None else 0
        if length > _LARGEST or not (count - 1) * length < max(head.size, 1) <= count * max(
            length, 1
        ):
            raise CopyRefusedError("the original was not uploaded in equal parts")
        starts = [number * length for number in range(count)]
        return [
            _Range(number, start, min(length, head.size - start))
            for number, start in enumerate(starts, 1)
        ]

    async def _copy(self, head: Head, one: _Range, *, whole: bool) -> None:
        with self.upload.bucket.speaker.explained(self.handle, "writing"):
            try:
                etag = await (self._asked(head, one, whole=whole) if one.size else self._empty())
            except RefusedError as error:
                raise await self._judged(error) from error
        self.upload.parts[one.number] = Part(one.number, etag, one.size)

    async def _asked(self, head: Head, one: _Range, *, whole: bool) -> str:
        bucket, key = self.original.bucket, self.original.key
        headers = {"x-amz-copy-source-if-match": head.etag}
        if not whole:
            last = one.start + one.size - 1
            headers["x-amz-copy-source-range"] = f"bytes={one.start}-{last}"
        source = requests.Source(f"/{bucket.name}/{key}", head.version)
        numbered = {"partNumber": str(one.number), "uploadId": self.upload.id}
        return await requests.copy_part(
            self.upload.bucket.wire, self.upload.key, numbered, source, headers
        )

    async def _empty(self) -> str:
        """Send an empty part: there is nothing to copy."""
        wire = self.upload.bucket.wire
        digests = digests_of([], signed=wire.signs_bodies)
        numbered = {"partNumber": "1", "uploadId": self.upload.id}
        answer = await requests.put_part(wire, self.upload.key, numbered, [], digests)
        return answer.headers.get("ETag", "")

    async def _judged(self, error: RefusedError) -> Exception:
        """Return what a refusal to copy means; some servers fail where an upload was ended."""
        if error.status == 412:
            return self._changed()
        if error.status == 404 and error.code != "NoSuchUpload":
            return self.original.bucket.speaker.missing(self.handle.where)
        if error.status >= 500 and not await is_open(self.upload):
            return RevokedError(f"{self.handle.where}: its upload was ended")
        if error.status in (400, 403, 405, 501):
            return CopyRefusedError(f"the server does not copy it ({error})")
        return error

    def _changed(self) -> ChangedFileError:
        site = self.original.bucket.speaker.site
        return ChangedFileError(
            f"{self.handle.where} changed at site {site!r} while it was copied; it is copied again"
        )
