"""A root's marker in its bucket: made once, whoever else tries to."""

from __future__ import annotations

import uuid

from providers.base import Marker, SiteError
from providers.s3 import requests
from providers.s3.connecting import Bucket
from providers.s3.parts import digests_of
from providers.s3.refusals import RefusedError

_MADE_BY_ANOTHER = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


async def read_marker(bucket: Bucket, key: str) -> Marker | None:
    """Return the marker at a key, or None where there is none."""
    with bucket.speaker.explained(key, "looking"):
        content = await requests.whole(bucket.wire, key)
    if content is None:
        return None
    text = content.decode("ascii", "replace").strip()
    if not text.isalnum():
        site = bucket.speaker.site
        raise SiteError(
            "marker",
            f"site {site!r}: the marker {key} in bucket {bucket.name!r} is damaged; remove it and "
            f"run: sitesync site init {site}",
        )
    return Marker(text)


async def make_marker(bucket: Bucket, key: str) -> None:
    """Make the marker, unless it is there; a server must not replace it."""
    content = f"{uuid.uuid4().hex}\n".encode()
    digests = digests_of([content], signed=True)
    with bucket.speaker.explained(key, "writing"):
        try:
            await requests.put_new(bucket.wire, key, content, digests)
        except RefusedError as error:
            if error.code not in _MADE_BY_ANOTHER:
                raise
