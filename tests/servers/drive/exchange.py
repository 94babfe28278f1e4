"""One request and its answer: parameters, bodies, and the fault that belongs to it."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import AsyncIterator
from typing import Any, NoReturn, cast

from aiohttp import web

from tests.servers.drive.accounts import Account
from tests.servers.drive.errors import DriveError, forbidden, invalid
from tests.servers.drive.faults import Fault

Json = dict[str, Any]
FULL_SCOPE = "https://www.googleapis.com/auth/drive"


class SeveredError(Exception):
    """The connection was cut on purpose; there is nobody to answer."""


class Exchange:
    """What a route works with."""

    def __init__(self, request: web.Request, kind: str, fault: Fault | None) -> None:
        self.request = request
        self.kind = kind
        self.fault = fault
        self.query = request.query
        self._account: Account | None = None
        self.scope = ""

    @property
    def account(self) -> Account:
        """Who asks."""
        assert self._account is not None
        return self._account

    def authenticate(self, account: Account, scope: str) -> None:
        """Remember who asks, and what the token is good for."""
        self._account = account
        self.scope = scope

    @property
    def is_authenticated(self) -> bool:
        """Whether it is known who asks."""
        return self._account is not None

    def need_scope(self, *, writing: bool) -> None:
        """Refuse a token that was not made for this."""
        scopes = set(self.scope.split())
        enough = [FULL_SCOPE, FULL_SCOPE + ".file", *([] if writing else [_READING])]
        if scopes.isdisjoint(enough):
            message = "Request had insufficient authentication scopes."
            raise forbidden("insufficientPermissions", message)

    def flag(self, *names: str) -> bool:
        """Return whether one of these parameters is `true`; anything but true and false is refused."""
        for name in names:
            text = self.query.get(name)
            if text not in (None, "true", "false"):
                message = f"Invalid value '{text}'. Values must match: '(true|false)'"
                raise invalid(name, message, "invalidParameter")
            if text == "true":
                return True
        return False

    @property
    def all_drives(self) -> bool:
        """Whether the client says that it knows shared drives."""
        return self.flag("supportsAllDrives", "supportsTeamDrives")

    async def json(self) -> Json:
        """Return the request's JSON."""
        return parsed(await self.request.read())

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the request's body as it comes; a fault may cut it."""
        left = self.fault.bytes if self.fault is not None and self.fault.action == "cut" else None
        async for piece in self.request.content.iter_any():
            if left is not None and len(piece) >= left:
                yield piece[:left]
                self.sever()
            left = None if left is None else left - len(piece)
            yield piece
        if left is not None:
            self.sever()

    async def stored(self, media: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield bytes on their way into a file; a fault may turn a bit of them."""
        corrupt = self.action == "corrupt"
        async for piece in media:
            yield flipped(piece) if corrupt else piece
            corrupt = corrupt and not piece

    def sever(self) -> NoReturn:
        """End the work on this request; the connection is cut once it has ended."""
        raise SeveredError

    def abort(self) -> None:
        """Cut the connection as a failing network does: a reset, nothing said."""
        transport = self.request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            transport.abort()

    @property
    def action(self) -> str | None:
        """What goes wrong with this request."""
        return None if self.fault is None else self.fault.action

    @property
    def short_commit(self) -> int | None:
        """How many bytes of a chunk are committed at most."""
        short = self.fault is not None and self.fault.action == "short-commit"
        return self.fault.bytes if self.fault is not None and short else None

    @property
    def lag(self) -> float:
        """How many seconds listings are behind."""
        return self.fault.seconds if self.fault is not None and self.fault.action == "lag" else 0.0

    @property
    def origin(self) -> str:
        """The address that the client knows this server by."""
        host = self.request.host
        return f"https://{host}" if host.endswith(".googleapis.com") else f"http://{host}"


_READING = FULL_SCOPE + ".readonly"


def flipped(piece: bytes) -> bytes:
    """Return bytes of which one bit is another."""
    return bytes([piece[0] ^ 1]) + piece[1:] if piece else piece


def parsed(text: bytes) -> Json:
    """Return a JSON object, as a request must carry it."""
    if not text.strip():
        return {}
    try:
        value: Any = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise DriveError(400, "parseError", "Parse Error")
    return cast("Json", value)
