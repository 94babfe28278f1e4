"""The emulator as a whole, and what happens around each request: counting, faults, accounts."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.servers.drive.access import Access
from tests.servers.drive.accounts import Account, Accounts
from tests.servers.drive.blobs import Blobs
from tests.servers.drive.editing import Editing
from tests.servers.drive.errors import (
    DriveError,
    OAuthError,
    api_disabled,
    rate_limited,
    unauthenticated,
)
from tests.servers.drive.exchange import Exchange, Json, SeveredError
from tests.servers.drive.faults import Fault, Faults
from tests.servers.drive.fields import parse_fields, selected
from tests.servers.drive.files import File, Files
from tests.servers.drive.listing import Listing
from tests.servers.drive.resources import Resources
from tests.servers.drive.storage import Storage
from tests.servers.drive.uploads import Uploads

Route = Callable[[Exchange], Awaitable[web.StreamResponse]]
CHECKSUMS = ("md5", "sha1", "sha256")
# What is told where nobody asks for more.
_USUAL = {
    "file": "kind,id,name,mimeType,teamDriveId,driveId",
    "files": "kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType,teamDriveId,driveId)",
    "changes": "kind,nextPageToken,newStartPageToken,changes(kind,type,changeType,time,removed,"
    "fileId,driveId,file(kind,id,name,mimeType,teamDriveId,driveId))",
    "drive": "kind,id,name",
    "drives": "kind,nextPageToken,drives(kind,id,name)",
}


class Service:
    """All parts of the emulator, over one folder."""

    def __init__(self, folder: Path, checksums: tuple[str, ...] = CHECKSUMS) -> None:
        self.storage = Storage(folder)
        self.accounts = Accounts(self.storage)
        self.files = Files(self.storage)
        self.access = Access(self.storage, self.files)
        self.blobs = Blobs(self.storage.contents, checksums)
        self.editing = Editing(self.storage, self.accounts, self.files, self.access, self.blobs)
        self.listing = Listing(self.storage, self.files, self.access)
        self.uploads = Uploads(self.storage, self.blobs)
        self.resources = Resources(self.accounts, self.files, self.access)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.calls_per_second: float | None = None
        self._calls: dict[str, deque[float]] = {}

    async def serve(
        self, request: web.Request, kind: str, route: Route, *, writing: bool | None
    ) -> web.StreamResponse:
        """
        Answer a request of the API: counted, spoiled where a fault is due, refused in JSON.

        `writing` says which scope it takes; None: it needs no token.
        """
        self.requests[kind] += 1
        exchange = Exchange(request, kind, self.faults.pick(kind))
        try:
            await self._spoil(exchange)
            self._admit(exchange, writing=writing)
            answer = await route(exchange)
        except (DriveError, OAuthError) as error:
            answer = _refusal(error)
        except (SeveredError, ConnectionError):
            exchange.abort()
            return web.Response()  # nobody reads it
        return self._spoiled(exchange, answer)

    def answer(
        self, exchange: Exchange, told: Json, resource: str, fields: str | None = None
    ) -> web.Response:
        """Return JSON, of it what `fields` (else the request's) selects, else what is usual."""
        fields = fields or exchange.query.get("fields") or _USUAL.get(resource)
        told = selected(told, parse_fields(fields, resource)) if fields else told
        if exchange.action == "wrong-md5":
            told = _with_wrong_md5(told)
        return web.json_response(told)

    def file_answer(
        self, exchange: Exchange, file: File, fields: str | None = None
    ) -> web.Response:
        """Return a file."""
        return self.answer(exchange, self.resources.file(file, exchange.account), "file", fields)

    async def _spoil(self, exchange: Exchange) -> None:
        fault = exchange.fault
        if fault is None:
            return
        if fault.action == "reset":
            exchange.sever()
        if fault.action == "error":
            raise refusal_of(fault)
        if fault.action == "stall" and exchange.kind != "download":
            await asyncio.sleep(fault.seconds)

    def _spoiled(self, exchange: Exchange, answer: web.StreamResponse) -> web.StreamResponse:
        fault = exchange.fault
        if fault is not None and fault.action == "commit-then-reset":
            exchange.abort()
        if fault is not None and fault.action == "answer":
            return web.Response(status=fault.status, text=fault.text, content_type="text/html")
        return answer

    def _admit(self, exchange: Exchange, *, writing: bool | None) -> None:
        """Find out who asks, and refuse whom Google refuses."""
        header = exchange.request.headers.get("Authorization", "")
        if writing is None and not header:
            return
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer":
            raise unauthenticated()
        account, scope = self.accounts.by_token(token.strip())
        exchange.authenticate(account, scope)
        if writing is not None:
            exchange.need_scope(writing=writing)
        if account.project.startswith("disabled"):
            raise api_disabled(account.project)
        self._count_call(account)

    def _count_call(self, account: Account) -> None:
        if self.calls_per_second is None:
            return
        now = time.monotonic()
        calls = self._calls.setdefault(account.email, deque())
        while calls and calls[0] < now - 1:
            calls.popleft()
        if len(calls) >= self.calls_per_second:
            raise rate_limited()
        calls.append(now)


def refusal_of(fault: Fault) -> DriveError:
    """Return the error that a fault orders."""
    headers: Mapping[str, str] = {}
    if fault.retry_after is not None:
        headers = {"Retry-After": f"{fault.retry_after:g}"}
    message = f"Injected: {fault.reason}"
    return DriveError(fault.status, fault.reason, message, domain=fault.domain, headers=headers)


def _refusal(error: DriveError | OAuthError) -> web.Response:
    if isinstance(error, OAuthError):
        return web.json_response(error.body(), status=error.status)
    reason = "Client Closed Request" if error.status == 499 else None
    text = json.dumps(error.body())
    headers = error.headers
    return web.Response(
        status=error.status,
        reason=reason,
        text=text,
        content_type="application/json",
        headers=headers,
    )


def _with_wrong_md5(told: Any) -> Any:
    """Return the answer with every md5 replaced, however deep it stands."""
    text = re.sub(
        r'"md5Checksum": "[0-9a-f]{32}"', f'"md5Checksum": "{"0" * 32}"', json.dumps(told)
    )
    return json.loads(text)
