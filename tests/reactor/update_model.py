"""What an update of `reactor.updates` means, told again in plain Python, to hold the server to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from reactor.edits import FileEdit, by_document
from reactor.model import source_hash

Document = dict[str, Any]


def carried_out(document: Document, edits: Iterable[FileEdit], now: datetime) -> Document:
    """Return a document after all edits, at the database's time `now`."""
    for _, rounds in by_document(edits):
        for once in rounds:
            document = _after(document, {edit.file.position: edit for edit in once}, now)
    return document


def _after(document: Document, edits: Mapping[int, FileEdit], now: datetime) -> Document:
    files = document.get("files")
    if not isinstance(files, list):
        return document
    edited = [
        _file(file, edits[position], now) if position in edits else file
        for position, file in enumerate(cast("list[object]", files))
    ]
    return {**document, "files": edited}


def _file(file: object, edit: FileEdit, now: datetime) -> object:
    if not isinstance(file, dict):
        return file
    fields = cast("Document", file)
    file_hash = fields.get("hash")
    known_hash = file_hash if isinstance(file_hash, str) else None
    if fields.get("_id") != edit.file.id or known_hash != edit.file.hash:
        return fields
    entries = _as_list(fields.get("sites"))
    if edit.keep_last and _is_last(entries, edit):
        return {**fields, "sites": entries}
    kept = [entry for entry in entries if not (edit.remove and _meant(entry, edit))]
    edited = [_entry(entry, edit, now) if _meant(entry, edit) else entry for entry in kept]
    return {**fields, "sites": edited + _added(entries, edit, now)}


def _is_last(entries: list[Any], edit: FileEdit) -> bool:
    """Return whether no other sites than the edit's have the file, and those do."""
    named = [
        cast("Document", entry)
        for entry in entries
        if isinstance(entry, dict) and isinstance(cast("Document", entry).get("name"), str)
    ]
    wanted = {entry["name"] for entry in named if _wanted(entry, edit)}
    copies = {entry["name"] for entry in named} - wanted
    return bool(copies) and copies <= edit.sites


def _as_list(sites: object) -> list[Any]:
    if isinstance(sites, list):
        return [*cast("list[object]", sites)]
    if not isinstance(sites, dict):
        return []
    named = cast("Document", sites)
    return [
        {**(cast("Document", value) if isinstance(value, dict) else {}), "name": name}
        for name, value in named.items()
    ]


def _meant(entry: object, edit: FileEdit) -> bool:
    if not isinstance(entry, dict):
        return False
    fields = cast("Document", entry)
    name = fields.get("name")
    if not isinstance(name, str) or name not in edit.sites:
        return False
    wanted = _wanted(fields, edit)
    stale = _stale(fields, edit)
    return {"present": True, "stale": stale, "wanted": wanted, "available": not wanted}[edit.guard]


def _stale(entry: Document, edit: FileEdit) -> bool:
    made_for = entry.get("source_hash")
    return isinstance(made_for, str) and made_for != source_hash(edit.file.hash)


def _wanted(entry: Document, edit: FileEdit) -> bool:
    return entry.get("created_dt") is None or _stale(entry, edit)


def _entry(entry: Document, edit: FileEdit, now: datetime) -> Document:
    kept = {key: value for key, value in entry.items() if key not in edit.unset}
    counted: Document = {}
    if edit.failed_for is not None:
        tries = entry.get("tries")
        is_number = isinstance(tries, int | float) and not isinstance(tries, bool)
        counted = {
            "tries": (cast("float", tries) if is_number else 0) + 1,
            "last_failed_dt": now,
            "retry_at": now + timedelta(milliseconds=edit.failed_for),
        }
    return {**kept, **edit.set, **_stamp(edit, now), **counted}


def _added(entries: list[Any], edit: FileEdit, now: datetime) -> list[Document]:
    if edit.stamp and not any(_meant(entry, edit) for entry in entries):
        return []
    names = [cast("Document", entry).get("name") for entry in entries if isinstance(entry, dict)]
    facts = {**edit.set, **_stamp(edit, now)} if edit.stamp else {}
    return [{"name": name, **facts} for name in sorted(edit.add) if name not in names]


def _stamp(edit: FileEdit, now: datetime) -> Document:
    return {"created_dt": now} if edit.stamp else {}
