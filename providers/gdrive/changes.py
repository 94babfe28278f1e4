"""
What others do in Drive, told by Google: files that came, changed or went, folders that were moved.

Google tells of each file and folder what it is now, not what it was. A file's place before is
found by its id, by those who have documents. A folder's is known here if the folder was met
before; where it was not, and is no new one, only a listing tells what lay in it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from providers.base import Location
from providers.gdrive.calls import Calls
from providers.gdrive.entries import MILLISECOND, Entry, entry_of, told_time
from providers.gdrive.refusals import RefusedError
from providers.gdrive.roots import Root
from providers.gdrive.shapes import Table, tables_in, text_in
from providers.gdrive.tree import Tree
from providers.gdrive.wire import Json
from providers.names import is_ours
from providers.services import Change, Changes, HistoryLostError


class Feed:
    """Tells what happened below one root."""

    def __init__(self, calls: Calls, tree: Tree, name: str, root: Root) -> None:
        self._calls = calls
        self._tree = tree
        self._folders = tree.met
        self._name = name
        self._root = root

    async def now(self) -> str:
        """Return a token for this moment."""
        return _token(await self._calls.start_token(self._root.drive), self._calls.wire.server_ms)

    async def since(self, token: str) -> AsyncIterator[Changes]:
        """Yield what happened since a token, a page at a time."""
        page_token, _, since = token.partition("@")
        if not (page_token.isdecimal() and since.isdecimal()):
            raise HistoryLostError(f"{token!r} is no token of Google Drive")
        while page_token:
            page = await self._page(page_token)
            page_token = text_in(page, "nextPageToken", "")
            changes: list[Change] = []
            unsure = False
            for told in tables_in(page, "changes"):
                found, sure = await self._change(told, int(since))
                changes += found
                unsure |= not sure
            last = text_in(page, "newStartPageToken", "")
            after = _token(last, self._calls.wire.server_ms) if last else _token(page_token, since)
            yield Changes(tuple(changes), after, unsure)

    async def _page(self, token: str) -> Json:
        try:
            return await self._calls.changes(token, self._root.drive)
        except RefusedError as error:
            if error.status not in (400, 404, 410):
                raise
            raise HistoryLostError("Google Drive no longer knows what happened since") from error

    async def _change(self, told: Table, since: int) -> tuple[list[Change], bool]:
        """Return what one entry of the feed means, and whether that is all that it means."""
        if told.get("changeType") == "drive" or "fileId" not in told:
            return [], True
        if told.get("removed") or "file" not in told:
            gone = text_in(told, "fileId")
            return await self._removed(gone), gone != self._root.folder
        entry = entry_of(told["file"])
        if is_ours(entry.name):
            return [], True
        if entry.is_folder:
            return await self._folder(entry, since)
        return ([await self._file(entry)] if entry.is_file else []), True

    async def _removed(self, file_id: str) -> list[Change]:
        """Return what it means that something is gone for good, or no longer shared."""
        found = [Change(id=file_id)]
        if self._folders.knows(file_id):
            before = await self._folders.path_before(self._root, file_id)
            if before is not None:
                self._tree.moved(self._root, before)
                found.append(Change(Location(self._name, before), file_id, folder=True))
        return found

    async def _file(self, entry: Entry) -> Change:
        where = await self._where(entry)
        facts = None if entry.trashed or where is None else entry.facts
        return Change(where, entry.id, facts=facts)

    async def _folder(self, entry: Entry, since: int) -> tuple[list[Change], bool]:
        is_known = self._folders.knows(entry.id)
        before = await self._folders.path_before(self._root, entry.id) if is_known else None
        self._folders.meet([entry])
        where = await self._where(entry)
        changes = [] if where is None else [Change(where, entry.id, folder=True)]
        is_moved = before is not None and (where is None or before != where.path)
        if before is not None and (is_moved or entry.trashed):
            self._tree.moved(self._root, before)
        if before is not None and is_moved:
            changes.append(Change(Location(self._name, before), entry.id, folder=True))
        return changes, is_known or entry.trashed or entry.created >= told_time(since * MILLISECOND)

    async def _where(self, entry: Entry) -> Location | None:
        """Return the place of a file or folder below the root, if it is there."""
        parent = next(iter(entry.parents), None)
        path = await self._folders.path(self._root, entry.name, parent)
        return None if path is None else Location(self._name, path)


def _token(page: str, server_ms: int | str) -> str:
    return f"{page}@{server_ms}"
