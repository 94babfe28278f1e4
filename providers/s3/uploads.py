"""
Multipart uploads as staged files: known by a token, visible when they are completed.

A token names the upload's id and size, and a stamp that the object will carry, by which a
completion whose answer was lost is told from another owner's.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from providers.base import FileError, Handle, Location
from providers.s3 import requests
from providers.s3.connecting import Bucket
from providers.s3.errors import revoked
from providers.s3.refusals import RefusedError
from providers.s3.requests import Part
from providers.s3.times import as_metadata

STAMP = "sitesync-claim"
_REMEMBERED = 10_000


class _Token(NamedTuple):
    stamp: str
    size: int
    id: str

    def __str__(self) -> str:
        return ":".join(map(str, self))


@dataclass(slots=True)
class Upload:
    """
    An upload that is open, as this process knows it.

    `size` is what was announced, `claim` who may go on with it, `stamp` who began it. One that
    was found at the server has `mtime_ns` unknown, which is not the same as none.
    """

    bucket: Bucket
    key: str
    stamp: str
    size: int
    claim: str
    mtime_ns: int | None = None
    id: str = ""
    found: bool = False
    parts: dict[int, Part] = field(default_factory=dict[int, Part])
    used: bool = False  # published, or revoked


class Uploads:
    """All uploads that this process has to do with; the server knows the others."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Upload] = OrderedDict()
        self._begun: dict[tuple[str, str], Upload] = {}

    async def begin(self, where: Location, upload: Upload) -> Handle:
        """Open an upload that nobody else has."""
        before = self._begun.get((upload.stamp, upload.key))
        if before is not None and not before.used:
            raise FileError(f"{where} is staged for this claim already")
        self._begun[upload.stamp, upload.key] = upload
        metadata = {STAMP: upload.stamp, **as_metadata(upload.mtime_ns)}
        try:
            with upload.bucket.speaker.explained(str(where), "writing"):
                upload.id = await requests.begin(upload.bucket.wire, upload.key, metadata)
        except BaseException:
            del self._begun[upload.stamp, upload.key]
            raise
        token = str(_Token(upload.stamp, upload.size, upload.id))
        self._remember(token, upload)
        return Handle(where, upload.claim, token)

    async def find(self, handle: Handle, bucket: Bucket, key: str) -> Upload:
        """Return an open upload; `RevokedError` where there is none that is the handle's."""
        known = self._known.get(handle.token)
        if known is not None:
            if known.used or known.claim != handle.claim:
                raise revoked(handle)
            return known
        token = _parsed(handle.token)
        if token is None:
            raise revoked(handle)
        upload = Upload(bucket, key, token.stamp, token.size, handle.claim)
        upload.id, upload.found = token.id, True
        with bucket.speaker.explained(handle, "writing"):
            async for part in requests.parts(bucket.wire, key, token.id):
                upload.parts[part.number] = part
        self._remember(handle.token, upload)
        return upload

    async def revoke(self, handle: Handle, bucket: Bucket, key: str) -> None:
        """End an upload, so that it can never be completed; another claim's is left alone."""
        token = _parsed(handle.token)
        known = self._known.get(handle.token)
        if token is None or (known is not None and known.claim != handle.claim):
            return
        if known is not None:
            known.used = True
        with bucket.speaker.explained(handle, "writing"):
            await requests.abort(bucket.wire, key, token.id)

    def _remember(self, token: str, upload: Upload) -> None:
        """Keep what is known of an upload; what is forgotten is asked for again."""
        self._known[token] = upload
        if len(self._known) > _REMEMBERED:
            _, oldest = self._known.popitem(last=False)
            self._begun.pop((oldest.stamp, oldest.key), None)


async def is_open(upload: Upload) -> bool:
    """Return whether the server still has an upload."""
    try:
        async for _ in requests.parts(upload.bucket.wire, upload.key, upload.id):
            break
    except RefusedError as error:
        if error.status != 404:
            raise
        return False
    return True


def _parsed(token: str) -> _Token | None:
    stamp, _, rest = token.partition(":")
    size, _, upload = rest.partition(":")
    return _Token(stamp, int(size), upload) if size.isdigit() and upload else None
