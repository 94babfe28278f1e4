"""
Resumable uploads: sessions that outlive connections, and the emulator itself.

A session commits multiples of 256 KiB until its end, and tells how far it is. What a broken
connection brought is kept as far as such a multiple. What was never seen from the service
and is assumed here: a chunk that begins beyond what was committed is refused (400), one that
begins before it is taken and what is there already is passed over, a part that is no multiple
is committed only as far as one (400 below 256 KiB), and a cancelled session answers 499.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tests.servers.drive.blobs import Blobs, Content, Digests
from tests.servers.drive.errors import DriveError, bad_upload
from tests.servers.drive.storage import Row, Storage, new_id

GRAIN = 256 * 1024
_LIFETIME = 7 * 24 * 3600
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class Session:
    """An upload under way: for a new file, or (`file`) for new bytes of one."""

    id: str
    email: str
    file: str | None
    metadata: dict[str, Any]
    parameters: dict[str, str]
    mime: str
    declared: int | None
    blob: str
    received: int
    state: str
    result: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """What `Content-Range` says: where the bytes belong, and the whole size where it is known."""

    start: int | None
    end: int | None
    total: int | None

    @property
    def asks_only(self) -> bool:
        """Whether this is a question for how far the session is."""
        return self.start is None


def parse_range(header: str | None, length: int | None) -> Part:
    """Return where a request's bytes belong; without a header they are the whole content."""
    if header is None:
        return Part(0, None if length is None else length - 1, length)
    match = _RANGE.fullmatch(header.strip())
    if match is None:
        raise bad_upload(f"Failed to parse Content-Range header: {header}")
    start, end, total = match.groups()
    size = None if total == "*" else int(total)
    if start is None:
        return Part(None, None, size)
    if int(end) < int(start) or (size is not None and int(end) >= size):
        raise bad_upload(f"Invalid Content-Range header: {header}")
    return Part(int(start), int(end), size)


class Uploads:
    """All sessions. Of each, one request at a time is served: a newer one ends the older."""

    def __init__(self, storage: Storage, blobs: Blobs) -> None:
        self._storage = storage
        self._blobs = blobs
        self._digests: dict[str, Digests] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    def start(self, email: str, file: str | None, asked: dict[str, Any]) -> Session:
        """Open a session. `asked` are its metadata, parameters, mime and declared size."""
        upload_id = "A" + new_id(80)
        row = {
            "id": upload_id,
            "email": email,
            "file": file,
            "metadata": json.dumps(asked["metadata"]),
            "parameters": json.dumps(asked["parameters"]),
            "mime": asked["mime"],
            "declared": asked["declared"],
            "blob": self._blobs.new(),
            "received": 0,
            "state": "open",
            "created": time.time(),
        }
        self._storage.insert("uploads", row)
        return self.session(upload_id)

    def session(self, upload_id: str) -> Session:
        """Return a session, finished ones included."""
        row = self._storage.row("SELECT * FROM uploads WHERE id = ?", upload_id)
        if row is None or row["created"] < time.time() - _LIFETIME or row["state"] == "dead":
            raise DriveError(404, "notFound", "Upload session not found.")
        if row["state"] == "cancelled":
            raise cancelled()
        return _session(row)

    def lock(self, upload_id: str) -> asyncio.Lock:
        """Return what whoever changes a session holds."""
        return self._locks.setdefault(upload_id, asyncio.Lock())

    async def receive(
        self, session: Session, part: Part, body: AsyncIterator[bytes], at_most: int | None
    ) -> Session:
        """
        Take bytes into a session, and return it as it is then.

        `at_most` commits fewer than were sent, which the service may do at any time.
        """
        assert part.start is not None
        if part.start > session.received:
            raise bad_upload(
                f"Invalid request. The upload has {session.received} bytes; the request's begin "
                f"at {part.start}."
            )
        _check_total(session, part)
        digests = self._digests.pop(session.id, None)
        if digests is None or digests.length != session.received:
            digests = await self._blobs.digested(session.blob, session.received)
        fresh = _Fresh(body, session.received - part.start)
        try:
            came = await self._blobs.append(session.blob, session.received, fresh.pieces(), digests)
        except BaseException:
            self._commit(session, _whole(digests.length), digests)
            raise
        reached = session.received + came
        if part.end is not None and reached != max(part.end + 1, session.received):
            self._commit(session, _whole(min(reached, part.end + 1)), digests)
            raise bad_upload(_wrong_length(part, fresh.seen))
        total = part.total if part.end is not None else reached
        if at_most is not None and reached > session.received:
            reached = min(_whole(reached - 1), session.received + _whole(at_most))
        elif reached != total:
            reached = _whole_part(session, reached)
        return self._commit(session, reached, digests)

    async def content(self, session: Session) -> Content:
        """Return what a whole session has brought."""
        digests = self._digests.pop(session.id, None)
        if digests is None or digests.length != session.received:
            digests = await self._blobs.digested(session.blob, session.received)
        path = self._blobs.path(session.blob)
        if path.stat().st_size != session.received:
            with path.open("r+b") as file:
                file.truncate(session.received)
        return Content(session.blob, session.received, digests.told())

    def finish(self, session: Session, file_id: str) -> None:
        """Tell a session which file it has become."""
        statement = "UPDATE uploads SET state = 'done', result = ? WHERE id = ?"
        self._storage.write(statement, file_id, session.id)
        self._locks.pop(session.id, None)

    def end(self, session: Session, state: str) -> None:
        """Make a session cancelled or dead: its bytes are gone, and it takes no more."""
        self._storage.write("UPDATE uploads SET state = ? WHERE id = ?", state, session.id)
        self._digests.pop(session.id, None)
        self._blobs.remove(session.blob)

    def _commit(self, session: Session, received: int, digests: Digests) -> Session:
        received = max(received, session.received)
        statement = "UPDATE uploads SET received = ? WHERE id = ? AND state = 'open'"
        self._storage.write(statement, received, session.id)
        if digests.length == received:
            self._digests[session.id] = digests
        return self.session(session.id)


class _Fresh:
    """A body without its first bytes, which the session has already."""

    def __init__(self, body: AsyncIterator[bytes], skip: int) -> None:
        self._body = body
        self._skip = skip
        self.seen = 0

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield what is new."""
        async for piece in self._body:
            self.seen += len(piece)
            kept = piece[self._skip :]
            self._skip = max(0, self._skip - len(piece))
            if kept:
                yield kept


def cancelled() -> DriveError:
    """Tell that a session was cancelled by its owner."""
    return DriveError(499, "clientClosedRequest", "Client Closed Request")


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["email"],
        row["file"],
        json.loads(row["metadata"]),
        json.loads(row["parameters"]),
        row["mime"],
        row["declared"],
        row["blob"],
        row["received"],
        row["state"],
        row["result"],
    )


def _check_total(session: Session, part: Part) -> None:
    if None not in (part.total, session.declared) and part.total != session.declared:
        raise bad_upload(
            f"Invalid request. X-Upload-Content-Length was {session.declared}, Content-Range says "
            f"{part.total}."
        )


def _whole(size: int) -> int:
    return size - size % GRAIN


def _whole_part(session: Session, reached: int) -> int:
    sent = reached - session.received
    if 0 < sent < GRAIN:
        raise bad_upload(
            "Invalid request.  The number of bytes uploaded is required to be equal or greater "
            "than 262144, except for the final request (it's recommended to be the exact multiple "
            f"of 262144).  The received request contained {sent} bytes, which does not meet this "
            "requirement."
        )
    return _whole(reached)


def _wrong_length(part: Part, seen: int) -> str:
    assert part.start is not None
    assert part.end is not None
    return (
        f"Invalid request.  There were {seen} byte(s) in the request body.  There should have been "
        f"{part.end - part.start + 1} byte(s) (starting at offset {part.start} and ending at "
        f"offset {part.end}) according to the Content-Range header."
    )
