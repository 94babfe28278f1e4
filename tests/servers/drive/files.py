"""Files and folders as the emulator keeps them, and the log of what happened to them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from tests.servers.drive.accounts import FOLDER
from tests.servers.drive.storage import Row, Storage, new_id, now_ms

NATIVE = "application/vnd.google-apps."
SHORTCUT = NATIVE + "shortcut"


@dataclass(slots=True)
class File:
    """
    A file or folder. Times are milliseconds since the epoch; `blob` is where its bytes lie.

    `trashed` holds for what lies in a trashed folder, too; `explicitly_trashed` does not.
    """

    id: str
    name: str
    mime: str
    parent: str | None
    drive: str | None
    owner: str | None
    created: int
    modified: int
    changed: float = 0.0
    size: int | None = None
    blob: str | None = None
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None
    trashed: bool = False
    explicitly_trashed: bool = False
    version: int = 1
    revision: str | None = None
    properties: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])
    details: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def is_folder(self) -> bool:
        """Whether others can lie in it."""
        return self.mime == FOLDER

    @property
    def is_native(self) -> bool:
        """Whether it is Google's own kind of document, which has no bytes of its own."""
        return self.mime.startswith(NATIVE)


_COLUMNS = ", ".join(column.name for column in fields(File))


class Files:
    """All files. What is saved here is noted for `changes.list` in the same transaction."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def find(self, file_id: str) -> File | None:
        """Return a file by its id, whoever may see it."""
        row = self._storage.row(f"SELECT {_COLUMNS} FROM files WHERE id = ?", file_id)
        return None if row is None else _file(row)

    def select(self, conditions: str, *values: Any) -> Iterator[File]:
        """Return the files that meet SQL conditions."""
        query = f"SELECT {_COLUMNS} FROM files AS f WHERE {conditions}"
        return map(_file, self._storage.rows(query, *values))

    def children(self, folder_id: str) -> Iterator[File]:
        """Return what lies in a folder."""
        return self.select("parent = ?", folder_id)

    def below(self, file: File) -> Iterator[File]:
        """Return what lies in a folder, and in the folders in it."""
        for child in self.children(file.id):
            yield child
            yield from self.below(child)

    def save(self, file: File, *, before: File | None = None) -> None:
        """Write a file; what lies below follows it into the trash, and into a shared drive."""
        with self._storage.transaction():
            audience = self._audience(file)
            if before is not None:
                audience |= self._audience(before)
                file.version = before.version + 1
            file.changed = time.time()
            self._put(file)
            self._note(file, audience, file.drive)
            if before is not None and before.drive not in (None, file.drive):
                self._note(file, set(), before.drive)
            if before is not None and file.is_folder:
                self._carry_along(file)

    def delete(self, file: File) -> list[str]:
        """Delete a file, or a folder with all in it, for good; return the blobs set free."""
        with self._storage.transaction():
            doomed = [*self.below(file), file]
            self._note(file, self._audience(file), file.drive)
            for each in doomed:
                self._storage.write("DELETE FROM files WHERE id = ?", each.id)
                self._storage.write("DELETE FROM permissions WHERE file = ?", each.id)
        return [each.blob for each in doomed if each.blob is not None]

    def share(self, file: File, email: str, role: str | None) -> None:
        """Give an account a role on a file and all below it, or take it away."""
        with self._storage.transaction():
            audience = self._audience(file)
            if role is None:
                statement = "DELETE FROM permissions WHERE file = ? AND email = ?"
                self._storage.write(statement, file.id, email)
            else:
                row = {"file": file.id, "email": email, "role": role, "given": now_ms()}
                self._storage.insert("permissions", row, replace=True)
            self._note(file, audience | self._audience(file), file.drive)

    def used(self, owner: str) -> tuple[int, int]:
        """Return the bytes that an owner's files take: all, and those in the trash."""
        row = self._storage.row(
            "SELECT TOTAL(size), TOTAL(size * trashed) FROM files WHERE owner = ?", owner
        )
        assert row is not None
        return int(row[0]), int(row[1])

    def _put(self, file: File) -> None:
        row = {column.name: getattr(file, column.name) for column in fields(File)}
        row["folded"] = file.name.casefold()
        row["properties"] = json.dumps(file.properties)
        row["details"] = json.dumps(file.details)
        self._storage.insert("files", row, replace=True)

    def _carry_along(self, folder: File) -> None:
        for child in self.children(folder.id):
            trashed = folder.trashed or child.explicitly_trashed
            if (child.trashed, child.drive) != (trashed, folder.drive):
                child.trashed, child.drive = trashed, folder.drive
                child.owner = None if folder.drive else child.owner
                self._put(child)
                self._carry_along(child)

    def _audience(self, file: File) -> set[str]:
        """Return who may know of a file in somebody's My Drive."""
        if file.drive is not None:
            return set()
        emails: set[str] = set()
        step: File | None = file
        while step is not None:
            if step.owner is not None:
                emails.add(step.owner)
            rows = self._storage.rows("SELECT email FROM permissions WHERE file = ?", step.id)
            emails.update(row["email"] for row in rows)
            step = None if step.parent is None else self.find(step.parent)
        return emails

    def _note(self, file: File, audience: set[str], drive: str | None) -> None:
        """Note that a file changed: for a shared drive that it is, or was, in, or for an audience."""
        row = {
            "file": file.id,
            "drive": drive,
            "audience": json.dumps(sorted(audience)),
            "time": now_ms(),
        }
        self._storage.insert("changes", row, replace=True)


def new_revision() -> str:
    """Return the id of a new content."""
    return "0B" + new_id(49)


def _file(row: Row) -> File:
    values = dict(zip(row.keys(), row, strict=True))
    values["trashed"] = bool(values["trashed"])
    values["explicitly_trashed"] = bool(values["explicitly_trashed"])
    values["properties"] = json.loads(values["properties"])
    values["details"] = json.loads(values["details"])
    return File(**values)
