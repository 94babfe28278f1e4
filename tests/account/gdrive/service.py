"""The service as its wire shows it: requests of a service account, with nothing in between."""

from __future__ import annotations

import argparse
import http.client
import json
import socket
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from google.auth import crypt, jwt

from tests.servers.drive import GOOGLE_TOKENS
from tests.servers.drive.calls import FILES, Answer, Caller

GOOGLE = "https://www.googleapis.com"
_SECONDS = 120.0
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FOLDER = "application/vnd.google-apps.folder"


@dataclass(frozen=True)
class Service:
    """Google Drive at an address, or what stands for it."""

    url: str = GOOGLE

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Make one request, and return the answer, whatever it says."""
        connection = _connection(self.url)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def break_off(self, path: str, headers: dict[str, str], size: int, sent: bytes) -> None:
        """Begin to PUT `size` bytes, and hang up after some of them."""
        connection = _connection(self.url)
        try:
            connection.putrequest("PUT", path)
            for name, value in {**headers, "Content-Length": str(size)}.items():
                connection.putheader(name, value)
            connection.endheaders()
            connection.send(sent)
            time.sleep(1)  # so that they are under way, and not taken back with the connection
            assert isinstance(connection.sock, socket.socket)
            connection.sock.shutdown(socket.SHUT_RDWR)
        finally:
            connection.close()


@dataclass(frozen=True)
class Account:
    """A service account at work in a folder of its own, which it leaves in the trash."""

    service: Service
    key: dict[str, Any]
    parent: str
    doing: str

    @cached_property
    def calls(self) -> Caller:
        """Requests with a token of this account."""
        return Caller(self.service, _granted(self.key))

    @cached_property
    def folder(self) -> str:
        """The id of a new folder, where all is done."""
        now = time.strftime("%Y-%m-%d %H.%M.%S")
        return self.made(f"sitesync {self.doing}, {now}", self.parent)

    @cached_property
    def drive(self) -> str | None:
        """The id of the shared drive that the folder lies in, if it does."""
        answer = self.calls.get(f"{FILES}/{self.parent}", fields="driveId", **_ALL)
        _expect(answer)
        drive: str | None = answer.json.get("driveId")
        return drive

    def made(self, name: str, parent: str) -> str:
        """Make a folder, and return its id."""
        body = {"name": name, "parents": [parent], "mimeType": FOLDER}
        answer = self.calls.ask("POST", f"{FILES}?supportsAllDrives=true", body)
        _expect(answer)
        folder: str = answer.json["id"]
        return folder

    def put(self, name: str, content: bytes, **more: Any) -> Answer:
        """Put a file there in one request."""
        return self.calls.put({"name": name, "parents": [self.folder], **more}, content)

    def body(self, name: str) -> dict[str, Any]:
        """Return what a new file is told to be."""
        return {"name": name, "parents": [self.folder]}

    def named(self, query: str) -> list[str]:
        """Return the names of the files in the folder that a query finds."""
        asked = f"'{self.folder}' in parents and trashed = false and {query}"
        answer = self.calls.get(FILES, q=asked, includeItemsFromAllDrives="true", **_ALL)
        _expect(answer)
        return sorted(file["name"] for file in answer.json["files"])

    def clear(self) -> None:
        """Put the folder into the trash, with all that is in it."""
        self.calls.ask("PATCH", f"{FILES}/{self.folder}?supportsAllDrives=true", {"trashed": True})


def arguments(program: str, about: str | None) -> argparse.ArgumentParser:
    """Return what reads whose account is asked, and where."""
    parser = argparse.ArgumentParser(prog=program, description=about)
    parser.add_argument("--credentials", type=Path, required=True, help="a service account's key")
    parser.add_argument("--folder", required=True, help="a folder that the account may write to")
    parser.add_argument("--service", default=GOOGLE, help="where the service is")
    return parser


def account(given: argparse.Namespace, doing: str = "asks") -> Account:
    """Return the account of a key file; a folder is named by its id, or by its address."""
    key_file: Path = given.credentials
    try:
        key: dict[str, Any] = json.loads(key_file.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{key_file} is no service account's key file: {error}") from None
    parent = urlsplit(str(given.folder)).path.rstrip("/").rpartition("/")[2]
    return Account(Service(given.service), key, parent, doing)


_ALL = {"supportsAllDrives": "true"}


def _connection(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    assert parts.hostname is not None
    return kind(parts.hostname, parts.port, timeout=_SECONDS)


def _granted(key: dict[str, Any]) -> str:
    now = int(time.time())
    claims = {
        "iss": key["client_email"],
        "scope": "https://www.googleapis.com/auth/drive",
        "aud": GOOGLE_TOKENS,
        "iat": now,
        "exp": now + 3600,
    }
    signer: Any = crypt.RSASigner.from_service_account_info(key)  # type: ignore[no-untyped-call]  # has none
    signed: bytes = jwt.encode(signer, claims)  # type: ignore[no-untyped-call]  # has none
    form = urlencode({"grant_type": _GRANT, "assertion": signed.decode()}).encode()
    parts = urlsplit(str(key["token_uri"]))
    service = Service(f"{parts.scheme}://{parts.netloc}")
    answer = service.request("POST", parts.path, form, _FORM)
    _expect(answer)
    token: str = answer.json["access_token"]
    return token


def _expect(answer: Answer) -> None:
    """Raise what was answered, where the account cannot do what all the questions need."""
    if answer.status != 200:
        raise SystemExit(f"the service answered {answer.status}: {answer.body.decode()}")
