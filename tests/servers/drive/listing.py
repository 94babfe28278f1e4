"""`files.list` and `changes.list`: which files an account is shown, in pages."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.drive.access import SHARED_FOLDERS, Access
from tests.servers.drive.accounts import Account
from tests.servers.drive.errors import DriveError, forbidden, invalid, not_found
from tests.servers.drive.files import File, Files
from tests.servers.drive.query import Query, compile_query
from tests.servers.drive.storage import Row, Storage

_ORDERS = {
    "createdTime": "f.created",
    "folder": "f.mime <> 'application/vnd.google-apps.folder'",
    "modifiedByMeTime": "f.modified",
    "modifiedTime": "f.modified",
    "name": "f.folded",
    "name_natural": "f.folded",
    "quotaBytesUsed": "COALESCE(f.size, 0)",
    "recency": "f.modified",
    "viewedByMeTime": "f.modified",
}
_LARGEST_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a listing is asked for, beyond the query."""

    account: Account
    corpora: str = "user"
    drive: str | None = None
    all_drives: bool = False
    include_drives: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some files, and where the next ones begin."""

    found: list[File]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Changes:
    """
    Some changes, each with its file (None where it is gone for the account).

    `next_token` is that of the next page; where there is none, `start_token` goes on.
    """

    found: list[tuple[Row, File | None]]
    next_token: str | None
    start_token: str


class Listing:
    """Lists files and changes. What changed less than `lag` seconds ago is not shown yet."""

    def __init__(self, storage: Storage, files: Files, access: Access) -> None:
        self._storage = storage
        self._files = files
        self._access = access

    def files(self, asked: Asked, parameters: Mapping[str, str], lag: float = 0.0) -> Page:
        """Return a page of files."""
        account = asked.account
        query = compile_query(parameters.get("q", ""), account.email, account.root)
        for folder in query.folders:
            self._check_folder(asked, folder)
        scope, values = self._scope(asked, query)
        size = page_size(parameters, 100, _LARGEST_PAGE)
        start = _position(parameters)
        order = _order(parameters.get("orderBy", ""))
        fresh = "f.changed < ?"
        found = list(
            self._files.select(
                f"({query.condition}) AND ({scope}) AND {fresh} ORDER BY {order} LIMIT ? OFFSET ?",
                *query.values,
                *values,
                time.time() - lag if lag else float("inf"),
                size + 1,
                start,
            )
        )
        return Page(found[:size], _token(start + size) if len(found) > size else None)

    def start_token(self) -> str:
        """Return the token of changes that are yet to come."""
        row = self._storage.row("SELECT COALESCE(MAX(number), 0) + 1 FROM changes")
        assert row is not None
        return str(row[0])

    def changes(self, asked: Asked, parameters: Mapping[str, str], lag: float = 0.0) -> Changes:
        """Return a page of changes."""
        token = parameters.get("pageToken", "")
        if not token.isdecimal():
            raise invalid("pageToken")
        size = page_size(parameters, 100, _LARGEST_PAGE)
        rows = self._storage.rows("SELECT * FROM changes WHERE number >= ?", int(token))
        known = (time.time() - lag) * 1000 if lag else float("inf")
        mine: list[Row] = []
        start = self.start_token()
        for row in rows:
            if row["time"] > known:  # not known yet: the next start comes back to it
                start = str(row["number"])
                break
            if self._concerns(asked, row):
                mine.append(row)
        found = [(row, self._seen(asked, row["file"])) for row in mine[:size]]
        return Changes(found, str(mine[size]["number"]) if len(mine) > size else None, start)

    def _check_folder(self, asked: Asked, folder: str) -> None:
        file = self._files.find(folder)
        if file is None or self._access.role(asked.account, file) is None:
            raise not_found(".")

    def _scope(self, asked: Asked, query: Query) -> tuple[str, list[Any]]:
        """Return which files may be shown at all, as a condition."""
        account = asked.account
        if asked.corpora in ("drive", "allDrives") and not (
            asked.all_drives and asked.include_drives
        ):
            message = (
                "The includeItemsFromAllDrives and supportsAllDrives parameters must be true for "
                f"the {asked.corpora} corpora."
            )
            raise forbidden("teamDrivesParameterRequired", message, "includeItemsFromAllDrives")
        if asked.corpora == "drive":
            if asked.drive is None:
                raise DriveError(400, "required", "The driveId parameter must be specified.")
            return "f.drive = ?", [self._access.drive(account, asked.drive)]
        if asked.drive is not None:
            message = "The driveId parameter must be specified only when corpora is drive."
            raise invalid("driveId", message)
        mine, values = "f.owner = ?", [account.email]
        if query.folders:  # whoever sees a folder sees what lies in it
            mine, values = "f.drive IS NULL", []
        else:
            mine += f" OR f.drive IS NULL AND f.parent IN ({SHARED_FOLDERS})"
            mine += " OR f.drive IS NULL AND f.id IN (SELECT file FROM permissions WHERE email = ?)"
            values += [account.email, account.email]
        if asked.all_drives and asked.include_drives:
            drives = self._access.drives(account)
            mine += f" OR f.drive IN ({', '.join('?' * len(drives))})"
            values += drives
        # A root is a folder like others, but no listing shows it.
        return f"f.parent IS NOT NULL AND ({mine})", values

    def _concerns(self, asked: Asked, row: Row) -> bool:
        if asked.drive is not None:
            return bool(row["drive"] == asked.drive)
        if row["drive"] is not None:
            return asked.include_drives and row["drive"] in self._access.drives(asked.account)
        return asked.account.email in json.loads(row["audience"])

    def _seen(self, asked: Asked, file_id: str) -> File | None:
        file = self._files.find(file_id)
        if file is None or self._access.role(asked.account, file) is None:
            return None
        return file if asked.drive in (None, file.drive) else None


def page_size(parameters: Mapping[str, str], otherwise: int, largest: int) -> int:
    """Return how many a page may hold, as it was asked for."""
    text = parameters.get("pageSize", str(otherwise))
    if not text.isdecimal() or not 1 <= int(text) <= largest:
        message = f"Invalid value '{text}'. Values must be within the range: [1, {largest}]"
        raise invalid("pageSize", message, "invalidParameter")
    return int(text)


def _position(parameters: Mapping[str, str]) -> int:
    token = parameters.get("pageToken")
    if not token:
        return 0
    try:
        text = base64.urlsafe_b64decode(token.removeprefix("~!!~")).decode()
    except ValueError:
        raise invalid("pageToken") from None
    if not re.fullmatch(r"\d+", text):
        raise invalid("pageToken")
    return int(text)


def _token(position: int) -> str:
    return "~!!~" + base64.urlsafe_b64encode(str(position).encode()).decode()


def _order(text: str) -> str:
    """Return SQL for `orderBy`; without it the newest come first, which nobody should rely on."""
    keys: list[str] = []
    for part in filter(None, text.split(",")):
        name, _, direction = part.strip().partition(" ")
        if name not in _ORDERS or direction not in ("", "desc"):
            raise invalid("orderBy")
        keys.append(f"{_ORDERS[name]} {direction}")
    return ", ".join([*keys, "f.changed DESC", "f.id"])
