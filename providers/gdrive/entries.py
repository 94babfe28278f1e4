"""What Drive tells of a file or folder, as far as it is used here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from providers.base import Facts
from providers.gdrive.shapes import (
    count_or_none,
    not_googles,
    table,
    text_in,
    text_or_none,
    texts_in,
)

FOLDER = "application/vnd.google-apps.folder"
_NATIVE = "application/vnd.google-apps."
FIELDS = (
    "id,name,mimeType,parents,size,md5Checksum,modifiedTime,createdTime,version,trashed,driveId,"
    "capabilities(canAddChildren)"
)
MILLISECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One file or folder, as it was when `version` was its version.

    `size` is None for what has no bytes: folders, Google documents, shortcuts.
    """

    id: str
    name: str
    mime: str
    parents: tuple[str, ...]
    size: int | None
    md5: str | None
    modified_ns: int | None
    created: str
    version: int
    trashed: bool
    drive: str | None
    takes_children: bool

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.mime == FOLDER

    @property
    def is_file(self) -> bool:
        """Whether it has bytes of its own."""
        return self.size is not None and not self.mime.startswith(_NATIVE)

    @property
    def facts(self) -> Facts:
        """What is told of a file with bytes."""
        assert self.size is not None  # noqa: S101 - `is_file` was asked
        checksum = f"md5:{self.md5}" if self.md5 else None
        return Facts(self.size, self.modified_ns, self.id, checksum)

    @property
    def age(self) -> tuple[str, str]:
        """What orders entries of one name: since when they are there."""
        return self.created, self.id


def entry_of(answer: object) -> Entry:
    """Return an entry from an answer's JSON; `RefusedError` where it has another shape."""
    told = table(answer)
    modified = text_or_none(told, "modifiedTime")
    return Entry(
        id=text_in(told, "id"),
        name=text_in(told, "name", ""),
        mime=text_in(told, "mimeType", ""),
        parents=tuple(texts_in(told, "parents")),
        size=count_or_none(told, "size"),
        md5=text_or_none(told, "md5Checksum"),
        modified_ns=None if modified is None else _nanoseconds(modified),
        created=text_in(told, "createdTime", ""),
        version=count_or_none(told, "version") or 0,
        trashed=bool(told.get("trashed", False)),
        drive=text_or_none(told, "driveId"),
        takes_children=bool(table(told.get("capabilities", {})).get("canAddChildren", True)),
    )


def fits_path(name: str) -> bool:
    """Return whether a name can stand in a path: Drive takes more than that."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def told_time(mtime_ns: int) -> str:
    """Return a time as Drive takes it: to the millisecond, which is all that it keeps."""
    seconds, rest = divmod(mtime_ns // MILLISECOND, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:03d}Z"


def oldest(entries: Iterable[Entry]) -> Entry:
    """Return the one that everybody chooses among folders of one name: it was there first."""
    return min(entries, key=lambda entry: entry.age)


def newest(entries: Iterable[Entry]) -> Entry:
    """Return the one that everybody chooses among files of one name: it came last."""
    return max(entries, key=lambda entry: entry.age)


def _nanoseconds(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
        return round(moment.timestamp() * 1000) * MILLISECOND
    except (ValueError, OverflowError):
        raise not_googles() from None
