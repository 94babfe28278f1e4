"""Creating, changing, copying and deleting files, with the rules that Google has for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.servers.drive.access import Access
from tests.servers.drive.accounts import Account, Accounts
from tests.servers.drive.blobs import Blobs, Content
from tests.servers.drive.errors import DriveError, forbidden, invalid, no_storage, storage_full
from tests.servers.drive.files import NATIVE, SHORTCUT, File, Files, new_revision
from tests.servers.drive.query import parse_time
from tests.servers.drive.storage import Storage, new_id, now_ms

Body = dict[str, Any]
BINARY = "application/octet-stream"
_DETAILS = ("description", "starred", "folderColorRgb", "writersCanShare", "contentHints")
_LONGEST_PROPERTY = 124  # bytes of key and value together


class Editing:
    """What changes files; each method is one transaction, and checks before it writes."""

    def __init__(
        self, storage: Storage, accounts: Accounts, files: Files, access: Access, blobs: Blobs
    ) -> None:
        self._storage = storage
        self._accounts = accounts
        self._files = files
        self._access = access
        self._blobs = blobs

    def check_create(self, account: Account, body: Body, *, all_drives: bool, size: int) -> File:
        """Return the parent of a file to be made, or refuse it, before any byte is taken."""
        parents = body.get("parents") or ["root"]
        if len(parents) > 1:
            message = "A file cannot be created with multiple parents."
            raise forbidden("multipleParentsNotAllowed", message)
        parent = self._access.visible(account, str(parents[0]), all_drives=all_drives)
        if not parent.is_folder:
            raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
        self._access.need(account, parent, "writer")
        if "id" in body:
            self._check_id(account, str(body["id"]))
        if not str(body.get("mimeType", BINARY)).startswith(NATIVE) and parent.drive is None:
            self._check_storage(account.email, size)
        _check_properties(body)
        return parent

    def create(
        self, account: Account, body: Body, content: Content | None, *, all_drives: bool
    ) -> File:
        """Make a file or a folder."""
        size = content.size if content is not None else 0
        parent = self.check_create(account, body, all_drives=all_drives, size=size)
        now = now_ms()
        mime = str(body.get("mimeType") or BINARY)
        file = File(
            id=str(body.get("id") or new_id()),
            name=str(body.get("name") or "Untitled"),
            mime=mime,
            parent=parent.id,
            drive=parent.drive,
            owner=None if parent.drive else account.email,
            created=_time(body, "createdTime", now),
            modified=_time(body, "modifiedTime", now),
            trashed=parent.trashed,
        )
        if content is None and not file.is_native:
            content = Content(self._blobs.new(), 0, self._blobs.digests().told())
        _take_content(file, content)
        _take_body(file, body)
        if mime == SHORTCUT:
            file.details["shortcutDetails"] = self._target(body)
        with self._storage.transaction():
            self._storage.write("DELETE FROM ids WHERE id = ?", file.id)
            self._files.save(file)
        return file

    def update(self, account: Account, file: File, body: Body, moves: Body) -> File:
        """Change what is told of a file, and where it lies."""
        self._check_update(account, file, body)
        changed = replace(file, properties=dict(file.properties), details=dict(file.details))
        changed.name = str(body.get("name", file.name))
        changed.mime = str(body.get("mimeType", file.mime))
        touched = body.keys() & {"name", "mimeType", "description"}
        changed.modified = _time(body, "modifiedTime", now_ms() if touched else file.modified)
        _take_body(changed, body)
        self._move(account, changed, moves)
        if "trashed" in body:
            changed.explicitly_trashed = bool(body["trashed"])
        parent = self._files.find(changed.parent) if changed.parent else None
        changed.trashed = changed.explicitly_trashed or (parent is not None and parent.trashed)
        self._files.save(changed, before=file)
        return changed

    def check_content(self, account: Account, file: File, body: Body, size: int) -> None:
        """Refuse new bytes for a file, before any is taken."""
        self._check_update(account, file, body)
        if file.is_native:
            raise forbidden("fileNotDownloadable", "Only files with binary content can be updated.")
        if file.owner is not None:
            self._check_storage(file.owner, size - (file.size or 0))

    def put_content(
        self, account: Account, file_id: str, body: Body, moves: Body, content: Content
    ) -> File:
        """Give a file new bytes, and other changes with them; its id stays."""
        with self._storage.transaction():
            file = self._access.visible(account, file_id, all_drives=True)
            self.check_content(account, file, body, content.size)
            former = file.blob
            filled = replace(file, modified=now_ms())
            _take_content(filled, content)
            self._files.save(filled, before=file)
            done = self.update(account, filled, body, moves)
        if former is not None and not any(self._files.select("blob = ?", former)):
            self._blobs.remove(former)
        return done

    def copy(self, account: Account, file: File, body: Body, *, all_drives: bool) -> File:
        """Make a file with the same bytes."""
        if file.is_folder:
            raise forbidden("cannotCopyFile", "This file cannot be copied by the user.")
        assert file.blob is not None
        asked = {"name": f"Copy of {file.name}", "mimeType": file.mime, **body}
        asked.setdefault("parents", [file.parent])
        sums = {"md5": file.md5, "sha1": file.sha1, "sha256": file.sha256}
        told = {name: value for name, value in sums.items() if value is not None}
        content = Content(file.blob, file.size or 0, told)
        return self.create(account, asked, content, all_drives=all_drives)

    def delete(self, account: Account, file: File) -> None:
        """Delete a file for good, or a folder and all in it."""
        self._access.need(account, file, "organizer" if file.drive else "owner")
        if file.parent is None:
            raise forbidden("insufficientFilePermissions", "A root folder cannot be deleted.")
        blobs = self._files.delete(file)
        self._blobs.remove(
            *(blob for blob in blobs if not any(self._files.select("blob = ?", blob)))
        )

    def empty_trash(self, account: Account) -> None:
        """Delete for good what an account has in its trash."""
        for file in self._files.select("owner = ? AND explicitly_trashed", account.email):
            self.delete(account, file)

    def _check_update(self, account: Account, file: File, body: Body) -> None:
        if "parents" in body:
            message = (
                "The parents field is not directly writable in update requests. Use the addParents "
                "and removeParents parameters instead."
            )
            raise forbidden("fieldNotWritable", message)
        if "id" in body and body["id"] != file.id:
            raise forbidden("fieldNotWritable", "The resource body includes fields not writable.")
        _check_properties(body)
        trashes = "trashed" in body and file.drive is not None
        self._access.need(account, file, "fileOrganizer" if trashes else "writer")
        if file.parent is None and body.keys() & {"trashed", "name"}:
            self._access.need(account, file, "organizer")

    def _move(self, account: Account, file: File, moves: Body) -> None:
        added = [each for each in str(moves.get("addParents", "")).split(",") if each]
        removed = [each for each in str(moves.get("removeParents", "")).split(",") if each]
        if not added:
            return
        if len(added) > 1 or (file.parent not in removed and added != [file.parent]):
            message = "Increasing the number of parents is not allowed"
            raise forbidden("cannotAddParent", message)
        parent = self._access.visible(account, added[0], all_drives=True)
        if not parent.is_folder:
            raise forbidden("parentNotAFolder", "The specified parent is not a folder.")
        self._access.need(account, parent, "writer")
        step: File | None = parent
        while step is not None:
            if step.id == file.id:
                message = "A folder cannot be moved into itself or one of its own."
                raise forbidden("cyclicFolderMove", message)
            step = self._files.find(step.parent) if step.parent else None
        if parent.drive != file.drive:
            file.owner = None if parent.drive else account.email
        file.parent, file.drive = parent.id, parent.drive

    def _check_id(self, account: Account, file_id: str) -> None:
        if self._files.find(file_id) is not None:
            message = "A file already exists with the provided ID."
            raise DriveError(409, "fileIdInUse", message)
        known = self._storage.row("SELECT email FROM ids WHERE id = ?", file_id)
        if known is None or known["email"] != account.email:
            raise invalid("file.id", "The provided file ID is not usable.", "fileIdNotUsable")

    def _check_storage(self, owner: str, more: int) -> None:
        storage = self._accounts.account(owner).storage
        if storage == 0:
            raise no_storage()
        if self._files.used(owner)[0] + more > storage:
            raise storage_full()

    def _target(self, body: Body) -> Body:
        target = self._files.find(str(body.get("shortcutDetails", {}).get("targetId")))
        if target is None:
            raise invalid("shortcutDetails.targetId")
        return {"targetId": target.id, "targetMimeType": target.mime}


def _check_properties(body: Body) -> None:
    for which in ("properties", "appProperties"):
        asked: dict[str, Any] = body.get(which) or {}
        for key, value in asked.items():
            if len(f"{key}{value or ''}".encode()) > _LONGEST_PROPERTY:
                message = f"The property key and value exceed {_LONGEST_PROPERTY} bytes."
                raise invalid(which, message)


def _take_content(file: File, content: Content | None) -> None:
    if content is None:
        return
    file.blob, file.size, file.revision = content.blob, content.size, new_revision()
    for name in ("md5", "sha1", "sha256"):
        setattr(file, name, content.checksums.get(name))


def _take_body(file: File, body: Body) -> None:
    for key in _DETAILS:
        if key in body:
            file.details[key] = body[key]
    for which in ("properties", "appProperties"):
        if which in body:
            asked: dict[str, Any] = body[which] or {}
            merged = {**file.properties.get(which, {}), **asked}
            kept = {key: str(value) for key, value in merged.items() if value is not None}
            file.properties[which] = kept


def _time(body: Body, key: str, otherwise: int) -> int:
    return parse_time(str(body[key]), key) if key in body else otherwise
