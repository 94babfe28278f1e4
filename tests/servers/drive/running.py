"""The emulator as tests use it: a process of its own, and a handle on it."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.servers.drive.accounts import FOLDER, OWNER
from tests.servers.drive.calls import FILES, Answer, Caller
from tests.servers.drive.faults import Fault
from tests.servers.processes import die_with_parent

GOOGLE_TOKENS = "https://oauth2.googleapis.com/token"
_SECONDS = 20.0


@dataclass(frozen=True)
class StoredFile:
    """A file as the emulator keeps it."""

    id: str
    name: str
    path: str
    mime: str
    parent: str | None
    owner: str | None
    drive: str | None
    size: int | None
    blob: str | None
    md5: str | None
    modified: int
    trashed: bool
    version: int
    properties: dict[str, dict[str, str]]


class DriveEmulator:
    """A running emulator: whom it knows, what goes wrong, what it was asked, what it keeps."""

    def __init__(self, folder: Path, checksums: tuple[str, ...], port: int = 0) -> None:
        self.folder = folder
        self._checksums = checksums
        self._process: subprocess.Popen[bytes] | None = None
        self._accounts: dict[str, str] = {}
        self._tokens: dict[str, str] = {}
        self.port = port

    @property
    def url(self) -> str:
        """The address, without a slash at the end: what stands for `https://www.googleapis.com`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that serves now."""
        assert self._process is not None
        return self._process

    def start(self) -> None:
        """Start to serve; again on the port it had, if it has served before."""
        command = [sys.executable, "-m", "tests.servers.drive", str(self.folder)]
        command += ["--port", str(self.port), "--checksums", *self._checksums]
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=Path(__file__).parents[3],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it calls nothing but the kernel
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start: {(self.folder / 'log').read_text()}")
        self.port = json.loads(line)["port"]

    def stop(self, *, kill: bool = False) -> None:
        """End it: with SIGTERM, or as a power cut would."""
        if self._process is None:
            return
        if kill:
            self._process.kill()
        else:
            self._process.terminate()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def service_account(
        self, name: str = "sitesync", *, storage: int = 0, project: str = "studio-1"
    ) -> str:
        """
        Return a service account's address, made if there is none of this name.

        Google gives new ones no storage: they own no files in My Drive, only in shared drives.
        A project whose name begins with `disabled` has the Drive API switched off.
        """
        email = f"{name}@{project}.iam.gserviceaccount.com"
        if email not in self._accounts:
            order = {"email": email, "name": email, "storage": storage, "project": project}
            self._accounts[email] = self._order("account", order)["root"]
        return email

    def key_file(
        self, path: Path, email: str | None = None, *, token_uri: str | None = None
    ) -> Path:
        """
        Write a fresh key file for a service account, and return its path.

        The account's former key is void. `token_uri` is the emulator's; with GOOGLE_TOKENS the
        file is as Google makes them, for clients that come through the TLS proxy.
        """
        email = email or self.service_account()
        token_uri = token_uri or f"{self.url}/token"
        key = self._order("key", {"email": email, "token_uri": token_uri})
        path.write_text(json.dumps(key, indent=2))
        return path

    def change_account(self, email: str, **changes: Any) -> None:
        """Change `state` (active, disabled, deleted), `storage`, or `public_key` (None: revoked)."""
        self._order("change_account", {"email": email, **changes})

    def token(self, email: str = OWNER, **order: Any) -> str:
        """Return an access token for an account, good for `scope` and so many `seconds`."""
        token: str = self._order("token", {"email": email, **order})["token"]
        return token

    def forget_tokens(self) -> None:
        """Make all tokens invalid before their time."""
        self._tokens.clear()
        self._order("forget_tokens", {})

    def shared_drive(self, name: str, **members: str) -> str:
        """Make a shared drive, and return its id; members by role, `organizer="a@b"`."""
        roles = {email: role for role, email in members.items()}
        drive: str = self._order("drive", {"name": name, "members": {OWNER: "organizer", **roles}})[
            "id"
        ]
        return drive

    def share(self, file_id: str, email: str, role: str | None = "writer") -> None:
        """Share a file, a folder or a drive with an account; None takes it back."""
        self._order("share", {"file": file_id, "email": email, "role": role})

    def folder_in(self, parent: str, name: str, *, email: str = OWNER) -> str:
        """Make a folder by hand, and return its id."""
        body = {"name": name, "parents": [parent], "mimeType": FOLDER}
        file_id: str = self.call("POST", FILES, body, email=email)["id"]
        return file_id

    def put(self, parent: str, name: str, content: bytes, *, email: str = OWNER) -> str:
        """Put a file there by hand, and return its id."""
        answer = self.caller(email).put({"name": name, "parents": [parent]}, content)
        file_id: str = _expected(answer)["id"]
        return file_id

    def caller(self, email: str = OWNER) -> Caller:
        """Return what makes requests by hand, as an account."""
        if email not in self._tokens:
            self._tokens[email] = self.token(email)
        return Caller(self, self._tokens[email])

    def call(self, method: str, path: str, body: Any = b"", *, email: str = OWNER) -> Any:
        """Make a call of the API by hand, and return what it answers; knows shared drives."""
        joint = "&" if "?" in path else "?"
        path = f"{path}{joint}supportsAllDrives=true"
        return _expected(self.caller(email).ask(method, path, body))

    def request(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Make a request as it is, and return the answer, whatever it says."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())
        finally:
            connection.close()

    def faults(self, *faults: Fault, seed: int = 0) -> None:
        """Let these faults happen from now on, in place of the former ones."""
        self._order("faults", {"faults": [fault.told() for fault in faults], "seed": seed})

    def settings(self, **settings: float | None) -> None:
        """Change `calls_per_second` of an account (None: no limit), and `token_seconds`."""
        self._order("settings", settings)

    @property
    def requests(self) -> Counter[str]:
        """How many requests of each kind there were, those by hand included."""
        return Counter(self._order("state", {})["requests"])

    @property
    def struck(self) -> Counter[str]:
        """How often each kind of fault has happened since they were ordered."""
        return Counter(self._order("state", {})["struck"])

    def forget_requests(self) -> None:
        """Count requests from zero."""
        self._order("forget_requests", {})

    def files(self, below: str | None = None, *, trashed: bool = False) -> list[StoredFile]:
        """
        Return files and folders as they are kept, but for the roots, with those in the trash or not.

        Of what lies `below` a folder or shared drive, paths begin there.
        """
        known = StoredFile.__dataclass_fields__
        stored = [
            StoredFile(**{key: each[key] for key in known})
            for each in self._order("state", {})["files"]
        ]
        names = {file.id: file for file in stored}
        found: list[StoredFile] = []
        for file in stored:
            path = _path_from(below, file, names)
            if file.parent and path and (trashed or not file.trashed):
                found.append(replace(file, path=path))
        return sorted(found, key=lambda file: file.path)

    def contents(self, below: str | None = None) -> dict[str, bytes]:
        """Return the bytes of all files by their paths; for small ones."""
        files = self.files(below)
        return {file.path: self.content(file) for file in files if file.blob is not None}

    def content(self, file: StoredFile) -> bytes:
        """Return a file's bytes."""
        assert file.blob is not None
        return (self.folder / "contents" / file.blob).read_bytes()

    def uploads(self) -> list[dict[str, Any]]:
        """Return the upload sessions in the order of their beginning, ended ones included."""
        uploads: list[dict[str, Any]] = self._order("state", {})["uploads"]
        return uploads

    def _order(self, name: str, order: Any) -> Any:
        answer = self.request("POST", f"/emulator/{name}", json.dumps(order).encode(), {})
        return _expected(answer)


@contextmanager
def drive_emulator(
    folder: Path, *, checksums: tuple[str, ...] = ("md5", "sha1", "sha256"), port: int = 0
) -> Generator[DriveEmulator]:
    """Run an emulator that keeps its drive in `folder`, on a port if it matters."""
    drive = DriveEmulator(folder, checksums, port)
    drive.start()
    try:
        yield drive
    finally:
        drive.stop()


def _path_from(top: str | None, file: StoredFile, known: dict[str, StoredFile]) -> str | None:
    """Return a file's path from a folder on (None: from its root), or None if it lies elsewhere."""
    names = [file.name]
    step = file.parent
    while step is not None and step != top:
        above = known[step]
        names.append(above.name)
        step = above.parent
    if top is None:
        names.pop()  # the root's own name
    return "/".join(reversed(names)) if step == top else None


def _expected(answer: Answer) -> Any:
    if answer.status >= 300:
        raise RuntimeError(f"{answer.status}: {answer.body.decode()}")
    return answer.json
