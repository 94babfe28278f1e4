"""How far listings and changes are behind what was written."""

from __future__ import annotations

import time
from collections.abc import Callable

from tests.account.gdrive.service import Account
from tests.servers.drive.calls import FILES

_ROUNDS = 5
_PATIENCE = 60.0
_LATER = 2.0


def listing(account: Account) -> str:
    """Measure how long a fresh file is missing from the listing of its folder."""

    def shows(file_id: str) -> bool:
        query = f"'{account.folder}' in parents and trashed = false"
        asked = {"q": query, "orderBy": "createdTime desc", "fields": "files(id)"}
        answer = account.calls.get(FILES, **asked, **_ALL)
        return file_id in [file["id"] for file in answer.json["files"]]

    return _measured(account, shows)


def changes(account: Account) -> str:
    """Measure how long a fresh file is missing from the changes."""
    token = _start(account)

    def tells(file_id: str) -> bool:
        return file_id in _changed(account, token)[0]

    return _measured(account, tells)


def trashed_folder(account: Account) -> str:
    """Trash a folder with a file in it, and look which of both the changes tell of."""
    token = _start(account)
    folder = account.made("trashed", account.folder)
    body = {"name": "inside.exr", "parents": [folder]}
    inside = account.calls.put(body, b"bytes").json["id"]
    _, token = _until_told(account, token, inside)
    account.calls.ask("PATCH", f"{FILES}/{folder}?supportsAllDrives=true", {"trashed": True})
    told, token = _until_told(account, token, folder)
    time.sleep(_LATER)
    told |= _changed(account, token)[0]
    if folder not in told:
        return f"nothing for {_PATIENCE:.0f} s"
    return "the folder and what lies in it" if inside in told else "the folder alone"


def _until_told(account: Account, token: str, file_id: str) -> tuple[set[str], str]:
    """Return what has changed once a file is among it, and the token of what comes after."""
    deadline = time.monotonic() + _PATIENCE
    told: set[str] = set()
    while file_id not in told and time.monotonic() < deadline:
        more, token = _changed(account, token)
        told |= more
    return told, token


def _start(account: Account) -> str:
    told = account.calls.get("/drive/v3/changes/startPageToken", **_scope(account)).json
    token: str = told["startPageToken"]
    return token


def _changed(account: Account, token: str) -> tuple[set[str], str]:
    """Return what has changed since a token, and the token of what comes after."""
    found: set[str] = set()
    while True:
        answer = account.calls.get("/drive/v3/changes", pageToken=token, **_scope(account), **_ALL)
        found |= {change["fileId"] for change in answer.json["changes"]}
        if "newStartPageToken" in answer.json:
            return found, answer.json["newStartPageToken"]
        token = answer.json["nextPageToken"]


def _scope(account: Account) -> dict[str, str]:
    return {} if account.drive is None else {"driveId": account.drive}


def _measured(account: Account, shows: Callable[[str], bool]) -> str:
    seconds: list[float] = []
    for number in range(_ROUNDS):
        file_id = account.put(f"fresh.{number}.exr", b"bytes").json["id"]
        started = time.monotonic()
        while not shows(file_id) and time.monotonic() < started + _PATIENCE:
            time.sleep(0.2)
        seconds.append(time.monotonic() - started)
    return f"{min(seconds):.1f} to {max(seconds):.1f} s, {_ROUNDS} files"


_ALL = {"supportsAllDrives": "true", "includeItemsFromAllDrives": "true"}
