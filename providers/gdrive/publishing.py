"""
The last step of an upload: it makes the file visible, and Google tells its MD5 in the answer.

A commit whose answer was lost is asked for, never assumed. A small new file goes in one request
under an id that was fetched before; sent twice it is refused (409) where it was carried out. A
session is asked how far it came; where it is gone, the file itself tells whether it was made.
"""

from __future__ import annotations

import json
import mimetypes
import secrets
from collections.abc import Mapping

from providers.base import ChangedFileError, Facts, FileError, ProviderError
from providers.gdrive.calls import Calls
from providers.gdrive.entries import MILLISECOND, Entry, told_time
from providers.gdrive.patience import Patience
from providers.gdrive.places import Places
from providers.gdrive.refusals import RefusedError
from providers.gdrive.sessions import BINARY, entry_told, is_gone
from providers.gdrive.uploads import Target, Upload, revoked
from providers.gdrive.wire import Body


def metadata(target: Target, mtime_ns: int | None) -> dict[str, object]:
    """Return what an upload tells of its file beside the bytes."""
    told: dict[str, object] = {} if mtime_ns is None else {"modifiedTime": told_time(mtime_ns)}
    if target.before is not None:
        return told  # it keeps its name, its folder and its id
    return told | {"id": target.id, "name": target.name, "parents": [target.parent]}


def mime_of(name: str) -> str:
    """Return the type of a file by its name, so that Drive can show what it knows."""
    return mimetypes.guess_type(name, strict=False)[0] or BINARY


class Publishing:
    """Publishes the uploads of one site."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._calls = places.calls

    async def publish(self, upload: Upload, mtime_ns: int | None) -> Facts | ProviderError:
        """Make an upload visible; return its facts, or why it is not."""
        where = upload.handle.where
        try:
            with self._places.explained(where):
                made = await self._made(upload, mtime_ns)
                entry = await self._with_time(upload, made, mtime_ns)
        except ProviderError as error:
            return error
        return entry.facts

    async def _made(self, upload: Upload, mtime_ns: int | None) -> Entry:
        if upload.staged != upload.size:
            raise ChangedFileError(
                f"{upload.handle.where} has {upload.staged} bytes, not {upload.size} as it was "
                "said to; it is sent again"
            )
        if upload.session is None:
            entry = await self._in_one_request(upload, mtime_ns)
        else:
            entry = await self._completed(upload)
        self._places.recent.note(entry)
        self._check(upload, entry)
        return entry

    async def _in_one_request(self, upload: Upload, mtime_ns: int | None) -> Entry:
        told, name = metadata(upload.target, mtime_ns), upload.target.name
        try:
            content = upload.held.take(len(upload.held))
            entry = await in_one_request(self._calls, told, mime_of(name), content)
        except RefusedError as error:
            if not error.is_missing:
                raise
            raise self._lost(upload) from error
        if not entry.is_file:  # what a revocation made of its id
            raise revoked(upload.handle)
        return entry

    async def _completed(self, upload: Upload) -> Entry:
        assert upload.session is not None  # noqa: S101 - the caller has looked
        last = upload.held.take(len(upload.held))
        try:
            entry = await upload.session.send(upload.committed, last, upload.size)
        except RefusedError as error:
            if not is_gone(error):
                raise
            entry = await self._after_all(upload)
        assert isinstance(entry, Entry)  # noqa: S101 - the last byte was sent
        return entry

    async def _after_all(self, upload: Upload) -> Entry:
        """Return the file that a session has made, which Google knows no more."""
        target = upload.target
        try:
            entry = await self._calls.get(target.id)
        except RefusedError as error:
            if not error.is_missing:
                raise
        else:
            if target.before is None and entry.is_file:
                return entry  # its id was this upload's alone
        raise revoked(upload.handle)

    async def _with_time(self, upload: Upload, entry: Entry, mtime_ns: int | None) -> Entry:
        """Return the file with its time, where that was not known when the upload was begun."""
        if upload.session is None or mtime_ns is None:
            return entry
        if upload.mtime_ns is not None and _same_time(upload.mtime_ns, mtime_ns):
            return entry
        try:
            timed = await self._calls.update(entry.id, modifiedTime=told_time(mtime_ns))
        except RefusedError:
            return entry  # it is there, whole; its time proves nothing
        self._places.recent.note(timed)
        return timed

    def _check(self, upload: Upload, entry: Entry) -> None:
        """Refuse a file that somebody has moved while it was sent: it is not at its place."""
        target = upload.target
        elsewhere = target.parent and entry.parents and target.parent not in entry.parents
        if entry.trashed or entry.name != target.name or elsewhere:
            raise self._lost(upload)

    def _lost(self, upload: Upload) -> FileError:
        target = upload.target
        return self._places.lost(upload.handle.where, target.root, target.folders)


async def in_one_request(
    calls: Calls, told: Mapping[str, object], mime: str, content: Body
) -> Entry:
    """Make a file of an id that was fetched before; return what has that id afterwards."""
    boundary = secrets.token_hex(16)
    head = (
        f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        f"{json.dumps(told)}\r\n"
        f"--{boundary}\r\nContent-Type: {mime}\r\n\r\n"
    )
    body: Body = [head.encode(), *content, f"\r\n--{boundary}--\r\n".encode()]
    headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
    patience = Patience(calls.wire.pace)
    while True:
        try:
            url = calls.upload_url("multipart", None)
            return entry_told(await calls.wire.send("POST", url, headers, body))
        except RefusedError as error:
            if error.status == 409:
                return await calls.get(str(told["id"]))
            await patience.again(error)


def _same_time(one_ns: int, other_ns: int) -> bool:
    return one_ns // MILLISECOND == other_ns // MILLISECOND
