"""
The calls of the Drive API that are made here, built from Google's own description of it.

Each is made again while it fails in passing, and may be: those that make something carry an id
that was fetched before, so that a second one is refused where the first was carried out.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from importlib.resources import files
from typing import Any, cast

from providers.gdrive.entries import FIELDS, FOLDER, Entry, entry_of
from providers.gdrive.library import Build, api
from providers.gdrive.patience import Patience
from providers.gdrive.refusals import RefusedError
from providers.gdrive.shapes import not_googles, tables_in, text_in, text_or_none, texts_in
from providers.gdrive.wire import Json, Wire

LISTED = f"nextPageToken,incompleteSearch,files({FIELDS})"
_PAGE = 1000
_IDS = 200
_DRIVES = "supportsAllDrives"


class Calls:
    """The API of one endpoint, over one wire."""

    def __init__(self, wire: Wire, endpoint: str) -> None:
        self.wire = wire
        call = api(_description(endpoint))
        self._about = call("about.get")
        self._start_token = call("changes.getStartPageToken")
        self._changes = call("changes.list")
        self._drives = call("drives.list")
        self._create = call("files.create")
        self._generate = call("files.generateIds")
        self._get = call("files.get")
        self._list = call("files.list")
        self._update = call("files.update")
        self._upload = f"{endpoint}/upload/drive/v3/files"
        self._ids: list[str] = []

    async def about(self) -> Json:
        """Return who the account is, and how much of its own storage is used."""
        return await self._made(self._about, fields="user(emailAddress),storageQuota")

    async def drives(self) -> dict[str, str]:
        """Return the names of the shared drives that the account is a member of, by id."""
        found: dict[str, str] = {}
        async for page in self._pages(self._drives, "nextPageToken", pageSize=100):
            drives = tables_in(page, "drives")
            found.update({text_in(one, "id"): text_in(one, "name") for one in drives})
        return found

    async def get(self, file_id: str) -> Entry:
        """Return what is told of a file or folder; it is never late, as listings may be."""
        told = await self._made(self._get, fileId=file_id, fields=FIELDS, supportsAllDrives="true")
        return entry_of(told)

    async def listed(self, query: str, drive: str | None) -> AsyncIterator[Entry]:
        """List what meets a query, in one shared drive or in all that the account sees."""
        asked = {"q": query, "pageSize": _PAGE, "fields": LISTED, **_corpora(drive)}
        async for page in self._pages(self._list, "nextPageToken", **asked):
            for told in tables_in(page, "files"):
                yield entry_of(told)

    async def make_folder(self, file_id: str, name: str, parent: str) -> Entry:
        """Make a folder of an id that was fetched before; making it twice is making it once."""
        body = {"id": file_id, "name": name, "parents": [parent], "mimeType": FOLDER}
        try:
            told = await self._made(
                self._create, json=body, fields=FIELDS, supportsAllDrives="true"
            )
        except RefusedError as error:
            if error.status != 409:
                raise
            return await self.get(file_id)
        return entry_of(told)

    async def update(self, file_id: str, **changes: object) -> Entry:
        """Change what is told of a file: whether it is in the trash, when it was modified."""
        told = await self._made(
            self._update, fileId=file_id, json=changes, fields=FIELDS, supportsAllDrives="true"
        )
        return entry_of(told)

    async def new_id(self) -> str:
        """Return an id that nothing has, for something to be made."""
        if not self._ids:
            told = await self._made(self._generate, count=_IDS, space="drive", fields="ids")
            self._ids += texts_in(told, "ids")
            if not self._ids:
                raise not_googles()
        return self._ids.pop()

    async def start_token(self, drive: str | None) -> str:
        """Return the token of changes that are yet to come."""
        scope = {"driveId": drive} if drive else {}
        told = await self._made(self._start_token, supportsAllDrives="true", **scope)
        return text_in(told, "startPageToken")

    async def changes(self, token: str, drive: str | None) -> Json:
        """Return a page of what has changed since a token."""
        scope = {"driveId": drive} if drive else {}
        return await self._made(
            self._changes,
            pageToken=token,
            pageSize=_PAGE,
            includeItemsFromAllDrives="true",
            supportsAllDrives="true",
            fields=f"nextPageToken,newStartPageToken,changes(changeType,fileId,removed,file({FIELDS}))",
            **scope,
        )

    def upload_url(self, kind: str, file_id: str | None) -> str:
        """Return where an upload of a kind goes: for a new file, or to one that is there."""
        place = self._upload if file_id is None else f"{self._upload}/{file_id}"
        return f"{place}?uploadType={kind}&{_DRIVES}=true&fields={FIELDS}"

    def media_url(self, file_id: str) -> str:
        """Return where the bytes of a file are."""
        request = self._get(fileId=file_id, alt="media", supportsAllDrives="true")
        return cast("str", request.url)

    async def _pages(self, build: Build, token: str, **asked: Any) -> AsyncIterator[Json]:  # noqa: ANN401 - parameters of any call
        page = await self._made(build, **asked)
        yield page
        while following := text_or_none(page, token):
            page = await self._made(build, **asked, pageToken=following)
            yield page

    async def _made(self, build: Build, **asked: Any) -> Json:  # noqa: ANN401 - parameters of any call
        patience = Patience(self.wire.pace)
        while True:
            try:
                return await self.wire.ask(build(**asked))
            except RefusedError as error:
                await patience.again(error)


def _corpora(drive: str | None) -> Mapping[str, str]:
    scope = {"corpora": "drive", "driveId": drive} if drive else {"corpora": "user"}
    return {**scope, "includeItemsFromAllDrives": "true", _DRIVES: "true"}


def _description(endpoint: str) -> dict[str, Any]:
    """Return Google's description of the API, with another address than Google's if need be."""
    text = files("providers.gdrive").joinpath("drive_v3.json").read_text(encoding="utf-8")
    return {**json.loads(text), "rootUrl": f"{endpoint}/"}
