"""The routes of `files`, apart from uploads."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing

from aiohttp import web

from tests.servers.drive.errors import DriveError, forbidden, invalid
from tests.servers.drive.exchange import Exchange, flipped
from tests.servers.drive.files import File
from tests.servers.drive.listing import Asked
from tests.servers.drive.service import Service
from tests.servers.drive.storage import new_id

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class FileRoutes:
    """Each method is a route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def list_files(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.list`."""
        service = self._service
        page = service.listing.files(asked(exchange), exchange.query, exchange.lag)
        told = {
            "kind": "drive#fileList",
            "incompleteSearch": False,
            "files": service.resources.files(page.found, exchange.account),
        }
        told |= {"nextPageToken": page.next_token} if page.next_token else {}
        return service.answer(exchange, told, "files")

    async def create(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.create` without bytes: folders, shortcuts, empty files."""
        body = await exchange.json()
        made = self._service.editing.create(
            exchange.account, body, None, all_drives=exchange.all_drives
        )
        return self._service.file_answer(exchange, made)

    async def get(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.get`."""
        return self._service.file_answer(exchange, self._visible(exchange))

    async def update(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.update` without bytes: names, times, properties, parents, the trash."""
        file, body = self._visible(exchange), await exchange.json()
        changed = self._service.editing.update(exchange.account, file, body, dict(exchange.query))
        return self._service.file_answer(exchange, changed)

    async def delete(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.delete`: for good, not to the trash."""
        self._service.editing.delete(exchange.account, self._visible(exchange))
        return web.Response(status=204)

    async def empty_trash(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.emptyTrash`."""
        self._service.editing.empty_trash(exchange.account)
        return web.Response(status=204)

    async def copy(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.copy`."""
        file, body = self._visible(exchange), await exchange.json()
        copied = self._service.editing.copy(
            exchange.account, file, body, all_drives=exchange.all_drives
        )
        return self._service.file_answer(exchange, copied)

    async def generate_ids(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `files.generateIds`."""
        text = exchange.query.get("count", "10")
        if not text.isdecimal() or not 1 <= int(text) <= 1000:
            message = f"Invalid value '{text}'. Values must be within the range: [1, 1000]"
            raise invalid("count", message, "invalidParameter")
        ids = [new_id() for _ in range(int(text))]
        with self._service.storage.transaction():
            for each in ids:
                row = {"id": each, "email": exchange.account.email}
                self._service.storage.insert("ids", row)
        told = {"kind": "drive#generatedIds", "space": "drive", "ids": ids}
        return self._service.answer(exchange, told, "ids")

    async def download(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `alt=media`. Clients leave `supportsAllDrives` out here, and may."""
        file_id = exchange.request.match_info["file_id"]
        file = self._service.access.visible(exchange.account, file_id, all_drives=True)
        if file.blob is None or file.is_native:
            message = (
                "Only files with binary content can be downloaded. Use Export with Docs Editors "
                "files."
            )
            raise forbidden("fileNotDownloadable", message, "alt")
        return await self._send(exchange, file)

    async def _send(self, exchange: Exchange, file: File) -> web.StreamResponse:
        size = file.size or 0
        header = exchange.request.headers.get("Range")
        start, end = (0, size) if header is None else _asked_range(header, size)
        answer = web.StreamResponse(status=200 if header is None else 206)
        answer.content_type = file.mime
        answer.content_length = end - start
        if header is not None:
            answer.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        await answer.prepare(exchange.request)
        assert file.blob is not None
        sent = 0
        async with aclosing(self._service.blobs.pieces(file.blob, start, end - start)) as pieces:
            async for piece in pieces:
                await answer.write(await _spoiled(exchange, answer, piece, sent))
                sent += len(piece)
        await answer.write_eof()
        return answer

    def _visible(self, exchange: Exchange) -> File:
        file_id = exchange.request.match_info["file_id"]
        all_drives = exchange.all_drives
        return self._service.access.visible(exchange.account, file_id, all_drives=all_drives)


def asked(exchange: Exchange) -> Asked:
    """Return the scope of a listing, as its parameters say."""
    query = exchange.query
    drive = query.get("driveId") or query.get("teamDriveId")
    corpora = query.get("corpora", "user")
    if corpora not in ("user", "drive", "domain", "allDrives"):
        raise invalid("corpora")
    return Asked(
        exchange.account,
        corpora,
        drive,
        exchange.all_drives,
        exchange.flag("includeItemsFromAllDrives", "includeTeamDriveItems"),
    )


def _asked_range(header: str, size: int) -> tuple[int, int]:
    """Return the half-open range that is asked for."""
    match = _RANGE.fullmatch(header.strip())
    first, last = match.groups() if match else ("", "")
    if match is None or not (first or last):
        start, end = size, size
    elif not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    if start >= end:
        message = "Request range not satisfiable"
        headers = {"Content-Range": f"bytes */{size}"}
        more = {"parameter": "Range", "headers": headers}
        raise DriveError(416, "requestedRangeNotSatisfiable", message, **more)
    return start, end


async def _spoiled(
    exchange: Exchange, answer: web.StreamResponse, piece: bytes, sent: int
) -> bytes:
    """Return a piece of a download as the fault wants it; cuts the connection where that is it."""
    fault = exchange.fault
    if fault is None:
        return piece
    if fault.action == "corrupt" and sent == 0:
        return flipped(piece)
    if fault.action in ("cut", "stall") and sent <= fault.bytes < sent + len(piece):
        head = fault.bytes - sent
        await answer.write(piece[:head])
        if fault.action == "cut":
            exchange.sever()
        await asyncio.sleep(fault.seconds)
        return piece[head:]
    return piece
