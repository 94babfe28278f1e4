"""The routes that are not about files: tokens, accounts, shared drives, changes."""

from __future__ import annotations

from aiohttp import web

from tests.servers.drive.accounts import GRANT
from tests.servers.drive.api_files import asked
from tests.servers.drive.errors import DriveError, OAuthError
from tests.servers.drive.exchange import Exchange, Json
from tests.servers.drive.listing import page_size
from tests.servers.drive.resources import told_time
from tests.servers.drive.service import Service


class OtherRoutes:
    """Each method is a route."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def token(self, exchange: Exchange) -> web.StreamResponse:
        """Answer a service account that asks for an access token."""
        form = await exchange.request.post()
        if form.get("grant_type") != GRANT:
            raise OAuthError("unsupported_grant_type", "Invalid grant_type.")
        own_uri = f"{exchange.origin}{exchange.request.path}"
        told = self._service.accounts.grant(str(form.get("assertion", "")), own_uri)
        return web.json_response(told)

    async def about(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `about.get`, which wants `fields` named."""
        if "fields" not in exchange.query:
            message = "The 'fields' parameter is required for this method."
            raise DriveError(400, "required", message, parameter="fields")
        told = self._service.resources.about(exchange.account)
        return self._service.answer(exchange, told, "about")

    async def drives(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `drives.list`."""
        ids = self._service.access.drives(exchange.account)
        size = page_size(exchange.query, 10, 100)
        start = int(exchange.query.get("pageToken") or 0)
        told: Json = {
            "kind": "drive#driveList",
            "drives": [self._drive(each) for each in ids[start : start + size]],
        }
        if len(ids) > start + size:
            told["nextPageToken"] = str(start + size)
        return self._service.answer(exchange, told, "drives")

    async def drive(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `drives.get`."""
        drive_id = exchange.request.match_info["drive_id"]
        told = self._drive(self._service.access.drive(exchange.account, drive_id))
        return self._service.answer(exchange, told, "drive")

    async def start_token(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `changes.getStartPageToken`."""
        scope = asked(exchange)
        if scope.drive is not None:
            self._service.access.drive(exchange.account, scope.drive)
        token = self._service.listing.start_token()
        told = {"kind": "drive#startPageToken", "startPageToken": token}
        return self._service.answer(exchange, told, "token")

    async def changes(self, exchange: Exchange) -> web.StreamResponse:
        """Answer `changes.list`."""
        service, scope = self._service, asked(exchange)
        if scope.drive is not None:
            service.access.drive(exchange.account, scope.drive)
        page = service.listing.changes(scope, exchange.query, exchange.lag)
        changes: list[Json] = []
        for row, file in page.found:
            told: Json = {
                "kind": "drive#change",
                "type": "file",
                "changeType": "file",
                "time": told_time(row["time"]),
                "removed": file is None,
                "fileId": row["file"],
            }
            told |= {"driveId": row["drive"]} if row["drive"] else {}
            if file is not None:
                told["file"] = service.resources.file(file, exchange.account)
            changes.append(told)
        answer: Json = {"kind": "drive#changeList", "changes": changes}
        if page.next_token:
            answer["nextPageToken"] = page.next_token
        else:
            answer["newStartPageToken"] = page.start_token
        return service.answer(exchange, answer, "changes")

    def _drive(self, drive_id: str) -> Json:
        row = self._service.storage.row("SELECT * FROM drives WHERE id = ?", drive_id)
        assert row is not None
        return self._service.resources.drive(row)
