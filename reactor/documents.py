"""
From the studio's documents to the model. Pure, and trusts nothing that it reads.

Other programs write these documents beside us. Whatever has not the shape of DESIGN §2
becomes a `flaw` of that one file, in words that say what to mend.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple, cast

from reactor.events import is_name
from reactor.model import Entry, File, Representation

_ROOT = re.compile(r"\{root(?:\[([^\[\]{}/\\]+)\])?\}/(.+)", re.DOTALL)
MOST_BYTES = 2**63  # MongoDB writes no larger number
_PLAIN = frozenset(("name", "created_dt"))
_MTIME = re.compile(r"\|(\d+)(?:,(\d+))?\|\d+$")


class PathError(ValueError):
    """A document's path is not one below a root."""


class RootPath(NamedTuple):
    """A document's path taken apart: the root's name ("" for `{root}`) and what lies below it."""

    root: str
    path: str


@lru_cache(8192)  # one file is read some times from its publication to its last entry
def parse_path(text: str) -> RootPath:
    """
    Return root and relative POSIX path of `{root[NAME]}/…` or `{root}/…`.

    Raises `PathError` for every other form, and for a path that could leave its root.
    """
    match = _ROOT.fullmatch(text)
    if match is None:
        raise PathError(f"path {text!r} does not begin with {{root[NAME]}}/ or {{root}}/")
    parts = [part for part in match[2].split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        raise PathError(f"path {text!r} leaves its root")
    if any(char in match[2] for char in "{}\\\0"):
        raise PathError(
            f"path {text!r} has a placeholder, a backslash or a NUL after its root; "
            "publish it again with plain forward slashes"
        )
    return RootPath(match[1] or "", "/".join(parts))


def published_mtime_ns(file_hash: str | None) -> int | None:
    """
    Return the modification time that the publisher wrote into `files[].hash`, in nanoseconds.

    The form is `name|mtime|size` with commas for dots; it is exact to the microsecond at
    best. None where the hash has another form.
    """
    match = _MTIME.search(file_hash or "")
    if match is None:
        return None
    return int(match[1]) * 1_000_000_000 + int((match[2] or "0")[:9].ljust(9, "0"))


def parse_representation(project: str, document: Mapping[str, Any]) -> Representation:
    """
    Return what a document says. Elements of `files` may be wrapped as `{i, f}` with their position.

    Never raises: what has the wrong shape is told in `flaw`.
    """
    files = document.get("files")
    if flaw := _document_flaw(document.get("_id"), files):
        return Representation(project, document.get("_id"), (), flaw)
    parsed = tuple(
        _parse_file(*_position(element, index))
        for index, element in enumerate(cast("list[object]", files))
    )
    return Representation(project, document.get("_id"), parsed)


def _document_flaw(name: object, files: object) -> str | None:
    if not is_name(name):
        return f"its _id is {_kind(name)}; publish it again under an id of its own"
    if files is None:
        return "the document has no files"
    return None if isinstance(files, list) else f"the document has {_kind(files)} as files"


def _position(element: object, index: int) -> tuple[int, object]:
    wrapped = _fields(element)
    if wrapped.keys() <= {"i", "f"} and isinstance(wrapped.get("i"), int):
        return wrapped["i"], wrapped.get("f")
    return index, element


def _parse_file(position: int, element: object) -> File:
    if not isinstance(element, dict):
        return File(
            position, None, "", None, None, (), flaw=f"files[{position}] is {_kind(element)}"
        )
    raw = cast("dict[str, Any]", element)
    path, size, file_hash = raw.get("path"), raw.get("size"), raw.get("hash")
    entries, legacy, flaw, oddity = _parse_sites(raw.get("sites"))
    return File(
        position=position,
        id=raw.get("_id"),
        path=path if isinstance(path, str) else "",
        size=_whole(size),
        hash=file_hash if isinstance(file_hash, str) else None,
        entries=entries,
        legacy=legacy,
        flaw=_file_flaw(path, size) or flaw,
        oddity=oddity,
    )


def _number(value: object) -> float | int | None:
    """Return a number; neither a truth value nor "not a number" is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _file_flaw(path: object, size: object) -> str | None:
    if not isinstance(path, str):
        return f"its path is {_kind(path)}"
    try:
        parse_path(path)
    except PathError as error:
        return str(error)
    if size is not None and ((known := _whole(size)) is None or not 0 <= known < MOST_BYTES):
        return f"its size is {size!r}, not a number of bytes"
    return None


def _parse_sites(sites: object) -> tuple[tuple[Entry, ...], bool, str | None, str | None]:
    """Return entries, whether they were a mapping, what is wrong and what is odd with them."""
    if sites is None:
        return (), False, None, None
    if isinstance(sites, dict):
        named = cast("dict[str, object]", sites)
        pairs = [{**_fields(value), "name": name} for name, value in named.items()]
        return tuple(parse_entry(pair) for pair in pairs), True, None, None
    if not isinstance(sites, list):
        return (), False, f"its sites are {_kind(sites)}", None
    entries: list[Entry] = []
    flaw: str | None = None
    for index, element in enumerate(cast("list[object]", sites)):
        fields = _fields(element)
        if isinstance(fields.get("name"), str):
            entries.append(parse_entry(fields))
        else:
            flaw = f"sites[{index}] is {_kind(element)} where a site should be; remove it"
    names = [entry.name for entry in entries]
    doubled = sorted({name for name in names if names.count(name) > 1})
    oddity = f"several entries for site {', '.join(doubled)}" if doubled else None
    return tuple(entries), False, flaw, oddity


def parse_entry(raw: Mapping[str, Any]) -> Entry:
    """Return one entry; a field of an unexpected type counts as absent."""
    if raw.keys() <= _PLAIN:
        return _plain_entry(str(raw["name"]), available=raw.get("created_dt") is not None)
    progress = _number(raw.get("progress"))
    return Entry(
        name=str(raw["name"]),
        available=raw.get("created_dt") is not None,
        id=_text(raw, "id"),
        error=_text(raw, "error"),
        tries=max(0, _whole(raw.get("tries")) or 0),
        retry_at=_time(raw.get("retry_at")),
        paused=raw.get("paused") is not None and raw["paused"] is not False,
        priority=_whole(raw.get("priority")),
        checksum=_text(raw, "checksum"),
        verified=_text(raw, "verified"),
        source_hash=_text(raw, "source_hash"),
        progress=None if progress is None else float(progress),
    )


@lru_cache(1024)
def _plain_entry(name: str, *, available: bool) -> Entry:
    """Return an entry as publishers write it: thousands of files share two of them."""
    return Entry(name, available)


def _fields(element: object) -> dict[str, Any]:
    return cast("dict[str, Any]", element) if isinstance(element, dict) else {}


def _text(raw: Mapping[str, Any], key: str) -> str | None:
    value = raw.get(key)
    return value if isinstance(value, str) else None


def _time(value: object) -> datetime | None:
    """Dates without a zone are the database's own: it keeps UTC."""
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def _kind(value: object) -> str:
    names: dict[type, str] = {
        type(None): "empty (null)",
        dict: "a mapping",
        list: "a list",
        str: "a text",
        bool: "a truth value",
        int: "a number",
        float: "a number",
    }
    return next(
        (said for kind, said in names.items() if isinstance(value, kind)), "of another type"
    )
