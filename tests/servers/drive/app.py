"""The emulator's HTTP server: which route answers what."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.servers.drive.api_files import FileRoutes
from tests.servers.drive.api_others import OtherRoutes
from tests.servers.drive.api_uploads import UploadRoutes, kind_of
from tests.servers.drive.control import Control
from tests.servers.drive.service import CHECKSUMS, Route, Service

_BUFFER = 1024 * 1024
_V3 = "/drive/v3"


@asynccontextmanager
async def served(
    folder: Path, port: int = 0, checksums: tuple[str, ...] = CHECKSUMS
) -> AsyncGenerator[int]:
    """Serve what a folder holds on 127.0.0.1 until the block ends; yields the port."""
    service = Service(folder, checksums)
    runner = web.AppRunner(
        application(service), access_log=None, read_bufsize=_BUFFER, shutdown_timeout=1
    )
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, reuse_address=True)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
        service.storage.close()


def application(service: Service) -> web.Application:
    """Return the application with all its routes."""
    app = web.Application(client_max_size=16 * 1024 * 1024)
    files, others, uploads = FileRoutes(service), OtherRoutes(service), UploadRoutes(service)

    def add(method: str, path: str, kind: str, route: Route, *, writing: bool | None) -> None:
        _add(app, service, (method, path), lambda _: (kind, route), writing=writing)

    for path in ("/token", "/oauth2/v4/token", "/o/oauth2/token"):
        add("POST", path, "token", others.token, writing=None)
    add("GET", f"{_V3}/about", "about.get", others.about, writing=False)
    add("GET", f"{_V3}/drives", "drives.list", others.drives, writing=False)
    add("GET", f"{_V3}/drives/{{drive_id}}", "drives.get", others.drive, writing=False)
    add("GET", f"{_V3}/changes", "changes.list", others.changes, writing=False)
    start = f"{_V3}/changes/startPageToken"
    add("GET", start, "changes.getStartPageToken", others.start_token, writing=False)
    add("GET", f"{_V3}/files", "files.list", files.list_files, writing=False)
    add("POST", f"{_V3}/files", "files.create", files.create, writing=True)
    add("GET", f"{_V3}/files/generateIds", "files.generateIds", files.generate_ids, writing=True)
    add("DELETE", f"{_V3}/files/trash", "files.emptyTrash", files.empty_trash, writing=True)
    one = f"{_V3}/files/{{file_id}}"
    _add(app, service, ("GET", one), lambda request: _get(files, request), writing=False)
    add("PATCH", one, "files.update", files.update, writing=True)
    add("DELETE", one, "files.delete", files.delete, writing=True)
    add("POST", f"{one}/copy", "files.copy", files.copy, writing=True)
    for prefix in ("/upload", "/resumable/upload"):
        for method in ("POST", "PATCH", "PUT", "DELETE"):
            for path in (f"{prefix}{_V3}/files", f"{prefix}{one}"):
                _add_upload(app, service, (method, path), uploads)
    Control(service).add_routes(app)
    return app


def _get(files: FileRoutes, request: web.Request) -> tuple[str, Route]:
    if request.query.get("alt") == "media":
        return "download", files.download
    return "files.get", files.get


def _add(
    app: web.Application,
    service: Service,
    where: tuple[str, str],
    choose: Callable[[web.Request], tuple[str, Route]],
    *,
    writing: bool | None,
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        kind, route = choose(request)
        return await service.serve(request, kind, route, writing=writing)

    app.router.add_route(*where, handle)


def _add_upload(
    app: web.Application, service: Service, where: tuple[str, str], uploads: UploadRoutes
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        kind = kind_of(request)
        # A session's address is enough to go on with it.
        writing = None if "upload_id" in request.query else True
        return await service.serve(request, kind, uploads.any, writing=writing)

    app.router.add_route(*where, handle)
