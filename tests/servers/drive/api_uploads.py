"""The routes of uploads: resumable, multipart and simple, for new files and new contents."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from tests.servers.drive.blobs import Content
from tests.servers.drive.editing import BINARY
from tests.servers.drive.errors import DriveError, invalid
from tests.servers.drive.exchange import Exchange, Json
from tests.servers.drive.files import File
from tests.servers.drive.multipart import Multipart
from tests.servers.drive.resources import LARGEST
from tests.servers.drive.service import Service
from tests.servers.drive.uploads import Part, Session, cancelled, parse_range


def kind_of(request: web.Request) -> str:
    """Return what kind of upload request this is."""
    if "upload_id" in request.query:
        if request.method == "DELETE":
            return "upload.cancel"
        asks = request.headers.get("Content-Range", "").startswith("bytes */")
        return "upload.query" if asks else "upload.chunk"
    kinds = {"resumable": "start", "multipart": "multipart", "media": "simple"}
    return "upload." + kinds.get(request.query.get("uploadType", ""), "unknown")


class UploadRoutes:
    """Each public method is a route."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._serving: dict[str, Exchange] = {}

    async def any(self, exchange: Exchange) -> web.StreamResponse:
        """Answer whichever kind of upload request this is."""
        match exchange.kind:
            case "upload.start":
                return await self._start(exchange)
            case "upload.multipart":
                header = exchange.request.headers.get("Content-Type", "")
                multipart = Multipart(exchange.body(), header)
                body = await multipart.open()
                return await self._at_once(exchange, body, multipart.mime, multipart.media())
            case "upload.simple":
                mime = exchange.request.headers.get("Content-Type", "")
                return await self._at_once(exchange, {}, mime, exchange.body())
            case "upload.query" | "upload.chunk" | "upload.cancel":
                return await self._continue(exchange)
            case _:
                raise invalid("uploadType", "Invalid upload type.")

    async def _start(self, exchange: Exchange) -> web.StreamResponse:
        request = exchange.request
        body = await exchange.json()
        declared = request.headers.get("X-Upload-Content-Length")
        size = int(declared) if declared else None
        if size is not None and size > LARGEST:
            raise DriveError(413, "uploadTooLarge", "The upload is too large.")
        target = self._check(exchange, body, size or 0)
        session = self._service.uploads.start(
            exchange.account.email,
            None if target is None else target.id,
            {
                "metadata": body,
                "parameters": {**exchange.query},
                "mime": request.headers.get("X-Upload-Content-Type", ""),
                "declared": size,
            },
        )
        place = request.rel_url.update_query({"upload_id": session.id})
        headers = {"Location": f"{exchange.origin}{place}", "X-GUploader-UploadID": session.id}
        return web.Response(headers=headers)

    async def _at_once(
        self, exchange: Exchange, body: Json, mime: str, media: AsyncIterator[bytes]
    ) -> web.StreamResponse:
        target = self._check(exchange, body, 0)
        blobs = self._service.blobs
        blob, digests = blobs.new(), blobs.digests()
        try:
            size = await blobs.append(blob, 0, exchange.stored(media), digests)
            content = Content(blob, size, digests.told())
            file = self._put(exchange, target, {"mimeType": mime or BINARY, **body}, content)
        except BaseException:
            blobs.remove(blob)
            raise
        return self._service.file_answer(exchange, file)

    async def _continue(self, exchange: Exchange) -> web.StreamResponse:
        upload_id = exchange.query["upload_id"]
        async with self._alone(upload_id, exchange):
            session = self._service.uploads.session(upload_id)
            if exchange.action == "dead-session":
                assert exchange.fault is not None
                self._service.uploads.end(session, "dead")
                raise DriveError(exchange.fault.status, "notFound", "Upload session not found.")
            if exchange.kind == "upload.cancel":
                self._service.uploads.end(session, "cancelled")
                raise cancelled()
            if not exchange.is_authenticated:  # the session's address is enough
                account = self._service.accounts.account(session.email)
                exchange.authenticate(account, "")
            if session.result is not None:
                return self._done(exchange, session)
            return await self._go_on(exchange, session)

    async def _go_on(self, exchange: Exchange, session: Session) -> web.StreamResponse:
        request = exchange.request
        length = request.content_length if request.body_exists else 0
        part = parse_range(request.headers.get("Content-Range"), length)
        if not part.asks_only:
            at_most = exchange.short_commit
            media = exchange.stored(exchange.body())
            session = await self._service.uploads.receive(session, part, media, at_most)
        if session.received != _total(part, session):
            return _incomplete(session)
        content = await self._service.uploads.content(session)
        body = {"mimeType": session.mime or BINARY, **session.metadata}
        target = None if session.file is None else self._service.files.find(session.file)
        with self._service.storage.transaction():
            file = self._put(exchange, target, body, content)
            self._service.uploads.finish(session, file.id)
        return self._service.file_answer(exchange, file, session.parameters.get("fields"))

    def _done(self, exchange: Exchange, session: Session) -> web.StreamResponse:
        """Answer a question after the end as the last chunk was answered."""
        assert session.result is not None
        file = self._service.access.visible(exchange.account, session.result, all_drives=True)
        return self._service.file_answer(exchange, file, session.parameters.get("fields"))

    def _check(self, exchange: Exchange, body: Json, size: int) -> File | None:
        """Refuse an upload before any byte is taken; return the file that it is for, if any."""
        service, account = self._service, exchange.account
        file_id = exchange.request.match_info.get("file_id")
        if file_id is None:
            service.editing.check_create(account, body, all_drives=exchange.all_drives, size=size)
            return None
        file = service.access.visible(account, file_id, all_drives=exchange.all_drives)
        service.editing.check_content(account, file, body, size)
        return file

    def _put(self, exchange: Exchange, target: File | None, body: Json, content: Content) -> File:
        editing, account = self._service.editing, exchange.account
        if target is None:
            return editing.create(account, body, content, all_drives=True)
        moves = dict(exchange.query)
        return editing.put_content(account, target.id, body, moves, content)

    @asynccontextmanager
    async def _alone(self, upload_id: str, exchange: Exchange) -> AsyncGenerator[None]:
        """Serve one request of a session at a time; a newer one cuts off the older."""
        former = self._serving.get(upload_id)
        if former is not None:
            former.abort()
        async with self._service.uploads.lock(upload_id):
            self._serving[upload_id] = exchange
            try:
                yield
            finally:
                if self._serving.get(upload_id) is exchange:
                    del self._serving[upload_id]


def _total(part: Part, session: Session) -> int | None:
    """Return the whole size, if it is known by now."""
    if part.total is not None:
        return part.total
    if part.asks_only or part.end is not None:
        return None
    return session.received  # a body without a range is the whole content


def _incomplete(session: Session) -> web.Response:
    headers = {"Range": f"bytes=0-{session.received - 1}"} if session.received else {}
    return web.Response(status=308, reason="Resume Incomplete", headers=headers)
