"""Requests as they go over the wire, for rules that no client of others shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote, urlencode

FILES = "/drive/v3/files"
UPLOAD = "/upload/drive/v3/files"
GRAIN = 256 * 1024


@dataclass(frozen=True)
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON; None where there is none."""
        return json.loads(self.body) if self.body else None

    @property
    def reason(self) -> str:
        """The reason of an error; empty where there is none."""
        try:
            told: str = self.json["error"]["errors"][0]["reason"]
        except (ValueError, TypeError, LookupError):
            return ""
        return told


class Server(Protocol):
    """Whatever answers requests at an address: the emulator, or the service itself."""

    @property
    def url(self) -> str:
        """The address, without a slash at the end."""
        ...

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Make a request as it is, and return the answer, whatever it says."""
        ...


@dataclass(frozen=True)
class Caller:
    """Makes requests as an account."""

    server: Server
    token: str

    def ask(
        self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Make a request; a body that is no bytes is sent as JSON."""
        mime = {} if isinstance(body, bytes) else {"Content-Type": "application/json"}
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Authorization": f"Bearer {self.token}", **mime, **(headers or {})}
        return self.server.request(method, path, sent, told)

    def get(self, path: str, **parameters: str) -> Answer:
        """Ask for something."""
        return self.ask("GET", f"{path}?{urlencode(parameters, quote_via=quote)}")

    def put(self, body: dict[str, Any], content: bytes) -> Answer:
        """Make a file in one request, with all its bytes."""
        text = b"--cut\r\nContent-Type: application/json\r\n\r\n" + json.dumps(body).encode()
        text += b"\r\n--cut\r\nContent-Type: application/octet-stream\r\n\r\n" + content
        text += b"\r\n--cut--\r\n"
        path = f"{UPLOAD}?uploadType=multipart&supportsAllDrives=true&fields=*"
        return self.ask("POST", path, text, {"Content-Type": "multipart/related; boundary=cut"})

    def begin(self, body: dict[str, Any], size: int | None = None) -> Answer:
        """Ask for a session for a new file."""
        headers = {} if size is None else {"X-Upload-Content-Length": str(size)}
        path = f"{UPLOAD}?uploadType=resumable&supportsAllDrives=true&fields=id,size,md5Checksum"
        return self.ask("POST", path, body, headers)

    def start(self, body: dict[str, Any], size: int | None = None) -> str:
        """Open a session for a new file, and return its address below the server's."""
        answer = self.begin(body, size)
        assert answer.status == 200, answer.body
        return answer.headers["Location"].removeprefix(self.server.url)

    def send(self, session: str, piece: bytes, start: int, total: int | str) -> Answer:
        """Send a chunk."""
        where = f"bytes {start}-{start + len(piece) - 1}/{total}"
        return self.server.request("PUT", session, piece, {"Content-Range": where})

    def where(self, session: str, total: int | str = "*") -> Answer:
        """Ask how far a session is."""
        return self.server.request("PUT", session, b"", {"Content-Range": f"bytes */{total}"})
