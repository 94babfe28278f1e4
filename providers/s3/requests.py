"""The requests of S3 that are needed, and their answers as data."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element, SubElement, tostring

from providers.s3.refusals import RefusedError, parsed, refuse
from providers.s3.wire import Answer, Request, Wire

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_META = "x-amz-meta-"
_NOT_THERE = frozenset({"NoSuchKey", "NoSuchVersion"})
_UNREADABLE = frozenset({"InvalidObjectState", "InvalidRange"})  # one in an archive, an empty one
_COMPLETING = 600.0  # a large object takes minutes to be put together


@dataclass(frozen=True, slots=True)
class Head:
    """What is told of an object; `version` is None where the bucket keeps no versions."""

    size: int
    etag: str
    version: str | None
    metadata: Mapping[str, str]
    parts: int = 0


class Part(NamedTuple):
    """A part that the server has: its number, its ETag as it was given, its size."""

    number: int
    etag: str
    size: int


class Object(NamedTuple):
    """One object of a listing."""

    key: str
    size: int


class Page(NamedTuple):
    """Some objects and folders below a prefix, and how to ask for those that come after."""

    objects: Sequence[Object]
    folders: Sequence[str]
    token: str | None


class Written(NamedTuple):
    """What became visible: its ETag and version."""

    etag: str
    version: str | None


class Block(NamedTuple):
    """Bytes of an object, and what was told of the whole with them."""

    head: Head
    content: bytes


class Source(NamedTuple):
    """An object to copy from: `/bucket/key`, and its version, where there are versions."""

    path: str
    version: str | None


class Digests(NamedTuple):
    """MD5 (raw) and SHA-256 (hexadecimal; None where the signature does without) of a body."""

    md5: bytes
    sha256: str | None


async def head(wire: Wire, key: str, part: int | None = None) -> Head | None:
    """Return what is told of an object, or None; a refusal without words is asked for them."""
    query = {} if part is None else {"partNumber": str(part)}
    try:
        answer = await wire.ask(Request("HEAD", key, query))
    except RefusedError as error:
        if error.status == 404:
            return None
        if error.status in (400, 403):
            await _told(wire, key)
        raise
    return _head(answer, int(answer.headers.get("Content-Length", 0)))


async def look(wire: Wire, key: str) -> Head | None:
    """
    Return what is told of an object, or None, which is what is expected: asked by its first byte.

    A server that answers HEAD of nothing without a length ends the connection with that, and the
    next request has to make a new one.
    """
    try:
        return (await get(wire, key, 0, 1)).head
    except RefusedError as error:
        if error.code in _NOT_THERE:
            return None
        if error.code in _UNREADABLE:
            return await head(wire, key)
        raise


async def get(wire: Wire, key: str, start: int, length: int, pinned: Head | None = None) -> Block:
    """Return bytes from `start` on, at most so many; of `pinned`, the object as it was then."""
    headers = {"Range": f"bytes={start}-{start + length - 1}"}
    query: dict[str, str] = {}
    if pinned is not None:
        headers["If-Match"] = pinned.etag
        if pinned.version is not None:
            query["versionId"] = pinned.version
    answer = await wire.ask(Request("GET", key, query, headers))
    told = answer.headers.get("Content-Range", "")
    if not told:  # the whole of it, from a server that knows no ranges
        return Block(_head(answer, len(answer.body)), answer.body[start : start + length])
    return Block(_head(answer, int(told.rpartition("/")[2])), answer.body)


async def whole(wire: Wire, key: str) -> bytes | None:
    """Return a small object, or None where there is none."""
    try:
        return (await wire.ask(Request("GET", key))).body
    except RefusedError as error:
        if error.code == "NoSuchKey":
            return None
        raise


async def put_new(wire: Wire, key: str, content: bytes, digests: Digests) -> None:
    """Write a small object where there is none; `PreconditionFailed` where there is one."""
    headers = {"If-None-Match": "*", "Content-MD5": _in_base64(digests.md5)}
    await wire.ask(Request("PUT", key, headers=headers, body=[content], digest=digests.sha256))


async def delete(wire: Wire, key: str) -> None:
    """Remove an object; in a bucket with versions its former versions stay."""
    await wire.ask(Request("DELETE", key))


async def begin(wire: Wire, key: str, metadata: Mapping[str, str]) -> str:
    """Begin a multipart upload, and return its id."""
    headers = {_META + name: value for name, value in metadata.items()}
    answer = await wire.ask(Request("POST", key, {"uploads": ""}, headers))
    return _document(answer).findtext("UploadId", "")


async def put_part(
    wire: Wire, key: str, upload: Mapping[str, str], body: Sequence[bytes], digests: Digests
) -> Answer:
    """Send a part; the server refuses one that does not have its digests."""
    headers = {"Content-MD5": _in_base64(digests.md5)}
    return await wire.ask(Request("PUT", key, upload, headers, body, digests.sha256))


async def copy_part(
    wire: Wire, key: str, upload: Mapping[str, str], source: Source, headers: Mapping[str, str]
) -> str:
    """Let the server fill a part from another object, and return its ETag."""
    version = f"?versionId={quote(source.version)}" if source.version else ""
    asked = {"x-amz-copy-source": quote(source.path, safe="/~-_.") + version, **headers}
    answer = await wire.ask(Request("PUT", key, upload, asked, patience=_COMPLETING))
    return _document(answer).findtext("ETag", "")


async def parts(wire: Wire, key: str, upload: str) -> AsyncGenerator[Part]:
    """Yield the parts that the server has, in order."""
    after: str | None = "0"
    while after is not None:
        query = {"max-parts": "1000", "part-number-marker": after, "uploadId": upload}
        root = _document(await wire.ask(Request("GET", key, query)))
        for part in root.iterfind("Part"):
            yield Part(
                int(part.findtext("PartNumber", "0")),
                part.findtext("ETag", ""),
                int(part.findtext("Size", "0")),
            )
        after = root.findtext("NextPartNumberMarker") if _is_truncated(root) else None


async def complete(wire: Wire, key: str, upload: str, sent: Sequence[Part]) -> Written:
    """Put parts together and make them visible, in one try: who asks looks what became of it."""
    document = Element("CompleteMultipartUpload", xmlns=_NAMESPACE)
    for part in sent:
        element = SubElement(document, "Part")
        SubElement(element, "PartNumber").text = str(part.number)
        SubElement(element, "ETag").text = part.etag
    request = Request(
        "POST", key, {"uploadId": upload}, body=[tostring(document)], patience=_COMPLETING
    )
    answer = await wire.ask(request, tries=1)
    root = _document(answer)
    return Written(root.findtext("ETag", ""), _version(answer.headers))


async def abort(wire: Wire, key: str, upload: str) -> None:
    """End an upload for good; one that is not there is no error."""
    try:
        await wire.ask(Request("DELETE", key, {"uploadId": upload}))
    except RefusedError as error:
        if error.status != 404:
            raise


async def is_ordered(wire: Wire, prefix: str) -> bool:
    """
    Look into a bucket, and return whether it lists keys in the order of their bytes.

    SeaweedFS says who it is, and lists folder by folder. Raises what it refuses, in words.
    """
    query = {"list-type": "2", "max-keys": "1", "prefix": prefix}
    answer = await wire.ask(Request("GET", query=query))
    return "seaweedfs" not in answer.headers.get("Server", "").lower()


async def page(
    wire: Wire, prefix: str, after: str = "", token: str | None = None, delimiter: str = ""
) -> Page:
    """Return the next objects below a prefix, as the server orders them."""
    query = {"encoding-type": "url", "list-type": "2", "prefix": prefix}
    if token is not None:
        query["continuation-token"] = token
    elif after:
        query["start-after"] = after
    if delimiter:
        query["delimiter"] = delimiter
    root = _document(await wire.ask(Request("GET", query=dict(sorted(query.items())))))
    plain = _unquoted if root.findtext("EncodingType") == "url" else str
    return Page(
        [
            Object(plain(one.findtext("Key", "")), int(one.findtext("Size", "0")))
            for one in root.iterfind("Contents")
        ],
        [plain(one.findtext("Prefix", "")) for one in root.iterfind("CommonPrefixes")],
        root.findtext("NextContinuationToken") if _is_truncated(root) else None,
    )


async def _told(wire: Wire, key: str) -> None:
    """Raise why an object cannot be looked at, in the words that only GET is answered with."""
    try:
        await wire.ask(Request("GET", key, headers={"Range": "bytes=0-0"}))
    except RefusedError as error:
        if error.status != 416:
            raise


def _head(answer: Answer, size: int) -> Head:
    headers = answer.headers
    metadata = {
        name.lower().removeprefix(_META): value
        for name, value in headers.items()
        if name.lower().startswith(_META)
    }
    parts_count = int(headers.get("x-amz-mp-parts-count", 0))
    return Head(size, headers.get("ETag", ""), _version(headers), metadata, parts_count)


def _version(headers: Mapping[str, str]) -> str | None:
    version = headers.get("x-amz-version-id")
    return None if version in (None, "", "null") else version


def _document(answer: Answer) -> Element:
    """Return an answer's document; a few requests fail with a status that says otherwise."""
    root = parsed(answer.body.strip())
    if root is None or root.tag == "Error":
        refuse(500, answer.headers, answer.body.strip())
    return root


def _is_truncated(root: Element) -> bool:
    return root.findtext("IsTruncated") == "true"


def _unquoted(text: str) -> str:
    return unquote(text.replace("+", " "))


def _in_base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
