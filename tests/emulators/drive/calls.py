"""Requests as they go over the wire, for rules that no client of others shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from tests.servers.drive import OWNER, DriveEmulator
from tests.servers.drive.running import Answer

FILES = "/drive/v3/files"
UPLOAD = "/upload/drive/v3/files"
GRAIN = 256 * 1024


@dataclass
class Caller:
    """Makes requests of the emulator as an account."""

    drive: DriveEmulator
    token: str

    def ask(
        self, method: str, path: str, body: Any = b"", headers: dict[str, str] | None = None
    ) -> Answer:
        """Make a request; a body that is no bytes is sent as JSON."""
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        return self.drive.request(method, path, sent, told)

    def get(self, path: str, **parameters: str) -> Answer:
        """Ask for something."""
        return self.ask("GET", f"{path}?{urlencode(parameters, quote_via=quote)}")

    def start(self, body: dict[str, Any], size: int | None = None) -> str:
        """Open a session for a new file, and return its address below the emulator's."""
        headers = {} if size is None else {"X-Upload-Content-Length": str(size)}
        path = f"{UPLOAD}?uploadType=resumable&supportsAllDrives=true&fields=id,size,md5Checksum"
        answer = self.ask("POST", path, body, headers)
        assert answer.status == 200, answer.body
        return answer.headers["Location"].removeprefix(self.drive.url)

    def send(self, session: str, piece: bytes, start: int, total: int | str) -> Answer:
        """Send a chunk."""
        where = f"bytes {start}-{start + len(piece) - 1}/{total}"
        return self.drive.request("PUT", session, piece, {"Content-Range": where})

    def where(self, session: str, total: int | str = "*") -> Answer:
        """Ask how far a session is."""
        return self.drive.request("PUT", session, b"", {"Content-Range": f"bytes */{total}"})


def owner(drive: DriveEmulator) -> Caller:
    """Return requests of the person whose Drive it is."""
    return Caller(drive, drive.token(OWNER))


def reason(answer: Answer) -> str:
    """Return the reason of an error."""
    told: str = answer.json["error"]["errors"][0]["reason"]
    return told
